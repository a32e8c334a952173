"""What user code can reach: its own realm and nothing of the prelude, the engine's C or the host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import Stage, track, value

ENGINE = Path(__file__).parents[2] / "guest" / "engine"
PRELUDE = Path(__file__).parents[2] / "guest" / "prelude"

PUBLIC = {
    *(
        "random",
        "compare",
        "search",
        "log",
        "now",
        "inflate",
        "deflate",
        "crc32",
        "hash",
        "digest",
        "update",
        "sign",
        "verify",
        "parse",
    ),
    "file",  # of a bucket in Cloud Storage
}
"""Names that both C functions of the prelude and public functions have."""


def native_names() -> set[str]:
    """Names of the C functions which the prelude, and nobody else, is given."""
    found = set()
    for path in ENGINE.glob("*.c"):
        for table in re.findall(
            r"(?:native|codec|url)_functions\[\] = \{(.*?)\n\};", path.read_text(), re.DOTALL
        ):
            found |= set(re.findall(r'JS_CFUNC\w*_DEF\("(\w+)"', table))
    return found


def hook_names() -> set[str]:
    return {
        name
        for path in PRELUDE.glob("*.js")
        for name in re.findall(r"^ *hooks\.(\w+) =", path.read_text(), re.MULTILINE)
    }


PRIVATE = (native_names() | hook_names() | {"__headgate_register"}) - PUBLIC


@pytest.fixture(scope="module")
def reached() -> list[tuple[str, str, list[str]]]:
    """(path, name of the function, keys of the object) of what is reachable under a name of ours, and of call sites."""
    source = (Path(__file__).parent / "walk.js").read_text()
    event = {"type": "track", "messageId": "m", "names": sorted(PRIVATE)}
    with Stage() as stage:  # room for every library: to look at a global is to load it
        outcome = stage(source, event, fuel=50_000_000_000, memory_bytes=512 << 20, time_ms=60_000)
    found = value(outcome)
    assert found["count"] > 1_000
    named: list[tuple[str, str, list[str]]] = found["named"]
    return named


def test_what_is_looked_for_exists() -> None:
    assert {"promiseState", "proxyDetails", "file", "due", "isolation", "log"} <= native_names()
    assert {"describe", "wake", "answer", "settled", "pair", "isDefaultHandler"} <= hook_names()


def test_no_function_of_the_engine_or_the_prelude_is_reached(
    reached: list[tuple[str, str, list[str]]],
) -> None:
    assert [(path, name) for path, name, _ in reached if name] == []


def test_no_object_of_the_engine_or_the_prelude_is_reached(reached: list[tuple[str, str, list[str]]]) -> None:
    """Neither `native` nor `hooks` as a whole, whatever path leads there."""
    for path, _, keys in reached:
        assert not {"promiseState", "proxyDetails"} & set(keys), path
        assert not {"isDefaultHandler", "wake"} & set(keys), path
        assert "__headgate_register" not in keys, path


def test_call_sites_hand_out_no_function(reached: list[tuple[str, str, list[str]]]) -> None:
    assert [path for path, _, _ in reached if re.search(r" site\.(get|is)\w+\(\)$", path)] == []


def test_nothing_of_a_host_is_there(run: Stage) -> None:
    names = [
        *("process", "require", "module", "exports", "global", "__dirname", "__filename"),
        *(
            "Deno",
            "Bun",
            "java",
            "python",
            "WebAssembly",
            "Worker",
            "SharedWorker",
            "importScripts",
            "XMLHttpRequest",
        ),
        *(
            "std",
            "os",
            "bjson",
            "print",
            "scriptArgs",
            "gc",
            "load",
            "read",
            "native",
            "hooks",
            "__headgate_register",
        ),
    ]
    source = f"function onTrack() {{ return {{ found: {names!r}.filter((name) => eval('typeof ' + name) !== 'undefined') }} }}"

    assert value(run(source))["found"] == []


CHAINS = [
    "(() => {}).constructor('return this')()",
    "[].constructor.constructor('return this')()",
    "''.constructor.constructor('return this')()",
    "(function () { return this })()",
    "(0, eval)('this')",
    "new Function('return this')()",
    "Reflect.construct(Function, ['return this'])()",
    "fetch.constructor('return this')()",
    "console.log.constructor('return this')()",
    "RetryError.constructor('return this')()",
    "Object.getPrototypeOf(class extends Error {}).constructor.constructor('return this')()",
    "(function* () {}).constructor('yield this')().next().value",
    "await (async () => {}).constructor('return this')()",
    "(await (async function* () {}).constructor('yield this')().next()).value",
    "new Proxy(function () { return this }, {}).call()",
    "setTimeout.bind.constructor('return this')()",
    "event.constructor.constructor('return this')()",
    "settings.constructor.constructor('return this')()",
    "cache.load.constructor('return this')()",
    "Buffer.from('x').constructor.constructor('return this')()",
    "(await cache.load('k', 1, async () => ({}))).constructor.constructor('return this')()",
    "(() => { try { null.x } catch (error) { return error.constructor.constructor('return this')() } })()",
    "(() => { try { (function f() { f() })() } catch (error) { return error.constructor.constructor('return this')() } })()",
    "(() => { try { fetch('/x'); new URL('x') } catch (error) { return error.constructor.constructor('return this')() } })()",
    "(() => { try { crypto.createHash('nope') } catch (error) { return error.constructor.constructor('return this')() } })()",
]


@pytest.mark.parametrize("chain", CHAINS)
def test_every_chain_of_constructors_ends_in_the_same_realm(assault: Assault, chain: str) -> None:
    outcome = assault(f"event.same = ({chain}) === globalThis; return event")

    assert value(outcome)["same"] is True


def test_errors_of_the_prelude_are_of_this_realm(run: Stage) -> None:
    source = """
    async function onTrack() {
      const thrown = []
      for (const act of [
        () => new URL('x'), () => Buffer.from(5), () => crypto.createHash('x'), () => setTimeout('x'),
        () => structuredClone(() => {}), () => fetch('/'), () => atob(Symbol()), () => cache.load(1),
        () => new TextDecoder('x'), () => zlib.zlib.gunzipSync('x'), () => new Headers({ 'a b': 1 }),
        () => JSON.parse('{'), () => null.x, () => x, () => new Array(-1), () => eval('('), () => 1n + 1,
      ]) {
        try { await act(); thrown.push(null) } catch (error) {
          thrown.push(error instanceof Error && Object.prototype.toString.call(error) && error.constructor !== undefined)
        }
      }
      return { thrown }
    }"""

    thrown = value(run(source))["thrown"]

    assert all(entry is not False for entry in thrown), thrown
    assert sum(entry is not None for entry in thrown) >= 15


def test_the_wrapper_can_be_called_again_and_gains_nothing(run: Stage) -> None:
    """`arguments.callee` at the top level is the function around the user's text (SPEC 2.7)."""
    source = """
    const again = arguments.callee
    function onTrack(event) {
      globalThis.__headgate_register = (...accessors) => { globalThis.stolen = accessors.map((a) => typeof a()) }
      again()
      event.stolen = stolen
      return event
    }"""

    stolen = value(run(source))["stolen"]

    assert stolen[1] == "function"
    assert len(stolen) == 9


@pytest.mark.parametrize(
    "source",
    [
        "function __headgate_register() { throw 1 }",
        "var __headgate_register = 5",
        "let __headgate_register = 5",
        "class __headgate_register {}",
        "globalThis.__headgate_register = () => { throw 1 }",
    ],
)
def test_the_registration_cannot_be_hidden(run: Stage, source: str) -> None:
    function = f"{source}\nfunction onTrack(event) {{ event.t = typeof globalThis.__headgate_register; return event }}"

    found: Any = value(run(function))["t"]

    assert found == ("function" if source.startswith("globalThis") else "undefined")


def test_registration_and_handlers_are_gone_from_sight_at_the_top_level(run: Stage) -> None:
    source = """
    const seen = [typeof __headgate_register, typeof native, typeof hooks, this === globalThis, typeof new.target]
    function onTrack(event) { event.seen = seen; return event }"""

    assert value(run(source))["seen"] == ["undefined", "undefined", "undefined", True, "undefined"]


def test_a_module_cannot_be_imported(assault: Assault) -> None:
    for specifier in (
        "'fs'",
        "'./function.js'",
        "'data:text/javascript,1'",
        "'http://host.test/x.js'",
        "{}",
        "''",
    ):
        outcome = assault(f"await import({specifier})")

        assert outcome.cause is Cause.BAD_REQUEST


def test_weak_references_and_finalizers_run_nothing_of_another_event(run: Stage) -> None:
    source = """
    const registry = new FinalizationRegistry((held) => { globalThis.finalized = held })
    function onTrack(event) {
      if (event.properties.make) registry.register({}, 'held')
      const kept = {}
      event.weak = typeof new WeakRef(kept).deref()
      return event
    }"""

    for make in (True, False, False):
        assert value(run(source, track(make=make)))["weak"] == "object"
