"""type and messageId after a function: restored when it lost them, from the input's own text (SPEC 2.3, D13)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from headgate_runtime import abi
from tests.guest.boundary import Boundary

EVENT = '{"type":"track","messageId":"m1","a":1}'

BOTH = '"messageId":"m1","type":"track"'


def after(code: str, event: str = EVENT) -> str:
    """What comes out of *event* when the body of the handler is *code*."""
    boundary = Boundary(f"function onTrack(event) {{ {code} }}")
    reply = boundary(event)
    boundary.close()
    assert reply.kind is abi.Kind.FORWARD, reply
    return reply.output.decode()


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("return {}", f"{{{BOTH}}}"),
        ("return { a: 1 }", f'{{"a":1,{BOTH}}}'),
        ("return { type: 'page' }", '{"type":"page","messageId":"m1"}'),
        ("return { messageId: 'm2' }", '{"messageId":"m2","type":"track"}'),
        ("return { messageId: 'm2', type: 'alias', x: 1 }", '{"messageId":"m2","type":"alias","x":1}'),
        ("delete event.type; return event", '{"messageId":"m1","a":1,"type":"track"}'),
        ("delete event.messageId; return event", '{"type":"track","a":1,"messageId":"m1"}'),
        ("event.type = 'page'; return event", '{"type":"page","messageId":"m1","a":1}'),
        ("event.messageId = undefined; return event", '{"type":"track","a":1,"messageId":"m1"}'),
        ("event.messageId = null; return event", '{"type":"track","messageId":null,"a":1}'),
        ("event.messageId = 7; return event", '{"type":"track","messageId":7,"a":1}'),
        (
            "event.messageId = 'x'; delete event.messageId; return event",
            '{"type":"track","a":1,"messageId":"m1"}',
        ),
        ("event.messageId = () => 1; return event", '{"type":"track","a":1,"messageId":"m1"}'),
        (
            "return { Type: 'page', messageid: 'x', message_id: 1 }",
            f'{{"Type":"page","messageid":"x","message_id":1,{BOTH}}}',
        ),
        (
            "return { o: { type: 'page', messageId: 'inner' } }",
            f'{{"o":{{"type":"page","messageId":"inner"}},{BOTH}}}',
        ),
        (
            "return { type: 'page', o: { type: 'nope' } }",
            '{"type":"page","o":{"type":"nope"},"messageId":"m1"}',
        ),
        (
            "return { o: [{ type: 'a' }], type: 'nope', z: 1 }",
            '{"o":[{"type":"a"}],"type":"track","z":1,"messageId":"m1"}',
        ),
        ("return Object.create(event)", f"{{{BOTH}}}"),
        ("return Object.assign(Object.create(null), { a: 1 })", f'{{"a":1,{BOTH}}}'),
        ("return new (class { type = 'group' })()", '{"type":"group","messageId":"m1"}'),
        ("return Object.defineProperty({}, 'type', { value: 'page' })", f"{{{BOTH}}}"),
        ("return new Map([['type', 'page']])", f"{{{BOTH}}}"),
        ("return new Error('e')", f"{{{BOTH}}}"),
    ],
)
def test_plain_objects(code: str, output: str) -> None:
    assert after(code) == output


@pytest.mark.parametrize(
    "value",
    [
        *(
            "'nope'",
            "''",
            "'Track'",
            "'track '",
            "' track'",
            "'track\\0'",
            "'trac'",
            "'tracks'",
            "'tr\\u00e4ck'",
            "'€'",
            "'\"'",
        ),
        *(
            "5",
            "null",
            "true",
            "NaN",
            "{}",
            "['track']",
            "{ type: 'track' }",
            "new Date(0)",
            "[]",
            "'page\\n'",
            "'constructor'",
        ),
    ],
)
def test_a_type_that_names_no_handler_is_put_right_in_its_place(value: str) -> None:
    restored = '{"a":1,"type":"track","z":[2],"messageId":"m1"}'

    assert after(f"return {{ a: 1, type: {value}, z: [2] }}") == restored
    # Printed by the engine, since it has a getter.
    assert after(f"return {{ a: 1, type: {value}, get z() {{ return [2] }} }}") == restored


@pytest.mark.parametrize("value", ["'page'", "new String('page')", "{ toJSON: () => 'page' }", "'pa' + 'ge'"])
def test_a_type_that_is_another_handlers_stays(value: str) -> None:
    assert after(f"return {{ type: {value} }}") == '{"type":"page","messageId":"m1"}'


@pytest.mark.parametrize("name", ["identify", "track", "page", "screen", "group", "alias", "delete"])
def test_every_type_may_become_every_other(name: str) -> None:
    assert after(f"event.type = '{name}'; return event") == EVENT.replace("track", name)


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("return { toJSON: () => ({}) }", f"{{{BOTH}}}"),
        (
            "return { toJSON: () => ({ type: 'page', x: 1 }), type: 'alias' }",
            '{"type":"page","x":1,"messageId":"m1"}',
        ),
        ("event.toJSON = () => ({ messageId: 'j' }); return event", '{"messageId":"j","type":"track"}'),
        ("return { get type() { return 'page' } }", '{"type":"page","messageId":"m1"}'),
        ("return { get type() { return 'nope' }, b: 1 }", '{"type":"track","b":1,"messageId":"m1"}'),
        ("return { get messageId() {} }", f"{{{BOTH}}}"),
        ("return new Proxy({}, {})", f"{{{BOTH}}}"),
        ("return new Proxy({ type: 'nope', b: 1 }, {})", '{"type":"track","b":1,"messageId":"m1"}'),
        (
            "return new Proxy(event, { get: (t, k) => (k === 'type' ? undefined : t[k]) })",
            '{"messageId":"m1","a":1,"type":"track"}',
        ),
        ("return new Proxy(event, { ownKeys: () => ['a'] })", f'{{"a":1,{BOTH}}}'),
        ("return { 7: 1, type: 'nope', 3: 2 }", '{"3":2,"7":1,"type":"track","messageId":"m1"}'),
        ("return { '\\n\"type\":1': 1, 'a\"': '\"type\":\"page\"', get b() { return '}' } }", None),
        ("return { get o() { return { type: 'page', messageId: 'in', l: ['}', '{', '\\\\'] } } }", None),
        (
            "return { get l() { return [[], {}, [{}], ''] }, type: 'page' }",
            '{"l":[[],{},[{}],""],"type":"page","messageId":"m1"}',
        ),
        ("let v = {}; for (let i = 0; i < 500; i++) v = { v }; return { v, type: 'page' }", None),
        ("Object.prototype.toJSON = function () { return this }; return {}", f"{{{BOTH}}}"),
        ("Object.prototype.toJSON = () => ({}); return { a: 1 }", f"{{{BOTH}}}"),
        ("Array.prototype.toJSON = () => 'x'; return { l: [] }", f'{{"l":"x",{BOTH}}}'),
    ],
)
def test_what_only_the_engine_prints(code: str, output: str | None) -> None:
    text = after(code)
    event = json.loads(text)

    assert output is None or text == output
    assert event["messageId"] in ("m1", "j")
    assert event["type"] == (
        "page"
        if "type: 'page'" in code.rsplit("return", maxsplit=1)[-1] and "get o" not in code
        else event["type"]
    )
    assert event["type"] in ("track", "page")
    assert len(json.loads(text, object_pairs_hook=list)) == len(event)


@pytest.mark.parametrize(
    ("event", "output"),
    [
        ('{ "type" : "tr\\u0061ck" , "messageId" : "\\u006d\\/1" }', '{"messageId":"m/1","type":"track"}'),
        ('{"\\u0074ype":"track","message\\u0049d":"m"}', '{"messageId":"m","type":"track"}'),
        (
            '{"type":"page","type":"track","messageId":"a","messageId":"b"}',
            '{"messageId":"b","type":"track"}',
        ),
        ('{"type":"track","messageId":42}', '{"messageId":42,"type":"track"}'),
        ('{"type":"track","messageId":-0.50}', '{"messageId":-0.5,"type":"track"}'),
        ('{"type":"track","messageId":null}', '{"messageId":null,"type":"track"}'),
        ('{"type":"track","messageId":false}', '{"messageId":false,"type":"track"}'),
        ('{"type":"track","messageId":""}', '{"messageId":"","type":"track"}'),
        ('{"type":"track","messageId":"\\ud800é€\\u2028"}', '{"messageId":"\\ud800é€\u2028","type":"track"}'),
        ('{"type":"track","messageId":{ "a" : 1.0 }}', '{"messageId":{"a":1},"type":"track"}'),
        ('{"type":"track","messageId":[ 1, [2] ]}', '{"messageId":[1,[2]],"type":"track"}'),
        ('{"type":"track"}', '{"type":"track"}'),
        ('{"type":"track","MessageId":"x"}', '{"type":"track"}'),
        (
            '{"type":"track","messageId":"' + "x" * 100_000 + '"}',
            '{"messageId":"' + "x" * 100_000 + '","type":"track"}',
        ),
        (
            '{"type":"track","messageId":"m","__proto__":{"messageId":"p"}}',
            '{"messageId":"m","type":"track"}',
        ),
    ],
)
def test_what_is_restored_is_printed_as_json(event: str, output: str) -> None:
    assert after("return {}", event) == output
    assert after("event.messageId = event.type = 'changed'; event = null; return {}", event) == output


def test_an_id_that_is_a_strange_object_is_still_json() -> None:
    event = '{"type":"track","messageId":{"b":1,"5":[{"toJSON":0}], "deep":' + "[" * 300 + "]" * 300 + "}}"

    for code in ("return {}", "Object.prototype.toJSON = () => 1; return Object.create(null)"):
        assert json.loads(after(code, event))["messageId"] == json.loads(event)["messageId"]


@pytest.fixture(scope="module")
def waiting() -> Iterator[Boundary]:
    boundary = Boundary(
        """
        const wait = (ms) => new Promise((done) => setTimeout(done, ms))
        async function onTrack(event) {
          for (const name of Object.keys(event)) delete event[name]
          event = null
          await wait(1); await wait(2)
          return {}
        }
        """
    )
    yield boundary
    boundary.close()


@pytest.mark.parametrize("flags", [abi.Flag(0), abi.Flag.HERMETIC])
@pytest.mark.parametrize("size", [10, 10_000, 100_000])
def test_restored_after_waits(waiting: Boundary, flags: abi.Flag, size: int) -> None:
    for number in range(3):
        text = f'{{"type":"track","messageId":"{number}{"x" * size}"}}'
        if flags:
            waiting.fresh()

        assert (
            waiting(text, flags).output.decode() == f'{{"messageId":"{number}{"x" * size}","type":"track"}}'
        )


def test_each_event_of_a_batch_has_its_own() -> None:
    boundary = Boundary(
        "function onBatch(events) { return events.map((event, i) => (i % 2 ? { n: event.n } : { n: event.n, type: i ? 'nope' : 'page' })) }"
    )
    texts = [
        f'{{"type":"{name}","messageId":"m{n}","n":{n}}}'
        for n, name in enumerate(["track", "alias", "group", "wrong"])
    ]
    items = boundary.batch([*texts, '{"n":4}', '{"type":7,"messageId":8,"n":5}'])
    boundary.close()

    assert [body.decode() for _, body in items] == [
        '{"n":0,"type":"page","messageId":"m0"}',
        '{"n":1,"messageId":"m1","type":"alias"}',
        '{"n":2,"type":"group","messageId":"m2"}',
        '{"n":3,"messageId":"m3","type":"wrong"}',
        '{"n":4,"type":"nope"}',
        '{"n":5,"messageId":8,"type":7}',
    ]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *[(value, "a primitive") for value in ("Symbol('s')", "10n")],
        *[(value, "a string") for value in ("''", "'{}'", "'a' + 'b'.repeat(9000)")],
        *[(value, "a number") for value in ("0", "NaN", "1.5")],
        ("false", "a boolean"),
        *[(value, "a function") for value in ("() => 1", "class {}", "Math.max", "new Proxy(() => 1, {})")],
        *[
            (value, "an array")
            for value in ("[]", "[event]", "new Proxy([], {})", "new (class extends Array {})()")
        ],
        *[
            (value, "an object that is none in JSON")
            for value in (
                "new Date()",
                "new Date(NaN)",
                "new String('{}')",
                "new Number(1)",
                "new Boolean(false)",
            )
        ],
        *[
            (value, "an object that is none in JSON")
            for value in (
                "{ toJSON() {} }",
                "{ toJSON: () => '{}' }",
                "{ toJSON: () => [event] }",
                "{ toJSON: () => null }",
            )
        ],
        ("{ toJSON: () => () => 1 }", "an object that is none in JSON"),
    ],
)
@pytest.mark.parametrize("wrapped", ["{}", "Promise.resolve({})", "{{ then(done) {{ done({}) }} }}"])
def test_what_is_no_event(value: str, kind: str, wrapped: str) -> None:
    boundary = Boundary(f"function onTrack(event) {{ return {wrapped.format(f'({value})')} }}")
    reply = boundary(EVENT)
    boundary.close()

    assert reply.kind is abi.Kind.BAD_RETURN
    assert reply.output.decode() == (
        f"handler returned {kind}; it must return the event object, or nothing to drop the event"
    )


@pytest.mark.parametrize("value", ["null", "undefined", "void 0"])
def test_nothing(value: str) -> None:
    boundary = Boundary(f"function onTrack() {{ return {value} }}")

    assert boundary(EVENT) == (abi.Kind.EMPTY, b"")
    boundary.close()


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ('{"type":"nope"}', '"nope"'),
        ('{"type":"tr\\u0061cks"}', '"tracks"'),
        ('{"type":"track\\u0000"}', '"track\\u0000"'),
        ('{"type":"Track"}', '"Track"'),
        ('{"type":""}', '""'),
        ('{"type":5}', "5"),
        ('{"type":null}', "null"),
        ('{"type":["track"]}', '["track"]'),
        ('{"type":{"a": 1}}', '{"a":1}'),
        ('{"Type":"track"}', ""),
        ("{}", ""),
        ('{"__proto__":{"type":"track"}}', ""),
    ],
)
def test_types_without_a_handler_never_reach_the_function(text: str, output: str) -> None:
    boundary = Boundary("function onTrack() { throw new Error('called') }")

    assert boundary(text) == (abi.Kind.UNKNOWN_TYPE, output.encode())
    boundary.close()
