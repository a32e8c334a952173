"""Objects of the base image are immortal: references to them are not counted (guest/engine/immortal.c), which no code can observe."""

from __future__ import annotations

from headgate_runtime import abi
from headgate_runtime.compiler import compile as compile_function
from headgate_runtime.image import Image
from headgate_runtime.limits import Limits
from headgate_runtime.sandbox import Sandbox
from tests.guest.boundary import Boundary

EVENT = '{"type":"track","event":"E","userId":"u","properties":{"email":"a@b.c","total":3}}'

GARBAGE = """
const garbage = () => {
  for (let i = 0; i < 300; i++) {
    const a = { room: new Uint8Array(1 << 16) }, b = { a }
    a.b = b
  }
}
"""
"""Cycles of more than a sandbox may hold at once: they are collected meanwhile."""


def value(source: str) -> object:
    """What `result` is after the same event has come three times."""
    boundary = Boundary(
        GARBAGE
        + source
        + "\nfunction onTrack(event) { garbage(); event.result = run(); garbage(); return event }",
        Limits(fuel=2_000_000_000, memory_bytes=16 << 20),
    )
    results = [boundary(EVENT).value["result"] for _ in range(3)]
    assert results[1:] == results[:-1]
    return results[0]


def test_built_in_functions_may_be_let_go_of() -> None:
    assert value(
        """
        const { map } = Array.prototype, kept = [Math.imul, String.prototype.trim]
        function run() {
          for (const name of ['map', 'filter']) delete Array.prototype[name]
          delete Math.imul
          return [[1].map === undefined, map.call([1, 2], (x) => x + 1), kept[0] && kept[0](3, 4), kept[1].call(' a ')]
        }
        """
    ) == [True, [2, 3], 12, "a"]


def test_symbols_by_name_are_found_as_often_as_one_likes() -> None:
    assert (
        value(
            """
            function run() {
              const first = Symbol.for('nodejs.util.inspect.custom')
              for (let i = 0; i < 5000; i++) if (Symbol.for('nodejs.util.inspect.custom') !== first) return i
              return Symbol.keyFor(first)
            }
            """
        )
        == "nodejs.util.inspect.custom"
    )


def test_names_that_are_new_come_and_go() -> None:
    assert value(
        """
        let count = 0
        function run() {
          const object = {}
          for (let i = 0; i < 9000; i++) object['name ' + i] = i
          const names = Object.keys(object)
          for (const name of names) if (object[name] !== Number(name.slice(5))) return name
          for (const name of names) delete object[name]
          for (let i = 0; i < 5000; i++) { const o = {}; o['once ' + count++] = 1 }
          return [names.length, Object.keys(object).length, 'email' in { email: 1 }, typeof object.toString]
        }
        """
    ) == [9000, 0, True, "function"]


def test_strings_that_are_names_stay() -> None:
    assert value(
        """
        function run() {
          let found = 0
          for (let i = 0; i < 3000; i++) {
            const object = { email: 1, properties: 2, toString: 3 }
            for (const name of Object.keys(object)) found += object[name + ''] && Object(name).length
            found += object[['em', 'ail'].join('')] + Symbol('email').description.length
          }
          return [found, `${Object.keys({ email: 1 })}`]
        }
        """
    ) == [3000 * (5 + 10 + 8 + 1 + 5), "email"]


def test_what_hangs_on_built_ins_is_collected_once_it_is_off() -> None:
    assert (
        value(
            """
        function run() {
          globalThis.held = { name: 'held' }
          Array.prototype.held = globalThis.held
          const weak = new WeakRef(globalThis.held)
          garbage()
          const there = weak.deref() === globalThis.held
          delete globalThis.held
          delete Array.prototype.held
          return there
        }
        """
        )
        is True
    )


def test_an_event_writes_to_few_pages() -> None:
    image = compile_function("async function onTrack(event, settings) { return event }")
    assert isinstance(image, Image)
    sandbox = Sandbox(image.compiled, Limits(), image.mailbox, b'{"apiKey":"k"}')
    before = bytes(sandbox.memory)
    sandbox.set_fuel(1 << 40)
    assert sandbox.write_input(EVENT.encode(), 0.0, 0.0, bytes(32), 0)
    assert sandbox.call("invoke") == abi.Status.DONE
    after = bytes(sandbox.memory)
    pages = [at for at in range(0, len(after), 4096) if after[at : at + 4096] != before[at : at + 4096]]
    sandbox.close()
    assert len(pages) <= 10
    assert image.overlay is not None
    assert len({segment.offset >> 12 for segment in image.overlay}) <= 8


def test_the_global_object_is_as_it_was() -> None:
    image = compile_function("function onTrack(event) { return event }")
    assert isinstance(image, Image)
    assert image.overlay is not None
    assert len(image.overlay.content) < 4096
    source = """
        function onTrack(event) {
          return { ...event, names: Object.getOwnPropertyNames(globalThis).filter((name) => name.includes('headgate')) }
        }
    """
    assert Boundary(source)(EVENT).value["names"] == []
