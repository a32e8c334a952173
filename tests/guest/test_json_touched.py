"""
Events that functions read, change and keep, while most of their text is still text: in every respect the object that
the engine's parser would have made.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import Limits, abi
from tests.guest.boundary import ORACLE, Boundary, Trapped
from tests.guest.json_texts import Texts

OPERATIONS = (Path(__file__).parent / "json-operations.js").read_text(encoding="utf-8")

AS_IT_CAME = f"{ORACLE}{OPERATIONS}\nfunction onTrack(event) {{ return run(event) }}"

BY_ENGINE = f"{ORACLE}{OPERATIONS}\nfunction onTrack({{ text }}) {{ return run(engineParse(text)) }}"

NAMES = re.findall(r"^  (\w+): \(", OPERATIONS, re.MULTILINE)

RARE = {"churn"}
"""Operations that cost much."""


class Endless(Exception):
    """Operations put an object into itself so often that printing it takes all fuel, either way."""


def operation(texts: Texts, name: str) -> str:
    source = texts.random
    path = [source.randrange(12) for _ in range(source.choice([0, 0, 1, 1, 2, 3]))]
    numbers = [source.randrange(40) for _ in range(3)]
    return f'{{"name":"{name}","path":{path},"numbers":{numbers},"value":{texts.value(2)}}}'


def plan(texts: Texts, count: int) -> str:
    """An event that says what to do to the next one."""
    common = [name for name in [*NAMES, "wait"] if name not in RARE]
    names = [texts.random.choice(common) for _ in range(count)]
    if texts.random.random() < 0.05:
        names.insert(texts.random.randrange(count + 1), "churn")
    return f'{{"type":"page","ops":[{",".join(operation(texts, name) for name in names)}]}}'


def target(texts: Texts) -> str:
    """An event, now and then too large for the mailbox."""
    text = texts.event()
    if texts.random.random() < 0.15:
        text = text.rstrip().removesuffix("}") + ',"large":{"x":["' + "x" * 20_000 + '"]}}'
    return text


def step(boundaries: tuple[Boundary, Boundary], ops: str, text: str) -> str:
    """Does *ops* to *text* both ways and gives the output."""
    event, by_engine = boundaries
    for boundary in boundaries:
        assert boundary(ops).kind is abi.Kind.FORWARD
    copy = json.dumps({"type": "track", "text": text})
    try:
        reply = event(text)
    except Trapped as trap:
        with pytest.raises(Trapped, match="out of fuel"):
            by_engine(copy)
        raise Endless from trap
    wanted = by_engine(copy)
    assert reply == wanted, f"{ops}\n{text}"
    return reply.output.decode()


def test_every_operation_is_found() -> None:
    assert len(NAMES) > 75
    assert {"get", "recallChange", "churn"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_one_operation(name: str) -> None:
    boundaries = (Boundary(AS_IT_CAME), Boundary(BY_ENGINE))
    texts = Texts(sum(name.encode()))
    for _ in range(2 if name in RARE else 15):
        ops = f'{{"type":"page","ops":[{operation(texts, name)},{operation(texts, "keepRoot")},{operation(texts, "recall")}]}}'
        step(boundaries, ops, target(texts))
    for boundary in boundaries:
        boundary.close()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**64 - 1))
def test_any_operations(seed: int) -> None:
    boundaries = (Boundary(AS_IT_CAME), Boundary(BY_ENGINE))
    texts = Texts(seed)
    for _ in range(12):
        try:
            step(boundaries, plan(texts, texts.random.randrange(1, 8)), target(texts))
        except Endless:
            break
    for boundary in boundaries:
        boundary.close()


def test_operations_do_what_they_are_named_for() -> None:
    boundaries = (Boundary(AS_IT_CAME), Boundary(BY_ENGINE))
    text = '{"type":"track","o":{"b":[3,1,{"c":null}],"a":"x"},"l":[{"k":1}, {"k" : 2}]}'
    as_it_was = f'"root":{text.replace(", ", ",").replace(" : ", ":")}'
    changing, failing = set(), set()
    for seed in range(8):
        texts = Texts(seed)
        for name in NAMES:
            output = step(boundaries, f'{{"type":"page","ops":[{operation(texts, name)}]}}', text)
            assert "not a function" not in output
            assert "not defined" not in output
            thrown = output[0] == "["  # as the whole was to be printed
            if "Error: " in output and not thrown:
                failing.add(name)
            if as_it_was not in output:
                changing.add(name)

    assert failing <= {"append", "assign", "set", "swap"}  # a length is no string
    assert {
        "set",
        "add",
        "remove",
        "rename",
        "alias",
        "getter",
        "clone",
        "wrap",
        "push",
        "splice",
        "hide",
    } <= changing
    assert not {"get", "keys", "spread", "descriptor", "freeze", "stringify", "keep", "recall"} & changing


def test_parts_of_many_events_stay_as_they_were() -> None:
    boundary = Boundary(
        """
        const kept = []
        async function onTrack(event) {
          const part = event.n % 3 ? event.deep : event
          kept.push(part)
          if (event.n % 5 === 0) await new Promise((done) => setTimeout(done, 1))
          if (event.n % 7 === 0) kept.splice(event.n % kept.length, 1)
          return { type: 'track' }
        }
        function onPage() { return { all: kept.map((part) => (part.deep ?? part).in.m), last: kept.at(-1) } }
        """
    )
    wanted = []
    for number in range(300):
        boundary(
            f'{{"type":"track","n":{number},"deep":{{"in":{{"m":"text {number}", "pad":"{"x" * (number % 50)}"}}}}}}'
        )
        wanted.append(f"text {number}")
        if number % 7 == 0:
            del wanted[number % len(wanted)]
        if number % 50 == 49:
            assert boundary('{"type":"page"}').value["all"] == wanted

    last = boundary('{"type":"page"}').value["last"]
    boundary.close()

    assert last == {"in": {"m": "text 299", "pad": "x" * 49}}


def test_parts_that_are_dropped_give_their_memory_back() -> None:
    boundary = Boundary(
        "let last\nfunction onTrack(event) { const before = last; last = event.o; return { was: before?.x } }"
    )
    text = '{"type":"track","o":{"x":"' + "x" * 100_000 + '"}}'
    sizes = []
    for _ in range(200):
        boundary(text)
        assert boundary._sandbox is not None
        sizes.append(boundary._sandbox.result().heap_used)
    boundary.close()

    assert max(sizes[10:]) - min(sizes[10:]) < 200_000


@pytest.mark.parametrize("size", [10, 1_000])
def test_what_finds_no_memory_when_read_is_never_lost_in_silence(size: int) -> None:
    boundary = Boundary(
        """
        function onTrack(event) {
          let kept = [], caught = 0
          for (const size of [100_000, 1_000, 8]) try { for (;;) kept.push(new Uint8Array(size)) } catch {}
          try { event.o.list.length } catch { caught = 1 }
          kept = null
          return { ...event, caught }
        }
        """,
        Limits(memory_bytes=16 << 20),
    )
    text = json.dumps({"type": "track", "o": {"list": [{"a": [n]} for n in range(size)]}})
    reply = boundary(text)
    boundary.close()

    # Whether reading failed depends on what is left of memory; what failed before the text was given up is there still.
    whole = json.loads(text)
    assert reply.kind is abi.Kind.OUT_OF_MEMORY or reply.value in (
        {**whole, "caught": 0},
        {**whole, "caught": 1},
    )


def test_a_batch_shares_one_text() -> None:
    boundary = Boundary(
        """
        let kept = []
        function onBatch(events) {
          const before = kept.map((part) => part.in)
          kept = events.map((event) => event.o)
          events[0].o.in[0] = 'changed'
          events[1].moved = events[2].o
          delete events[2].o
          events[2].before = before
          return events
        }
        """
    )
    texts = [
        f'{{"type":"track","messageId":"m{n}","o":{{ "in":[{n}.0,{{"a":"\\u0041"}}]}}}}' for n in range(3)
    ]
    boundary.batch(texts)
    items = boundary.batch(texts)
    boundary.close()

    assert [json.loads(body) for _, body in items] == [
        {"type": "track", "messageId": "m0", "o": {"in": ["changed", {"a": "A"}]}},
        {"type": "track", "messageId": "m1", "o": {"in": [1, {"a": "A"}]}, "moved": {"in": [2, {"a": "A"}]}},
        {
            "type": "track",
            "messageId": "m2",
            "before": [["changed", {"a": "A"}], [1, {"a": "A"}], [2, {"a": "A"}]],
        },
    ]


def test_settings_are_made_anew_for_every_event() -> None:
    boundary = Boundary(
        """
        const kept = []
        function onTrack(event, settings) { kept.push(settings.x); settings.x = event.n; settings.y = 1; return { kept, settings } }
        """
    )
    for number in range(3):
        value = boundary(f'{{"type":"track","n":{number}}}').value
    boundary.close()

    assert value == {"kept": [None, None, None], "settings": {"x": 2, "y": 1}, "type": "track"}
