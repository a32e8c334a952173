"""Errors that pretend: classified by class, else by name, else Bad Request (SPEC 3.2, D16), and never by running away."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import Stage, track, value

CASES = {
    "a class of the same name, known by its name": (
        "class RetryError extends Error { constructor(m) { super(m); this.name = 'RetryError' } } throw new RetryError('x')",
        Cause.RETRY,
    ),
    "a class of the same name that names itself Error": (
        "class RetryError extends Error {} throw new RetryError('x')",
        Cause.BAD_REQUEST,
    ),
    "an object with a name": ("throw { name: 'DropEvent', message: 'x' }", Cause.DROPPED),
    "an object with an inherited name": (
        "throw Object.create({ name: 'ValidationError', message: 'x' })",
        Cause.REJECTED,
    ),
    "a function with a name": ("throw function DropEvent() {}", Cause.DROPPED),
    "an array with a name": ("throw Object.assign([], { name: 'RetryError', message: 'x' })", Cause.RETRY),
    "a name that is no string": ("throw { name: ['DropEvent'], message: 'x' }", Cause.BAD_REQUEST),
    "a name that is a string object": (
        "throw { name: new String('DropEvent'), message: 'x' }",
        Cause.BAD_REQUEST,
    ),
    "a name in other letters": ("throw { name: 'dropevent', message: 'x' }", Cause.BAD_REQUEST),
    "a name with more behind it": ("throw { name: 'DropEvent ', message: 'x' }", Cause.BAD_REQUEST),
    "a string": ("throw 'DropEvent'", Cause.BAD_REQUEST),
    "a name getter that throws": (
        "throw { get name() { throw new DropEvent('y') }, message: 'x' }",
        Cause.BAD_REQUEST,
    ),
    "a name getter that changes": (
        "let n = 0; throw { get name() { return n++ ? 'DropEvent' : 'RetryError' }, message: 'x' }",
        Cause.RETRY,
    ),
    "hasInstance that says yes": (
        "Object.defineProperty(DropEvent, Symbol.hasInstance, { value: () => true }); throw new Error('x')",
        Cause.BAD_REQUEST,
    ),
    "hasInstance that throws": (
        "Object.defineProperty(DropEvent, Symbol.hasInstance, { value: () => { throw 1 } }); throw new Error('x')",
        Cause.BAD_REQUEST,
    ),
    "an instance that changed its name": (
        "const e = new RetryError('x'); e.name = 'DropEvent'; throw e",
        Cause.RETRY,
    ),
    "an instance of a subclass": ("class Mine extends DropEvent {} throw new Mine('x')", Cause.DROPPED),
    "an object made from the prototype": (
        "throw Object.create(DropEvent.prototype, { message: { value: 'x' } })",
        Cause.DROPPED,
    ),
    "a prototype set later": (
        "throw Object.setPrototypeOf({ message: 'x' }, RetryError.prototype)",
        Cause.RETRY,
    ),
    "an instance that lost its prototype": (
        "throw Object.setPrototypeOf(new DropEvent('x'), Error.prototype)",
        Cause.BAD_REQUEST,
    ),
    "a prototype replaced": (
        "DropEvent.prototype.__proto__ = null; throw new DropEvent('x')",
        Cause.DROPPED,
    ),
    "a proxy of an instance": ("throw new Proxy(new DropEvent('x'), {})", Cause.DROPPED),
    "a proxy that claims a prototype": (
        "throw new Proxy({ message: 'x' }, { getPrototypeOf: () => DropEvent.prototype })",
        Cause.DROPPED,
    ),
    "a proxy that throws at everything": (
        "throw new Proxy({}, new Proxy({}, { get() { throw new DropEvent('trap') } }))",
        Cause.BAD_REQUEST,
    ),
    "a revoked proxy": (
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy",
        Cause.BAD_REQUEST,
    ),
    "prototypes without end": (
        "const p = () => new Proxy({}, { getPrototypeOf: p }); throw p()",
        Cause.BAD_REQUEST,
    ),
    "nothing": ("throw undefined", Cause.BAD_REQUEST),
    "null": ("throw null", Cause.BAD_REQUEST),
    "a symbol": ("throw Symbol('DropEvent')", Cause.BAD_REQUEST),
    "a big number": ("throw 10n", Cause.BAD_REQUEST),
    "an object without a prototype": ("throw Object.create(null)", Cause.BAD_REQUEST),
    "a message that is an object": ("throw { message: { toString() { throw 1 } } }", Cause.BAD_REQUEST),
    "a message getter that throws": (
        "throw { get message() { throw 1 }, toString() { throw 2 } }",
        Cause.BAD_REQUEST,
    ),
    "a stack that is an object": ("const e = new Error('x'); e.stack = {}; throw e", Cause.BAD_REQUEST),
    "a stack getter that throws": (
        "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw 1 } }); throw e",
        Cause.BAD_REQUEST,
    ),
    "a stack from prepareStackTrace": (
        "Error.prepareStackTrace = (e, s) => s; throw new Error('x')",
        Cause.BAD_REQUEST,
    ),
    "a stack from a throwing prepareStackTrace": (
        "Error.prepareStackTrace = () => { throw new DropEvent('y') }; throw new Error('x')",
        None,
    ),
    "what the engine throws when out of memory": (
        "throw new InternalError('out of memory')",
        Cause.BAD_REQUEST,
    ),
    "null after memory ran out": ("try { new Uint8Array(5e8) } catch {} throw null", None),
    "a rejection": ("return Promise.reject(new DropEvent('x'))", Cause.DROPPED),
    "a rejection with a promise": (
        "return Promise.reject(Promise.reject(new DropEvent('x')))",
        Cause.BAD_REQUEST,
    ),
    "a thenable that throws": ("return { then() { throw new DropEvent('x') } }", Cause.DROPPED),
    "a thenable that rejects": ("return { then(_, reject) { reject({ name: 'RetryError' }) } }", Cause.RETRY),
    "a getter named then": ("return { get then() { throw new DropEvent('x') } }", Cause.DROPPED),
    "while the event is written": ("return { get x() { throw new DropEvent('x') } }", Cause.DROPPED),
    "in toJSON": ("return { toJSON() { throw new RetryError('x') } }", Cause.RETRY),
    "an outcome returned as a value": (
        "return { status: 500, category: 'Retry', outcome: 'retry' }",
        Cause.FORWARD,
    ),
    "an error returned as a value": ("return new RetryError('x')", Cause.FORWARD),
    "an aggregate": ("throw new AggregateError([new DropEvent('y')], 'x')", Cause.BAD_REQUEST),
    "a cause": ("throw new Error('x', { cause: new DropEvent('y') })", Cause.BAD_REQUEST),
    "a DOM exception": ("throw new DOMException('x', 'DropEvent')", Cause.DROPPED),
}


@pytest.mark.parametrize(("body", "cause"), CASES.values(), ids=CASES)
def test_it_is_what_it_is(assault: Assault, body: str, cause: Cause | None) -> None:
    outcome = assault(body, calm=False)

    if cause is not None:
        assert outcome.cause is cause
    if outcome.cause is not Cause.FORWARD:
        assert isinstance(outcome.message, str)


def test_a_forged_dispatch_table(assault: Assault) -> None:
    """`EventNotSupported` thrown by a handler is a documented way out, whoever made it."""
    outcome = assault("const { EventNotSupported: E } = globalThis; throw new E('not mine')")

    assert (outcome.cause, outcome.error_name) == (Cause.UNSUPPORTED, "EventNotSupported")


def test_lone_surrogates_in_everything_that_is_told(assault: Assault) -> None:
    outcome = assault("const e = new Error('a\\ud800b'); e.name = '\\udfff'; e.stack = 'at \\ud800'; throw e")

    assert (outcome.cause, outcome.message, outcome.error_name) == (Cause.BAD_REQUEST, "a\ufffdb", "\ufffd")
    for text in (outcome.message, outcome.error_name, outcome.stack):
        assert text is not None
        text.encode()


def test_lone_surrogates_at_the_top_level(run: Stage) -> None:
    error = run.refusal("throw new Error('a\\ud800b')")

    assert (error.kind, error.message) == ("throw", "a\ufffdb")


def test_stacks_speak_of_the_user_s_lines_only(run: Stage) -> None:
    source = "\n\nfunction deep() {\n  throw new Error('here')\n}\nfunction onTrack() {\n  deep()\n}"

    stack = run(source).stack

    assert stack is not None
    assert "function.js:4:" in stack
    assert "function.js:7:" in stack
    assert "/" not in stack.replace("function.js", "")


def test_an_error_of_one_event_is_not_told_of_the_next(assault: Assault) -> None:
    source = """
    let kept
    function onTrack(event) {
      if (event.properties.fail) { kept = new Error('first'); throw kept }
      throw new ValidationError('second')
    }"""
    assault.stage(source, track(fail=True), isolation=assault.isolation)

    outcome = assault.stage(source, track(fail=False), isolation=assault.isolation)

    assert (outcome.cause, outcome.message) == (Cause.REJECTED, "second")


def test_forged_results_of_a_batch(assault: Assault) -> None:
    source = """
    function onBatch(events, settings) { return new Function('events', 'return ' + settings.code)(events) }"""
    events = [{**track(n=n), "messageId": f"m{n}"} for n in range(2)]
    forged = {
        "[{ get status() { throw 1 } }, null]": [Cause.BAD_REQUEST, Cause.EMPTY],
        "[{ status: 200, get type() { throw 1 } }, null]": [Cause.BAD_REQUEST, Cause.EMPTY],
        "[{ status: 200 }, { status: '200' }]": [Cause.FORWARD, Cause.FORWARD],
        "[{ status: 1e400 }, { status: NaN }]": [Cause.FORWARD, Cause.FORWARD],
        "[{ status: 500, errormessage: { toString() { throw 1 } } }, null]": [Cause.BAD_REQUEST, Cause.EMPTY],
        "[{ status: 500, errormessage: '\\ud800' }, null]": [Cause.RETRY, Cause.EMPTY],
        "new Proxy([1, 2], { get(t, k) { return k === 'length' ? 1e9 : t[k] } })": [Cause.BAD_REQUEST] * 2,
        "new Proxy([1, 2], { get(t, k) { return k === 'length' ? NaN : t[k] } })": [Cause.BAD_REQUEST] * 2,
        "new Proxy([1, 2], { get() { throw 1 } })": [Cause.BAD_REQUEST] * 2,
        "(() => { const { proxy, revoke } = Proxy.revocable([], {}); revoke(); return proxy })()": [
            Cause.BAD_REQUEST
        ]
        * 2,
        "[events[0], events[0]]": [Cause.FORWARD, Cause.FORWARD],
        "[events[1]]": [Cause.EMPTY, Cause.FORWARD],
        "[{ ...events[0] }, { toJSON() { throw new RetryError('x') } }]": [Cause.FORWARD, Cause.RETRY],
        "[events[0], (() => { const a = {}; a.a = a; return a })()]": [Cause.FORWARD, Cause.BAD_REQUEST],
        "[events[0], 1n]": [Cause.FORWARD, Cause.BAD_REQUEST],
        "[events[0], [events[1]]]": [Cause.FORWARD, Cause.BAD_REQUEST],
        "(events.length = 0, events)": [Cause.EMPTY, Cause.EMPTY],
        "(events.push({}), events)": [Cause.BAD_REQUEST] * 2,
        "'events'": [Cause.BAD_REQUEST] * 2,
        "({ length: 2, 0: events[0], 1: events[1] })": [Cause.BAD_REQUEST] * 2,
        "[, events[1]]": [Cause.EMPTY, Cause.FORWARD],
    }
    for code, causes in forged.items():
        outcomes = assault.stage.batch(source, events, {"code": code}, isolation=assault.isolation)

        assert [outcome.cause for outcome in outcomes] == causes, code


def test_identity_is_restored_from_the_input_not_from_what_the_handler_left(assault: Assault) -> None:
    outcome = assault("event.type = 'forged'; event.messageId = undefined; return { x: 1 }")

    assert value(outcome) == {"x": 1, "type": "track", "messageId": "m1"}
