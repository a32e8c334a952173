"""Values out: whatever a function returns or prints, the boundary and JSON.stringify say what the engine says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import abi
from tests.guest.boundary import ORACLE, Boundary
from tests.guest.json_texts import Texts

# Three ways to print what the expression makes: at the boundary, by JSON.stringify, by the engine. Each makes its
# own value, since getters and toJSON may count how often they are asked; `trace` tells.
SOURCE = (
    ORACLE
    + """
let trace = []
class Point { constructor() { this.x = 1; this.y = [2] } get sum() { return 3 } }
class Json extends Point { toJSON(key) { trace.push('toJSON ' + key); return { json: this.x } } }
const make = (code) => { trace = []; return new Function('trace', 'Point', 'Json', 'lone', `return ${code}`)(trace, Point, Json, '\\ud800') }
// Outcome, error name, text and trace as one string: whatever was patched has no say in a string.
const attempt = (call) => {
  let outcome = 'ok', name = '', text
  try { text = call() } catch (error) {
    outcome = 'thrown'
    if (error instanceof Error) { name = error.name; text = error.message } else text = 'no error'
  }
  return `${outcome}\x01${name}\x01${text === undefined ? '(undefined)' : text}\x01${trace.join('\x02')}`
}
function onTrack(event) { return { type: 'track', v: make(event.code) } }
function onPage({ code }) {
  return { __proto__: null, slow: attempt(() => engineStringify({ type: 'track', v: make(code) })) }
}
function onScreen({ code }) {
  return { __proto__: null, fast: attempt(() => JSON.stringify(make(code))), slow: attempt(() => engineStringify(make(code))) }
}
function onGroup({ code }) {
  const nested = () => [{ a: [make(code)] }, make(code)]
  return { __proto__: null, fast: attempt(() => JSON.stringify(nested())), slow: attempt(() => engineStringify(nested())) }
}
"""
)


def _expressions() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for line in (Path(__file__).parent / "json-expressions.txt").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"= ([a-z]+)", line):
            found = lists.setdefault(heading[1], [])
        elif line and not line.startswith("#"):
            found.append(line)
    return lists


_LISTS = _expressions()

PRIMITIVES, OBJECTS, ARRAYS, EXOTICS = (
    _LISTS[name] for name in ("primitives", "objects", "arrays", "exotics")
)

PATCHES = _LISTS["patches"]
"""Statements that change an intrinsic."""

PATCHED = _LISTS["patched"]
"""Values to print after one of them."""


@pytest.fixture(scope="module")
def warm() -> Iterator[Boundary]:
    boundary = Boundary(SOURCE)
    yield boundary
    boundary.close()


class Answer(NamedTuple):
    """What printing came to: *outcome* is "ok" or "thrown"; *text* is the JSON, or the error's message."""

    outcome: str
    error_name: str
    text: str
    trace: str


def ask(boundary: Boundary, name: str, code: str, how: str = "slow") -> Answer:
    value = boundary(json.dumps({"type": name, "code": code})).value
    return Answer(*value[how].split("\x01"))


def check_boundary(boundary: Boundary, code: str, *, renew: bool = False) -> None:
    """What is returned leaves the sandbox as the engine prints it, or fails as the engine fails."""
    wanted = ask(boundary, "page", code)
    if renew:
        boundary.fresh()
    reply = boundary(json.dumps({"type": "track", "code": code}))
    if wanted.outcome == "thrown":
        assert reply.kind is abi.Kind.THROWN
        assert not wanted.error_name or reply.error == (wanted.error_name, wanted.text)
    elif wanted.text.startswith("{"):
        assert (reply.kind, reply.output.decode()) == (abi.Kind.FORWARD, wanted.text)
    else:
        assert reply.kind is abi.Kind.BAD_RETURN


def check_calls(boundary: Boundary, code: str) -> None:
    for name in ("screen", "group"):
        assert ask(boundary, name, code, "fast") == ask(boundary, name, code, "slow")


@pytest.mark.parametrize("code", PRIMITIVES + OBJECTS + ARRAYS + EXOTICS)
def test_a_value(warm: Boundary, code: str) -> None:
    code = f"({code})"
    check_boundary(warm, code)
    check_calls(warm, code)


def test_the_values_cover_every_outcome(warm: Boundary) -> None:
    answers = [ask(warm, "screen", f"({code})") for code in PRIMITIVES + OBJECTS + ARRAYS + EXOTICS]

    assert {answer.outcome for answer in answers} == {"ok", "thrown"}
    messages = {answer.text for answer in answers if answer.outcome == "thrown"}
    assert {"circular reference", "getter", "toJSON", "ownKeys", "no error"} <= messages
    assert any("BigInt" in message for message in messages)
    assert "(undefined)" in [answer.text for answer in answers]
    assert {"get", "own", "inherited", "element"} <= {answer.trace for answer in answers}


@pytest.mark.parametrize("patch", PATCHES)
def test_a_value_among_patched_intrinsics(patch: str) -> None:
    boundary = Boundary(SOURCE)
    for value in PATCHED:
        code = f"(() => {{ {patch}; return {value} }})()"
        check_boundary(boundary.fresh(), code, renew=True)
        check_calls(boundary.fresh(), code)
    boundary.close()


@pytest.mark.parametrize("patch", PATCHES)
def test_an_untouched_event_among_patched_intrinsics(patch: str) -> None:
    # The oracle makes the event by the engine's parser; a root without prototype hides the patch from the root only.
    text = '{"type":"track","o":{"a":[1,{"b":[]}],"s":"x","n":[1,null]},"e":{},"l":[[2]],"t":"text"}'
    for root in ("", "Object.setPrototypeOf(event, null);"):
        for spaced in (text, text.replace(":", ": ")):
            outputs = []
            for name in ("track", "page"):
                boundary = Boundary(
                    f"""
                    {ORACLE}
                    const trace = []
                    class Point {{}}
                    class Json {{ toJSON() {{}} }}
                    function onTrack(event) {{ {patch}; {root} return event }}
                    function onPage({{ text }}) {{
                      const event = engineParse(text)
                      {patch}; {root}
                      globalThis.out = engineStringify(event)
                      throw new Error(out)
                    }}
                    """
                )
                event = spaced if name == "track" else json.dumps({"type": "page", "text": spaced})
                outputs.append(boundary(event))
                boundary.close()
            wanted = outputs[1].error[1]
            if wanted.startswith("{"):
                assert outputs[0].output.decode() == wanted
            else:
                assert outputs[0].kind is abi.Kind.BAD_RETURN


class Expressions(Texts):
    """Source text of values, nested at random from the lists above."""

    def expression(self, depth: int = 3) -> str:
        kind = self.random.randrange(7) if depth else 0
        if kind == 0:
            return f"({self.random.choice(PRIMITIVES)})"
        if kind == 1:
            return f"({self.random.choice(OBJECTS + ARRAYS)})"
        if kind == 2:
            return f"({self.random.choice(EXOTICS[:-5])})"
        if kind == 3:
            return f"JSON.parse({json.dumps(self.value(3))})"
        if kind == 4:
            return f"[{', '.join(self.expression(depth - 1) for _ in range(self.random.randrange(4)))}]"
        members = (f"[{self.key()}]: {self.expression(depth - 1)}" for _ in range(self.random.randrange(5)))
        return f"({{ {', '.join(members)} }})"


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**64 - 1))
def test_any_value(warm: Boundary, seed: int) -> None:
    texts = Expressions(seed)
    for _ in range(10):
        code = texts.expression()
        check_boundary(warm, code)
        check_calls(warm, code)


def test_stringify_arguments_that_ask_for_the_engine() -> None:
    boundary = Boundary(
        """
        const value = { b: [1, { c: 2 }], a: 'x' }
        const show = (...rest) => { try { return String(JSON.stringify(...rest)) } catch (error) { return error.name } }
        function onTrack() {
          return { out: [show(), show(undefined), show(value, undefined), show(value, null), show(value, null, undefined),
            show(value, undefined, null), show(value, 1, 'x'.repeat(0)), show(value, ['a']), show(value, (k, v) => (k === 'a' ? undefined : v)),
            show(value, null, 2), show(value, null, '--'), show(value, null, 0), show(value, {}, {}), show(1n)] }
        }
        """
    )
    plain = '{"b":[1,{"c":2}],"a":"x"}'
    out = boundary('{"type":"track"}').value["out"]

    assert out[:7] == ["undefined", "undefined", plain, plain, plain, plain, plain]
    assert out[7:9] == ['{"a":"x"}', '{"b":[1,{"c":2}]}']
    assert out[9] == json.dumps({"b": [1, {"c": 2}], "a": "x"}, indent=2)
    assert out[10] == json.dumps({"b": [1, {"c": 2}], "a": "x"}, indent="--")
    assert out[11:] == [plain, plain, "TypeError"]


def test_stringify_within_stringify() -> None:
    boundary = Boundary(
        """
        function onTrack(event) {
          const inner = { toJSON: () => JSON.stringify({ deep: [event.o, JSON.parse('[1]')] }) }
          return { out: JSON.stringify([{ a: 1 }, inner, inner, new Proxy({}, { ownKeys: () => (JSON.stringify(event), []) })]), o: event.o, inner }
        }
        """
    )
    value = boundary('{"type":"track","o":{"x":[1, 2]}}').value

    assert json.loads(value["out"]) == [{"a": 1}, *['{"deep":[{"x":[1,2]},[1]]}'] * 2, {}]
    assert value["inner"] == '{"deep":[{"x":[1,2]},[1]]}'


def test_output_past_its_limit_is_not_cut() -> None:
    for code in (
        "'x'.repeat(5000)",
        "[{ get a() { return 'x'.repeat(5000) } }]",
        "event.o",
        "Array(2000).fill(1.5)",
    ):
        boundary = Boundary(f"function onTrack(event) {{ return {{ v: {code} }} }}").fresh()
        boundary.limits = type(boundary.limits)(output_bytes=4000)
        reply = boundary('{"type":"track","o":{"s":"' + "y" * 5000 + '"}}')
        boundary.close()

        assert (reply.kind, reply.output) == (abi.Kind.TOO_LARGE, b""), code
