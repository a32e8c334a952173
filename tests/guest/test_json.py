"""The JSON boundary against the engine's own JSON: events untouched, malformed text, JSON.parse of user code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import EventError, abi
from tests.guest.boundary import ORACLE, Boundary, Reply
from tests.guest.json_texts import Texts
from tests.stage import TRACK, Isolation, Stage, value

IDENTITY = "function onTrack(event) { return event }\nfunction onBatch(events) { return events }"

BY_ENGINE = (
    ORACLE
    + """
function onTrack({ text }) {
  let value
  try { value = engineParse(text) } catch (error) { return { error: error.name, message: error.message } }
  const isEvent = typeof value === 'object' && value !== null && !Array.isArray(value)
  return { isEvent, eventType: isEvent && typeof value.type === 'string' ? value.type : null, out: engineStringify(value) }
}
"""
)

USER_CALLS = (
    ORACLE
    + """
const attempt = (call) => { try { return ['ok', engineStringify(call())] } catch (error) { return [error.name, error.message] } }
function onTrack({ texts }) {
  return { pairs: texts.map((text) => [attempt(() => JSON.parse(text)), attempt(() => engineParse(text))]) }
}
"""
)

DEPTH_MAX = 2000
"""Nesting of an event, itself included (guest/ABI.md, "Input")."""

SEEDS = st.integers(0, 2**64 - 1)

TYPES = ("identify", "track", "page", "screen", "group", "alias", "delete")


@pytest.fixture(scope="module")
def identity() -> Iterator[Boundary]:
    boundary = Boundary(IDENTITY)
    yield boundary
    boundary.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[Boundary]:
    boundary = Boundary(BY_ENGINE)
    yield boundary
    boundary.close()


@pytest.fixture(scope="module")
def user_calls() -> Iterator[Boundary]:
    boundary = Boundary(USER_CALLS)
    yield boundary
    boundary.close()


def text_event(**members: object) -> str:
    """Carries text to the oracle. Written by Python: what is non-canonical in *members* stays as it is."""
    return json.dumps({"type": "track", **members})


def engine_output(engine: Boundary, text: str) -> bytes:
    value = engine(text_event(text=text)).value
    assert "error" not in value, value
    out: str = value["out"]
    return out.encode()


def test_the_oracle_is_not_the_fast_path() -> None:
    calls = {
        name: Boundary(
            f"{ORACLE} const text = '[1.5]'.repeat(5000).replaceAll('][', ','); function onTrack() {{ {code}; return {{}} }}"
        )
        for name, code in {
            "parse": "JSON.parse(text)",
            "engine's parse": "engineParse(text)",
            "stringify": "JSON.stringify(Array(5000).fill(1.5))",
            "engine's stringify": "engineStringify(Array(5000).fill(1.5))",
        }.items()
    }
    fuel = {}
    for name, boundary in calls.items():
        boundary('{"type":"track"}')
        fuel[name] = boundary.fuel
        boundary.close()

    assert fuel["engine's parse"] > 1.2 * fuel["parse"]
    assert fuel["engine's stringify"] > 1.2 * fuel["stringify"]


class TestUntouched:
    """`return event` prints what the engine's JSON.parse and JSON.stringify make of the text."""

    @settings(max_examples=100, deadline=None)
    @given(seed=SEEDS)
    def test_any_event(self, identity: Boundary, engine: Boundary, seed: int) -> None:
        texts = Texts(seed)
        for _ in range(40):
            text = texts.event()

            assert identity(text) == Reply(abi.Kind.FORWARD, engine_output(engine, text)), text

    @settings(max_examples=60, deadline=None)
    @given(seed=SEEDS, count=st.integers(1, 12))
    def test_any_batch(self, identity: Boundary, engine: Boundary, seed: int, count: int) -> None:
        texts = Texts(seed)
        events = [texts.event() for _ in range(count)]

        assert identity.batch(events) == [(abi.Item.FORWARD, engine_output(engine, text)) for text in events]

    @pytest.mark.parametrize(
        "text",
        [
            '{"type":"page","a":1,"type":"track"}',
            '{"\\u0074ype":"track"}',
            '{"type":"tr\\u0061ck"}',
            '{"type":"track","o":{"b":1,"a":2,"b":3}}',
            '{"type":"track","o":{"b":1,"\\u0062":3}}',
            '{"type":"track","o":{"b":1,"4294967294":2,"4294967295":3,"2147483648":4,"1":5}}',
            '{"type":"track","10":1,"2":2,"-1":3,"01":4}',
            '{"type":"track","__proto__":{"toJSON":1},"o":{"__proto__":null}}',
        ],
    )
    def test_keys(self, identity: Boundary, engine: Boundary, text: str) -> None:
        assert identity(text) == Reply(abi.Kind.FORWARD, engine_output(engine, text))

    @pytest.mark.parametrize("count", [0, 1, 47, 48, 49, 62, 63, 64, 65, 66, 127, 128, 500])
    @pytest.mark.parametrize("nested", [False, True], ids=["top", "nested"])
    @pytest.mark.parametrize("repeat", [False, True], ids=["distinct", "repeated"])
    def test_objects_of_many_keys(
        self, identity: Boundary, engine: Boundary, count: int, nested: bool, repeat: bool
    ) -> None:
        keys = [f"key{n}" for n in range(count)]
        if repeat and keys:
            keys.append(keys[count // 2])
        members = ",".join(f'"{key}":{n}' for n, key in enumerate(keys))
        text = (
            f'{{"type":"track","o":{{{members}}}}}'
            if nested
            else f'{{{members}{"," if members else ""}"type":"track"}}'
        )

        # Twice: the second time the shape is known.
        for _ in range(2):
            assert identity(text).output == engine_output(engine, text)

    @pytest.mark.parametrize(
        "value",
        [
            '"' + "x" * 1_000_000 + '"',
            '"' + "é" * 500_000 + '"',
            '"' + "\\ud83d\\ude00" * 90_000 + '"',
            '"' + "€" * 16_385 + '"',
            "[" + ",".join(["1"] * 300_000) + "]",
            "[" + ",".join(['{"a":"b"}'] * 50_000) + "]",
            "[" + ",{ },".join(["1"] * 20_000) + "]",
            "[" * 100 + "]" * 100,
        ],
        ids=["ascii", "latin1", "pairs", "wide", "numbers", "objects", "spaced", "nested"],
    )
    def test_huge_values(self, identity: Boundary, engine: Boundary, value: str) -> None:
        text = f'{{"type":"track","v":{value}}}'

        assert identity(text).output == engine_output(engine, text)

    @pytest.mark.parametrize("size", [16_383 - 32, 16_384 - 32, 16_385 - 32, 16_384, 20_000])
    def test_sizes_around_the_inline_input(self, identity: Boundary, engine: Boundary, size: int) -> None:
        text = '{"type":"track","v":"' + "x" * (size - 23) + '"}'
        assert len(text) == size

        assert identity(text).output == text.encode()
        assert engine_output(engine, text) == text.encode()

    def test_text_equal_to_its_output_is_copied(self, identity: Boundary) -> None:
        wide = {"type": "track", "o": {f"k{n}": "v" * 100 for n in range(40)}}
        canonical = json.dumps(wide, separators=(",", ":"))
        identity(canonical)
        copied = identity.fuel
        identity(canonical.replace('"k39":', '"k39": '))

        assert identity.fuel > 1.5 * copied


class TestDepth:
    """An event may be nested DEPTH_MAX deep, itself included; more is refused in words, never by a fault."""

    SHAPES = (("[", "]", 1), ('{"a":', "}", 1), ('[{"a":', "}]", 2), (' [ {"a" : [', "] } ] ", 3))

    @pytest.mark.parametrize(("opening", "closing", "levels"), SHAPES)
    @pytest.mark.parametrize("depth", [1, 100, 101, 199, 200, 201, 999, 1_600, DEPTH_MAX - 3])
    def test_up_to_the_limit(
        self, identity: Boundary, engine: Boundary, opening: str, closing: str, levels: int, depth: int
    ) -> None:
        times = depth // levels
        text = f'{{"type":"track","d":{opening * times}1{closing * times}}}'

        assert identity(text) == Reply(abi.Kind.FORWARD, engine_output(engine, text))

    @pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
    def test_the_limit_is_exact(self, identity: Boundary, opening: str, closing: str) -> None:
        def nested(depth: int) -> str:
            return f'{{"type":"track","d":{opening * (depth - 1)}1{closing * (depth - 1)}}}'

        assert identity(nested(DEPTH_MAX)) == Reply(abi.Kind.FORWARD, nested(DEPTH_MAX).encode())
        for depth in (DEPTH_MAX + 1, 5_000, 200_000):
            assert identity(nested(depth)) == Reply(None, b"nested too deeply")

    def test_reading_where_the_stack_ends(self) -> None:
        boundary = Boundary(
            """
            let reads = 0
            function onTrack(event) {
              const recurse = () => { try { recurse() } catch { if (typeof event.d === 'object') reads++ } }
              recurse()
              return { reads, d: event.d, o: event.o.a.a.a !== undefined }
            }
            """
        )
        arrays = "[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1)
        objects = '{"a":' * (DEPTH_MAX - 1) + "1" + "}" * (DEPTH_MAX - 1)
        value = boundary(f'{{"type":"track","d":{arrays},"o":{objects}}}')

        assert f'"d":{arrays},"o":true'.encode() in value.output
        assert value.kind is abi.Kind.FORWARD

    @pytest.mark.parametrize(
        "call",
        [
            "JSON.parse('{\"a\":'.repeat(90) + '1' + '}'.repeat(90))",
            "JSON.parse('['.repeat(90) + ']'.repeat(90))",
            "JSON.stringify(deep)",
            "JSON.stringify(event.properties)",
        ],
    )
    def test_json_where_the_stack_ends_is_a_range_error(self, call: str) -> None:
        boundary = Boundary(
            f"""
            let deep = 1
            for (let i = 0; i < 190; i++) deep = {{ a: deep }}
            function onTrack(event) {{
              const recurse = () => {{ {call}; recurse() }}
              try {{ recurse() }} catch (error) {{ event.error = error.name; return event }}
            }}
            """
        )

        assert (
            boundary('{"type":"track","properties":{"a":[{"b":{ "c":[1]}}]}}').value["error"] == "RangeError"
        )

    @pytest.mark.parametrize(
        "text",
        [
            "'['.repeat(200000)",
            "'['.repeat(100000) + ']'.repeat(100000)",
            "'{\"a\":'.repeat(100000) + '1' + '}'.repeat(100000)",
            "'\"\\u20ac\",['.repeat(1) + '['.repeat(100000)",
            "'[\"\\u20ac\",'.repeat(100000)",
        ],
    )
    def test_parsing_what_no_stack_holds_is_a_range_error(self, text: str) -> None:
        boundary = Boundary(
            f"function onTrack() {{ try {{ JSON.parse({text}) }} catch (error) {{ return {{ error: error.name }} }} }}"
        )

        assert boundary('{"type":"track"}').value["error"] in ("RangeError", "SyntaxError")

    def test_brackets_in_strings_do_not_count(self) -> None:
        boundary = Boundary(
            "function onTrack() { const s = '[\\\\\"{'.repeat(30000); return { ok: JSON.parse('[\"' + s + '\\u20ac\"]')[0].length } }"
        )

        assert boundary('{"type":"track"}').value["ok"] == 30_000 * 3 + 1


class TestMalformed:
    """What is not an event's JSON is refused with a reason; what is, is treated as the engine would."""

    SAMPLE = '{"type":"track","n":[-1.5e3, true,null ,{"k\\u00e9":"v\\n€"}],"o":{"":false}}'.encode()

    @staticmethod
    def check(identity: Boundary, engine: Boundary, text: bytes) -> None:
        reply = identity(text)
        try:
            wanted = engine(text_event(text=text.decode())).value
        except UnicodeDecodeError:
            assert reply.kind is None
            return
        if "error" in wanted or not wanted["isEvent"]:
            assert reply.kind is None, (text, wanted)
            assert reply.output
        elif wanted["eventType"] == "track":
            assert reply == Reply(abi.Kind.FORWARD, wanted["out"].encode()), text
        else:
            known = wanted["eventType"] in TYPES
            assert reply.kind is (abi.Kind.MISSING if known else abi.Kind.UNKNOWN_TYPE), text

    def test_every_truncation(self, identity: Boundary, engine: Boundary) -> None:
        for end in range(len(self.SAMPLE)):
            assert identity(self.SAMPLE[:end]).kind is None
        self.check(identity, engine, self.SAMPLE)

    @pytest.mark.parametrize(
        "byte", [*b'\0\t\n "\\{}[],:-+.0159aenut/\x1f\x7f', 0x80, 0xC3, 0xE2, 0xED, 0xF0, 0xFF]
    )
    def test_every_byte_replaced(self, identity: Boundary, engine: Boundary, byte: int) -> None:
        for at in range(len(self.SAMPLE)):
            self.check(identity, engine, self.SAMPLE[:at] + bytes([byte]) + self.SAMPLE[at + 1 :])

    @settings(max_examples=60, deadline=None)
    @given(seed=SEEDS)
    def test_random_damage(self, identity: Boundary, engine: Boundary, seed: int) -> None:
        texts = Texts(seed)
        for _ in range(40):
            self.check(identity, engine, texts.damaged(texts.event(depth=3).encode()))

    @pytest.mark.parametrize(
        "text",
        [
            *(
                b"",
                b" ",
                b"null",
                b"true",
                b"1",
                b'"track"',
                b"[]",
                b"[{}]",
                b"\xef\xbb\xbf{}",
                b"{}{}",
                b"{},",
                b"{}\0",
            ),
            *(
                b"\0{}",
                b"{'a':1}",
                b"{a:1}",
                b'{"a":1,}',
                b'{"a":[1,]}',
                b'{"a":01}',
                b'{"a":.5}',
                b'{"a":5.}',
                b'{"a":+1}',
            ),
            *(
                b'{"a":0x1}',
                b'{"a":NaN}',
                b'{"a":Infinity}',
                b'{"a":undefined}',
                b"/**/{}",
                b"{}//",
                b'{"a":"\t"}',
            ),
            *(
                b'{"a":"\\x41"}',
                b'{"a":"\\u00g0"}',
                b'{"a":"\\u{41}"}',
                b'{"a":1e}',
                b'{"a":1e+}',
                b'{"a":-}',
                b'{"a" 1}',
            ),
            *(
                b'{"a":"\xff"}',
                b'{"a":"\xc0\x80"}',
                b'{"a":"\xed\xa0\x80"}',
                b'{"a":"\xf4\x90\x80\x80"}',
                b'{"\xff":1}',
            ),
            *(
                b'{"a":"\xc3"}',
                b'{"a":"\xe2\x82"}',
                b'{"a":"\xf0\x9f\x98"}',
                b"{\xc2\xa0}",
                b"\xe2\x80\xa8{}",
                b"{\x0b}",
            ),
        ],
    )
    def test_refused(self, identity: Boundary, engine: Boundary, text: bytes) -> None:
        reply = identity(text)

        assert reply.kind is None
        assert reply.output.decode().isprintable()
        self.check(identity, engine, text)

    def test_a_refused_event_leaves_the_sandbox_whole(self, identity: Boundary) -> None:
        for _ in range(50):
            assert identity('{"type":"track","a":{"b":[1,2,{"c":"' + "d" * 1000 + '"}]},"e":').kind is None

            assert identity('{"type":"track"}').output == b'{"type":"track"}'


class TestParseOfUserCode:
    """JSON.parse(text) against the engine's: value, error name and message."""

    @settings(max_examples=60, deadline=None)
    @given(seed=SEEDS)
    def test_values(self, user_calls: Boundary, seed: int) -> None:
        texts = Texts(seed)
        values = [
            texts.choose("", "", " ", "\n") + texts.value() + texts.choose("", "", " ") for _ in range(40)
        ]

        for text, (fast, slow) in zip(
            values, user_calls(text_event(texts=values)).value["pairs"], strict=True
        ):
            assert fast == slow, text
            assert fast[0] == "ok"

    @settings(max_examples=60, deadline=None)
    @given(seed=SEEDS)
    def test_errors(self, user_calls: Boundary, seed: int) -> None:
        texts = Texts(seed)
        values = [texts.damaged(texts.value(3).encode()).decode(errors="replace") for _ in range(40)]

        for text, (fast, slow) in zip(
            values, user_calls(text_event(texts=values)).value["pairs"], strict=True
        ):
            assert fast == slow, text

    def test_known_errors(self, user_calls: Boundary) -> None:
        texts = [
            *(
                "",
                " ",
                "{",
                "[",
                "[1",
                "[1,",
                "[1,]",
                '{"a"',
                '{"a":',
                '{"a":1',
                '{"a":1,',
                '{"a":1,}',
                "{1:1}",
                "'a'",
            ),
            *(
                "1 2",
                "[]]",
                "{}}",
                "1\0",
                "\0",
                "\ufeff1",
                "\ufeff",
                "nul",
                "nulll",
                "True",
                "NaN",
                "-",
                "01",
                "1.",
                ".1",
            ),
            *(
                '"',
                '"\\',
                '"\\u12',
                '"\\x"',
                '"\n"',
                '"\t"',
                "[1 2]",
                '{"a" 1}',
                '{"a":1 "b":2}',
                "undefined",
                "-Infinity",
            ),
            *(
                "[" * 101,
                "[" * 5000,
                '{"a":' * 150,
                "[" * 150 + "1" + "]" * 149,
                '["€',
                '["€" x]',
                "é",
                '{"é":}',
            ),
            *(
                "1e",
                "1e+",
                "--1",
                "0x10",
                "1_000",
                "/**/1",
                "1//",
                "\x0b1",
                "\u00a01",
                "[\u2028]",
                '"\u2028"',
                "\u20281",
            ),
        ]
        pairs = user_calls(text_event(texts=texts)).value["pairs"]

        assert [pair[0] for pair in pairs] == [pair[1] for pair in pairs]
        assert {name for (name, _), _ in pairs} == {"SyntaxError", "ok"}

    def test_arguments_that_are_no_string(self) -> None:
        boundary = Boundary(
            ORACLE
            + """
            const attempt = (call) => { try { return ['ok', String(call())] } catch (error) { return [error.name, error.message] } }
            const inputs = [undefined, null, 1, true, [1], {}, { toString: () => '[1,2]' }, Symbol('s'), 10n,
              { toString() { throw new TypeError('no') } }, new String('{"a":1}'), 'x'.repeat(3).concat('"'), `[${'1,'.repeat(9)}1]`]
            function onTrack() {
              return {
                none: [attempt(() => JSON.parse()), attempt(() => JSON.parse(undefined, undefined))],
                pairs: inputs.map((input) => [attempt(() => JSON.parse(input)), attempt(() => JSON.parse(input, undefined))]),
              }
            }
            """
        )
        value = boundary('{"type":"track"}').value

        assert value["none"][0] == value["none"][1]
        assert [pair[0] for pair in value["pairs"]] == [pair[1] for pair in value["pairs"]]


class TestEventErrors:
    """What the executor says of an event that the guest refused: it is the caller's fault, and raised."""

    @pytest.mark.parametrize(
        ("event", "why"),
        [
            (b"", "an event must be a JSON object"),
            (b"[]", "an event must be a JSON object"),
            (b'{"type":"track"', "expected ',' or '}'"),
            (b'{"type":"track"}}', "unexpected text after the JSON value"),
            (b'{"type":"tr\xffck"}', "invalid UTF-8"),
            (b'{"type":"track","n":01}', "bad number"),
            (b'{"type":"track","s":"\n"}', "control character"),
            (b'{"type":"track","d":' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}", "nested too deeply"),
            (b'{"type":"track","d":' + b'{"a":' * 90_000 + b"1" + b"}" * 90_000 + b"}", "nested too deeply"),
        ],
    )
    def test_it_names_the_reason(self, run: Stage, isolation: Isolation, event: bytes, why: str) -> None:
        with pytest.raises(EventError, match=f"^the event is not usable: .*{re.escape(why)}"):
            run(IDENTITY, event, isolation=isolation)

        assert value(run(IDENTITY, isolation=isolation)) == TRACK

    def test_in_a_batch_too(self, run: Stage) -> None:
        for events in ([b"{}", b"{"], [b"{}", b"[]"], [b"{}", b"{},{}"], [b"{", b"}"]):
            with pytest.raises(EventError):
                run.batch(IDENTITY, events)

        assert [value(outcome) for outcome in run.batch(IDENTITY, [TRACK, TRACK])] == [TRACK, TRACK]
