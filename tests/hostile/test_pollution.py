"""
Polluted prototypes. A warm function that pollutes its own realm harms itself, as it would in Node; what the sandbox does
for it (reading events, telling errors, running timers) keeps working, and nobody else notices.
"""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import track, value

SAFE = {
    "iterators of arrays": "Array.prototype[Symbol.iterator] = function () { throw new Error('polluted') }",
    "methods of arrays": "for (const k of Object.getOwnPropertyNames(Array.prototype)) if (typeof [][k] === 'function' && k !== 'map') Array.prototype[k] = () => { throw new Error(k) }",
    "call and apply": "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw new Error('polluted') }",
    "Symbol.hasInstance": "Object.defineProperty(Error, Symbol.hasInstance, { value: () => true })",
    "JSON": "JSON.parse = JSON.stringify = () => { throw new Error('polluted') }",
    "globalThis.JSON": "globalThis.JSON = { parse() { throw 1 }, stringify() { throw 2 } }",
    "then of promises": "Promise.prototype.then = function () { throw new Error('polluted') }",
    "Promise.resolve": "Promise.resolve = Promise.reject = Promise.all = () => { throw new Error('polluted') }",
    "the constructor of promises": "Object.defineProperty(Promise.prototype, 'constructor', { get() { return class { constructor() { throw 1 } } } })",
    "species of promises": "Object.defineProperty(Promise, Symbol.species, { get() { throw 1 } })",
    "globalThis.Promise": "globalThis.Promise = class { constructor() { throw 1 } }",
    "methods of maps": "for (const C of [Map, Set, WeakMap, WeakSet]) for (const k of ['get', 'set', 'has', 'add', 'delete']) C.prototype[k] = () => { throw new Error('polluted') }",
    "methods of strings": "for (const k of Object.getOwnPropertyNames(String.prototype)) if (typeof ''[k] === 'function') String.prototype[k] = () => { throw new Error(k) }",
    "methods of objects": "for (const k of Object.getOwnPropertyNames(Object)) if (typeof Object[k] === 'function') Object[k] = () => { throw new Error(k) }",
    "Reflect": "for (const k of Reflect.ownKeys(Reflect)) { try { Reflect[k] = () => { throw new Error('polluted') } } catch {} }",
    "valueOf and toString": "Object.prototype.valueOf = Object.prototype.toString = Function.prototype.toString = () => { throw new Error('polluted') }",
    "getters of numbers": "Object.defineProperty(Object.prototype, '0', { get() { throw new Error('polluted') }, set() { throw new Error('polluted') }, configurable: true })",
    "setters of numbers": "for (const i of [0, 1, 2, 3]) Object.defineProperty(Array.prototype, i, { get() { return 'polluted' }, set() {}, configurable: true })",
    "setters of event fields": "for (const k of ['messageId', 'type', 'properties', 'event']) Object.defineProperty(Object.prototype, k, { get() { return 'polluted' }, set() { throw new Error('polluted') } })",
    "getters of descriptors": "for (const k of ['get', 'set', 'value', 'writable', 'enumerable', 'configurable']) Object.prototype[k] = k === 'get' || k === 'set' ? undefined : 'polluted'",
    "status and message": "Object.prototype.status = 500; Object.prototype.errormessage = 'polluted'",
    "names of errors": "Error.prototype.name = 'RetryError'; Error.prototype.message = 'polluted'",
    "stacks of errors": "Object.defineProperty(Error.prototype, 'stack', { get() { throw 1 }, set() { throw 2 } }); Error.captureStackTrace = () => { throw 3 }; Error.prepareStackTrace = () => { throw 4 }",
    "dates": "Date.prototype.toISOString = Date.prototype.toJSON = Date.prototype.valueOf = () => { throw new Error('polluted') }; Date.now = () => { throw 1 }",
    "expressions": "RegExp.prototype.exec = RegExp.prototype.test = () => { throw new Error('polluted') }; RegExp.prototype[Symbol.replace] = () => 'polluted'",
    "buffers": "ArrayBuffer.prototype.slice = () => { throw 1 }; Uint8Array.prototype.set = Uint8Array.prototype.subarray = () => { throw 2 }",
    "the prototype of arrays": "Object.setPrototypeOf(Array.prototype, null)",
    "the prototype of functions": "Object.setPrototypeOf(Function.prototype, null)",
    "iterator prototypes": "Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true })",
    "generators": "Object.getPrototypeOf(function* () {}).prototype.next = () => { throw 1 }",
    "async functions": "Object.getPrototypeOf(async () => {}).constructor = () => { throw 1 }",
    "symbols": "Symbol.prototype.toString = () => { throw 1 }",
    "Math and Number": "Math.random = Math.min = Math.max = Number.isInteger = Number.isNaN = () => { throw 1 }",
}

HANDLER = """
async function onTrack(event) {{
  if (event.properties.pollute) {{ {body}; return event }}
  if (event.properties.error) throw new RetryError('told')
  await new Promise((done) => setTimeout(done, 0))
  await null
  console.log('logged', 1, {{ a: [1] }})
  return event
}}
function onBatch(events) {{ return [events[1], events[0]] }}
"""


@pytest.mark.parametrize("body", SAFE.values(), ids=SAFE)
def test_the_sandbox_keeps_its_promises(assault: Assault, body: str) -> None:
    """Events go in and out, errors are told and the neighbour lives, in the very sandbox that was polluted."""
    stage, isolation = assault.stage, assault.isolation
    source = HANDLER.format(body=body)

    polluted = stage(source, track(pollute=True), isolation=isolation)
    assert polluted.cause in {Cause.FORWARD, Cause.BAD_REQUEST}, polluted
    if polluted.cause is Cause.FORWARD:
        assert value(polluted) == track(pollute=True)

    told = stage(source, track(error=True), isolation=isolation)
    assert told.cause is Cause.RETRY, told
    if "names of errors" not in body and "message" not in body:
        assert told.message == "told"

    calm = stage(source, track(calm=[1, {"two": 3}]), isolation=isolation)
    if calm.cause is Cause.FORWARD:
        assert value(calm) == track(calm=[1, {"two": 3}])
    if isolation == "hermetic":
        assert calm.cause is Cause.FORWARD
        assert [line.message for line in calm.logs] == ["logged 1 { a: [ 1 ] }"]

    assault.check_neighbour()


@pytest.mark.parametrize("body", SAFE.values(), ids=SAFE)
def test_polluted_while_the_image_is_made(assault: Assault, body: str) -> None:
    """The image carries the pollution, for its own function and no other."""
    source = "async function onTrack(event) { await null; return event }"

    polluted = assault.stage(f"{source}\n{body}", isolation=assault.isolation)
    clean = assault.stage(source, isolation=assault.isolation)

    assert value(polluted) == value(clean) == track(plan="free")
    assault.check_neighbour()


def test_to_json_of_object_prototype_is_honoured_as_the_language_has_it(assault: Assault) -> None:
    outcome = assault(
        "Object.prototype.toJSON = () => ({ type: 'track', fake: 1 }); return event", calm=False
    )

    assert value(outcome) == {"type": "track", "fake": 1, "messageId": "m1"}


def test_to_json_of_array_prototype(assault: Assault) -> None:
    outcome = assault("Array.prototype.toJSON = () => 'array'; event.list = [1]; return event", calm=False)

    assert value(outcome)["list"] == "array"


def test_a_setter_of_object_prototype_does_not_see_the_event_being_made(assault: Assault) -> None:
    body = """
    const seen = []
    for (const key of ['type', 'messageId', 'properties', 'attack', 'plan'])
      Object.defineProperty(Object.prototype, key, { set(v) { seen.push(key) }, get() { return undefined }, configurable: true })
    const copy = JSON.parse(JSON.stringify({ __proto__: null, ...event }))
    return { seen, keys: Object.keys(copy) }"""

    outcome = value(assault(body, calm=False))

    assert outcome["seen"] == []
    assert outcome["keys"] == ["type", "event", "messageId", "userId", "properties"]


def test_proto_in_an_event_is_a_property_like_any_other(assault: Assault) -> None:
    stage = assault.stage
    event = b'{"type":"track","messageId":"m","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}}'
    source = """
    function onTrack(event) {
      const own = Object.keys(event), inherited = ({}).polluted, proto = Object.getPrototypeOf(event) === Object.prototype
      return { own, inherited: inherited ?? null, proto, event }
    }"""

    outcome = value(stage(source, event, isolation=assault.isolation))

    assert outcome["own"] == ["type", "messageId", "__proto__", "constructor"]
    assert (outcome["inherited"], outcome["proto"]) == (None, True)
    assert (
        stage("function onTrack(event) { event.x = 1; return event }", event).output
        == event[:-1] + b',"x":1}'
    )


def test_proto_in_settings_pollutes_nothing(assault: Assault) -> None:
    source = "function onTrack(event, settings) { return { p: ({}).polluted ?? null, keys: Object.keys(settings) } }"

    outcome = assault.stage(source, track(), {"__proto__": {"polluted": 1}}, isolation=assault.isolation)

    assert value(outcome)["p"] is None
    assert value(outcome)["keys"] == ["__proto__"]


def test_in_a_batch_pairing_does_not_ask_polluted_methods(assault: Assault) -> None:
    source = """
    function onBatch(events) {
      Array.prototype[Symbol.iterator] = Array.prototype.push = Map.prototype.get = Map.prototype.set = () => { throw 1 }
      Array.isArray = () => false
      return [events[1]]
    }"""

    outcomes = assault.stage.batch(
        source, [{**track(), "messageId": f"m{n}"} for n in range(3)], isolation=assault.isolation
    )

    assert [outcome.cause for outcome in outcomes] == [Cause.EMPTY, Cause.FORWARD, Cause.EMPTY]
