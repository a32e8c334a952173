"""Every global that functions find is replaced, deleted, frozen or made to throw; what is promised still holds."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import Stage, track, value

WAYS = {
    "replaced": "globalThis[name] = 5",
    "deleted": "delete globalThis[name]",
    "frozen": "Object.freeze(globalThis[name])",
    "a getter that throws": "Object.defineProperty(globalThis, name, { configurable: true, get() { throw new Error('tampered') }, set() {} })",
    "not writable": "Object.defineProperty(globalThis, name, { value: null, writable: false, configurable: false })",
    "a proxy": "globalThis[name] = new Proxy(function () {}, { get() { throw new Error('tampered') }, apply() { throw 1 }, construct() { throw 2 } })",
    "emptied": "const v = globalThis[name]; if (v && v !== globalThis && /^(object|function)$/.test(typeof v)) for (const k of Reflect.ownKeys(v)) { try { delete v[k] } catch {} }",
    "its prototype emptied": "const p = globalThis[name]?.prototype; if (p) for (const k of Reflect.ownKeys(p)) { try { delete p[k] } catch {} }",
    "without a prototype": "const v = globalThis[name]; if (v && v !== globalThis && /^(object|function)$/.test(typeof v)) Object.setPrototypeOf(v, null)",
}

FUEL, MEMORY = 20_000_000_000, 128 << 20
"""To look at every global is to load every library there is."""

HANDLER = """
const names = Object.getOwnPropertyNames(globalThis)
const makeError = RetryError
async function onTrack(event) {
  if (event.properties.tamper) {
    const failed = []
    for (const name of names) {
      if (['globalThis', 'window', 'names'].includes(name)) continue
      try { (() => { WAY })() } catch (error) { failed.push(name) }
      if (event.properties.tamper === name) break
    }
    return null
  }
  if (event.properties.error) throw new makeError('told')
  await null
  return event
}"""


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_all_globals_at_once(assault: Assault, way: str) -> None:
    stage, isolation = assault.stage, assault.isolation
    source = HANDLER.replace("WAY", way)

    tampered = stage(source, track(tamper=True), isolation=isolation, memory_bytes=MEMORY, fuel=FUEL)
    told = stage(source, track(error=True), isolation=isolation, memory_bytes=MEMORY, fuel=FUEL)
    calm = stage(source, track(calm=1), isolation=isolation, memory_bytes=MEMORY, fuel=FUEL)

    assert tampered.cause in {Cause.EMPTY, Cause.BAD_REQUEST}, tampered
    assert told.cause in {Cause.RETRY, Cause.BAD_REQUEST}, told
    assert calm.cause in {Cause.FORWARD, Cause.UNSUPPORTED}, calm
    if calm.cause is Cause.FORWARD:
        assert value(calm) == track(calm=1)
    if isolation == "hermetic":
        assert (told.cause, told.message, calm.cause) == (Cause.RETRY, "told", Cause.FORWARD)
    assault.check_neighbour()


def global_names(run: Stage) -> list[str]:
    source = "const names = Object.getOwnPropertyNames(globalThis); function onTrack() { return { names } }"
    names: list[str] = value(run(source))["names"]
    return names


@pytest.mark.parametrize("way", ["replaced", "deleted", "a getter that throws", "its prototype emptied"])
def test_each_global_alone(run: Stage, way: str) -> None:
    """A handler that does not use it does not miss it."""
    source = f"""
    async function onTrack(event) {{
      const name = event.properties.name
      {WAYS[way]}
      await null
      return event
    }}"""
    names = global_names(run)
    assert len(names) > 80
    skipped = {"globalThis", "window", "NaN", "Infinity", "undefined"}
    if way == "its prototype emptied":
        skipped.add("Promise")  # `await` asks Promise.prototype.constructor
    for name in names:
        if name not in skipped:
            outcome = run(source, track(name=name), isolation="hermetic", memory_bytes=MEMORY, fuel=FUEL)
            assert value(outcome) == track(name=name), name


def test_error_classes_keep_their_meaning(assault: Assault) -> None:
    """Whatever the names are bound to now: what was thrown is known by the class it was made of."""
    for tamper in (
        "globalThis.RetryError = Error",
        "delete globalThis.RetryError",
        "Object.setPrototypeOf(kept.prototype, null)",
        "delete kept.prototype.name",
        "Object.defineProperty(kept, Symbol.hasInstance, { value: () => false })",
        "Object.defineProperty(kept.prototype, 'constructor', { value: null })",
        "Object.freeze(kept); Object.freeze(kept.prototype)",
    ):
        outcome = assault(f"{tamper}; throw new kept('told')", top="const kept = RetryError", calm=False)

        assert (outcome.cause, outcome.message) == (Cause.RETRY, "told"), tamper


def test_handlers_may_be_deleted_from_the_global_object(assault: Assault) -> None:
    outcome = assault(
        "for (const h of ['onTrack', 'onPage', 'onBatch', 'onIdentify']) { delete globalThis[h]; globalThis[h] = 5 }"
    )

    assert outcome.cause is Cause.FORWARD


def test_the_global_object_may_be_frozen(assault: Assault) -> None:
    outcome = assault("Object.freeze(globalThis); Object.preventExtensions(globalThis)")

    assert outcome.cause is Cause.FORWARD


def test_the_global_object_may_lose_its_prototype(assault: Assault) -> None:
    outcome = assault("Object.setPrototypeOf(globalThis, null)")

    assert outcome.cause is Cause.FORWARD


def test_console_tampered_with_harms_only_itself(assault: Assault) -> None:
    outcome = assault("console.log = () => { throw new Error('mine') }; console.log('x')", calm=False)

    assert (outcome.cause, outcome.message) == (Cause.BAD_REQUEST, "mine")


def test_timers_work_for_the_sandbox_when_their_globals_are_gone(assault: Assault) -> None:
    body = """
    const { setTimeout: later } = globalThis
    for (const name of ['setTimeout', 'clearTimeout', 'setInterval', 'queueMicrotask', 'Promise', 'Map', 'Array'])
      delete globalThis[name]
    event.properties.waited = await (async () => { const p = (async () => {})(); await new p.constructor((done) => later(done, 1, 'yes')); return 'yes' })()
    return event"""

    assert value(assault(body, calm=False))["properties"] == {"attack": True, "waited": "yes"}


def test_the_cache_works_when_maps_are_gone(assault: Assault) -> None:
    body = """
    for (const k of ['get', 'set', 'has', 'delete']) Map.prototype[k] = () => { throw 1 }
    JSON.parse = JSON.stringify = () => { throw 1 }
    Promise.prototype.then = () => { throw 1 }
    event.properties.cached = await cache.load('key', 1000, async () => ({ a: 1 }))
    return event"""

    assert value(assault(body, calm=False))["properties"] == {"attack": True, "cached": {"a": 1}}


def test_injected_globals_are_like_the_language_s_own(run: Stage) -> None:
    """Writable, configurable, not enumerable (SPEC 2.7)."""
    source = """
    function onTrack() {
      const odd = []
      for (const name of Object.getOwnPropertyNames(globalThis)) {
        const d = Object.getOwnPropertyDescriptor(globalThis, name)
        const fixed = ['NaN', 'Infinity', 'undefined'].includes(name)
        if (d.enumerable || (!fixed && !d.configurable) || (!fixed && 'writable' in d && !d.writable)) odd.push(name)
      }
      return { odd, enumerable: Object.keys(globalThis) }
    }"""

    assert value(run(source)) == {"odd": [], "enumerable": [], "messageId": "m1", "type": "track"}
