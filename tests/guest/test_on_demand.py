"""What loads when its global is first touched: libraries, and parts of the prelude."""

from __future__ import annotations

import ctypes
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime import Image, Limits, Record, compile, guest, libraries, replay  # noqa: A004 - the field's word
from headgate_runtime.sandbox import REFUSED, Sandbox, _import_keys, _import_library
from tests.stage import TRACK, Stage, track, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.guest.evaluate import Evaluate

IMAGE_BYTES_MAX = 1_000_000
"""Of a function that names no library (the targets of the README)."""

PARTS = json.loads(guest.read("parts/index.json"))

GLOBALS = [
    *json.loads(guest.read("libraries/index.json")),
    *(name for part in PARTS.values() for name in part["globals"]),
]


def hidden(name: str) -> str:
    """The text of *name*, as the search of the source does not see it."""
    return "+".join(json.dumps(letter) for letter in name)


@pytest.mark.parametrize("name", GLOBALS)
def test_a_global_is_there_when_its_name_was_not_seen(evaluate: Evaluate, name: str) -> None:
    *path, last = name.split(".")
    code = f"""
    const owner = globalThis{"".join(f"[{hidden(step)}]" for step in path)}
    const describe = () => Object.getOwnPropertyDescriptor(owner, {hidden(last)})
    const before = describe()
    const found = owner[{hidden(last)}]
    const after = describe()
    return [typeof before.get, before.enumerable, before.configurable, found === undefined, after.value === found,
      after.writable, after.enumerable, after.configurable]
    """
    nested = bool(path) and path[0] != "Intl"

    assert evaluate(code, memory_bytes=256 << 20).value == [
        *("function", nested, True, False),
        *(True, True, nested, True),
    ]


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
@pytest.mark.parametrize(
    "expression",
    [
        "globalThis['mo' + 'ment'].utc(0).format('YYYY')",
        "eval('mo' + 'ment.utc(0).format(\"YYYY\")')",
        "new Function('return mo' + 'ment')().utc(0).format('YYYY')",
    ],
)
def test_a_library_loads_while_an_event_is_handled(run: Stage, isolation: Any, expression: str) -> None:
    source = f"function onTrack(event) {{ event.year = {expression}; return event }}"
    outcomes = [run(source, isolation=isolation, memory_bytes=64 << 20) for _ in range(3)]

    assert [value(outcome)["year"] for outcome in outcomes] == ["1970"] * 3


@pytest.mark.parametrize(
    "expression",
    [
        "globalThis.moment",
        "window.moment",
        "window['moment']",
        "(function () { return this.moment })()",
        "[globalThis][0].moment",
        "(({ moment: m }) => m)(globalThis)",
        "Reflect.get(globalThis, 'moment')",
    ],
)
def test_a_library_is_reached_by_any_way_to_its_global(run: Stage, expression: str) -> None:
    source = f"function onTrack(event) {{ event.year = {expression}.utc(0).format('YYYY'); return event }}"

    assert value(run(source, memory_bytes=64 << 20))["year"] == "1970"


def test_a_property_of_an_event_loads_nothing(run: Stage) -> None:
    plain = run.image("function onTrack(event) { return event }")
    source = "function onTrack(event) { event.properties.stripe = { moment: event.AWS?.twilio, xml: 1 }; return event }"
    image = run.image(source)

    assert abs(image.size - plain.size) < 10_000
    assert value(run(source))["properties"]["stripe"] == {"xml": 1}


def test_loading_replays_to_the_unit_of_fuel(run: Stage) -> None:
    source = "function onTrack(event) { event.year = globalThis['mo' + 'ment'].utc(0).year(); return event }"
    outcome = run(source, record=True, memory_bytes=64 << 20)
    assert outcome.record is not None
    again = replay(Record.loads(outcome.record.dumps()), run.image(source, memory_bytes=64 << 20))

    assert not isinstance(again, list)
    assert (again.output, again.fuel, again.wall_ms >= 0) == (outcome.output, outcome.fuel, True)


def test_a_top_level_that_loads_is_kept_in_the_image(run: Stage) -> None:
    source = """
    const year = globalThis['mo' + 'ment'].utc(0).year()
    function onTrack(event) { event.year = year; return event }
    """

    assert not run.image(source).deferred
    assert value(run(source))["year"] == 1970


def test_typeof_sees_what_is_not_loaded_yet(evaluate: Evaluate) -> None:
    assert evaluate("return eval('typeof mo' + 'ment')").value == "function"


def test_assigning_replaces_without_loading(run: Stage) -> None:
    source = """
    function onTrack(event) {
      eval('mo' + 'ment = 5')
      const { get, set, ...found } = Object.getOwnPropertyDescriptor(globalThis, 'mo' + 'ment')
      event.properties = { found, accessor: [typeof get, typeof set], seen: eval('mo' + 'ment') }
      return event
    }
    """
    loads = "function onTrack(event) { event.seen = typeof globalThis['mo' + 'ment']; return event }"
    outcome = run(source)

    assert value(outcome)["properties"] == {
        "found": {"value": 5, "writable": True, "enumerable": False, "configurable": True},
        "accessor": ["undefined", "undefined"],
        "seen": 5,
    }
    assert outcome.fuel < run(loads).fuel / 10


def test_what_replaced_a_sibling_stays(evaluate: Evaluate) -> None:
    code = """
    globalThis['Crypto' + 'Key'] = 5
    const { createHash } = globalThis['cry' + 'pto']
    return [globalThis['Crypto' + 'Key'], typeof createHash]
    """

    assert evaluate(code).value == [5, "function"]


def test_deleting_is_final(evaluate: Evaluate) -> None:
    code = "return [delete globalThis['mo' + 'ment'], typeof globalThis['mo' + 'ment']]"

    assert evaluate(code).value == [True, "undefined"]


def test_a_part_that_loads_late_shows_its_natives_to_nobody(evaluate: Evaluate) -> None:
    code = """
    const { apply, ownKeys } = Reflect
    const patched = []
    for (const object of [Array.prototype, Function.prototype, Object, Reflect, String.prototype, Uint8Array.prototype]) {
      for (const name of ownKeys(object)) {
        const { value, writable } = Object.getOwnPropertyDescriptor(object, name)
        if (typeof value === 'function' && writable && name !== 'constructor') patched.push([object, name, value])
      }
    }
    const natives = []
    for (let i = 0; i < patched.length; i++) {
      const { 0: object, 1: name, 2: original } = patched[i]
      object[name] = function (...given) {
        for (let j = 0; j < given.length; j++) {
          if (typeof given[j] === 'object' && given[j] !== null && 'promiseState' in given[j]) natives[0] = name
        }
        return apply(original, this, given)
      }
    }
    const made = globalThis['cry' + 'pto'].createHash('SHA256').update('a').digest('hex')
    return [made.length, natives, patched.length > 100]
    """

    assert evaluate(code).value == [64, [], True]


def test_only_what_is_named_is_in_an_image(run: Stage) -> None:
    plain = run.image("function onTrack(event) { return event }").size
    url = run.image("async function onTrack(event) { await fetch('https://a.b'); return event }").size
    one = run.image("function onTrack(event) { event.x = _.isEmpty(event); return event }").size

    assert max(plain, url) < IMAGE_BYTES_MAX
    assert abs(plain - url) < 10_000
    assert one > plain + 200_000


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (b"fetch('https://x.y')", []),
        (b"https.get(u)", [b"https"]),
        (b"const {createHash} = crypto", [b"crypto"]),
        (b"new FormData()", [b"FormData"]),
        (b"_.pick(a); (_, b) => b", [b"_"]),
        (b"(_, b) => b", []),
        (b"my_moment momentous", []),
        (b"moment.tz(zlib)", [b"moment", b"zlib"]),
        (b"x.localeCompare(y)", [b"Intl.Collator"]),
        (b"x.toLocaleString()", [b"Intl.DateTimeFormat", b"Intl.NumberFormat"]),
        (b"new Intl.PluralRules()", [b"Intl.PluralRules"]),
        (b"Intl.toString(Collator.x)", [b"Intl.Collator"]),
        (b"event.properties.stripe", []),
        (b"event.properties?.stripe", []),
        (b"event.traits\n  .twilio", []),
        (b"x = { stripe: 1, 'moment': 2, \"xml\" : 3, twilio }", [b"twilio"]),
        (b"const { moment: m } = event", []),
        (b"const { moment } = globalThis", [b"moment"]),
        (b"f(...moment)", [b"moment"]),
        (b"a ? moment : _.b", [b"_", b"moment"]),
        (b"[1, moment, b ? stripe: 2]", [b"moment", b"stripe"]),
        (b"globalThis.moment; window?.stripe; this.xml", [b"moment", b"stripe"]),
        (b"globalThis['moment']", [b"moment"]),
        (b"globalThis.a.moment", []),
        (b"'https://api.stripe.com/v1'", []),
        (b"const { pubsub } = google.cloud", [b"google.cloud.pubsub"]),
        (b"event.google.cloud.pubsub", []),
        (b"// with moment\n  /* or stripe\n   * or twilio */\nxml()", [b"xml"]),
        (b"a = moment // or stripe\n", [b"moment", b"stripe"]),
        (b"window.google.cloud.pubsub", [b"google.cloud.pubsub"]),
        (b"x._.y; ({ _: 1 })", []),
        (b"my.crypto; { crypto: FormData }", [b"FormData"]),
    ],
)
def test_names_are_found_in_the_text(source: bytes, names: list[bytes]) -> None:
    assert libraries.named_in(source) == names


def test_in_a_long_text_every_word_counts() -> None:
    source = b"event.stripe = 1;"

    assert libraries.named_in(source.ljust(libraries.CLOSE_BYTES)) == []
    assert libraries.named_in(source.ljust(libraries.CLOSE_BYTES + 1)) == [b"stripe"]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    image = compile("function onTrack(event) { return event }")
    assert isinstance(image, Image)
    sandbox = Sandbox(image.compiled, Limits(), image.mailbox)
    yield sandbox
    sandbox.close()


class TestWhatTheGuestMaySay:
    """The imports answer any numbers, and write nowhere but where they were told."""

    addresses = st.integers(0, 2**32 - 1)

    @given(addresses, addresses, addresses, addresses)
    def test_library(self, sandbox: Sandbox, name: int, name_size: int, address: int, size: int) -> None:
        before = bytes(sandbox.memory)
        answer = _import_library(sandbox._store.context, name, name_size, address, size)

        assert answer >= REFUSED
        assert answer in (REFUSED, 0) or bytes(sandbox.memory) == before or size >= answer

    @given(addresses, addresses, addresses, addresses, addresses, addresses)
    def test_keys(self, sandbox: Sandbox, a: int, b: int, c: int, d: int, e: int, f: int) -> None:
        assert _import_keys(sandbox._store.context, a, b, c, d, e, f) == REFUSED or f <= sandbox.size

    @pytest.mark.parametrize(
        "name", [b"nope", b"../base", b"prelude/../../x", b"prelude/", b"\xff\xfe", b"x" * 300]
    )
    def test_an_unknown_name(self, sandbox: Sandbox, name: bytes) -> None:
        at = sandbox.mailbox + 192
        ctypes.memmove(sandbox.address + at, name, len(name))

        assert _import_library(sandbox._store.context, at, len(name), at, 0) == REFUSED

    def test_content_that_has_no_room_is_only_measured(self, sandbox: Sandbox) -> None:
        at = sandbox.mailbox + 192
        ctypes.memmove(sandbox.address + at, b"moment", 6)
        size = len(libraries.content(b"moment") or b"")
        context = sandbox._store.context

        assert _import_library(context, at, 6, 0xFFFFFFF0, size - 1) == size
        assert _import_library(context, at, 6, sandbox.size - size + 1, size) == REFUSED


def test_an_event_without_libraries_costs_what_it_did(run: Stage) -> None:
    plain = run("function onTrack(event) { return event }", track())
    unused = run(
        "function onTrack(event) { if (event.never) globalThis['mo' + 'ment']; return event }", TRACK
    )

    assert unused.fuel < plain.fuel * 2
