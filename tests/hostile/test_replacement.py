"""Handlers that are replaced, removed or moved while the function runs: the name's value at the time of the event counts."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import Isolation, Stage, track, value

REPLACE = {
    "by assignment": (
        "function onTrack(e) { onTrack = (e) => ({ by: 'second' }); return { by: 'first' } }",
        "second",
    ),
    "of a var": (
        "var onTrack = (e) => { onTrack = (e) => ({ by: 'second' }); return { by: 'first' } }",
        "second",
    ),
    "of a let": (
        "let onTrack = (e) => { onTrack = (e) => ({ by: 'second' }); return { by: 'first' } }",
        "second",
    ),
    "of a global": (
        "onTrack = (e) => { onTrack = (e) => ({ by: 'second' }); return { by: 'first' } }",
        "second",
    ),
    "through globalThis": (
        "onTrack = (e) => { globalThis.onTrack = (e) => ({ by: 'second' }); return { by: 'first' } }",
        "second",
    ),
    "by eval": (
        "function onTrack(e) { eval('onTrack = () => ({ by: \"second\" })'); return { by: 'first' } }",
        "second",
    ),
    "of a const, which cannot be": (
        "const onTrack = (e) => { try { onTrack = 5 } catch {} return { by: 'first' } }",
        "first",
    ),
    "of a global behind a local one": (
        "function onTrack(e) { globalThis.onTrack = () => ({ by: 'second' }); return { by: 'first' } }",
        "first",
    ),
}


@pytest.mark.parametrize(("source", "second"), REPLACE.values(), ids=REPLACE)
def test_the_next_event_meets_the_new_handler(
    run: Stage, source: str, second: str, isolation: Isolation
) -> None:
    assert value(run(source, isolation=isolation))["by"] == "first"

    expected = second if isolation == "warm" else "first"
    assert value(run(source, isolation=isolation))["by"] == expected


@pytest.mark.parametrize("new", ["5", "null", "undefined", "'onTrack'", "{}", "[]", "Symbol()"])
def test_a_handler_replaced_by_no_function_is_missing(run: Stage, new: str) -> None:
    source = f"function onTrack(event) {{ onTrack = {new}; return event }}"

    assert run(source).cause is Cause.FORWARD
    missing = run(source)
    assert (missing.cause, missing.message) == (Cause.UNSUPPORTED, "track not supported")


def test_a_handler_replaced_by_an_exotic_function(run: Stage) -> None:
    replacements = {
        "new Proxy((e) => e, {})": Cause.FORWARD,
        "new Proxy((e) => e, { apply() { throw new RetryError('x') } })": Cause.RETRY,
        "(() => { const { proxy, revoke } = Proxy.revocable((e) => e, {}); revoke(); return proxy })()": Cause.BAD_REQUEST,
        "((e) => e).bind(null)": Cause.FORWARD,
        "class { constructor(e) { return e } }": Cause.BAD_REQUEST,
        "Object": Cause.FORWARD,
        "structuredClone": Cause.FORWARD,
        "JSON.stringify": Cause.BAD_REQUEST,
        "function* (e) { return e }": Cause.FORWARD,
        "async function* (e) { return e }": Cause.FORWARD,
        "onPage": Cause.UNSUPPORTED,
        "Function.prototype": Cause.EMPTY,
        "Promise.resolve.bind(Promise)": Cause.FORWARD,
        "console.log": Cause.EMPTY,
    }
    for new, cause in replacements.items():
        outcome = run(f"onTrack = {new}")

        assert outcome.cause is cause, (new, outcome)


def test_default_handlers_are_missing_handlers(run: Stage) -> None:
    for source in ("onTrack = onPage", "const onTrack = globalThis.onTrack", "onTrack = onTrack", ""):
        outcome = run(source)

        assert (outcome.cause, outcome.error_name) == (Cause.UNSUPPORTED, "EventNotSupported"), source


def test_a_handler_that_comes_late(run: Stage) -> None:
    source = "function onPage(event) { globalThis.onTrack = (event) => event; return null }"

    assert run(source).cause is Cause.UNSUPPORTED
    assert run(source, {**track(), "type": "page"}).cause is Cause.EMPTY
    assert run(source).cause is Cause.FORWARD


def test_a_handler_in_its_temporal_dead_zone(run: Stage) -> None:
    """The top level left before the line that defines it."""
    for declaration in ("const onTrack = (e) => e", "let onTrack = (e) => e", "class onTrack {}"):
        outcome = run(f"if (true) return\n{declaration}")

        assert outcome.cause is Cause.UNSUPPORTED


def test_the_handler_is_called_without_this_and_with_two_arguments(run: Stage) -> None:
    source = """
    function onTrack() {
      return { count: arguments.length, self: this === globalThis, strict: (function () { 'use strict'; return this === undefined })() }
    }"""

    assert value(run(source)) == {
        "count": 2,
        "self": True,
        "strict": True,
        "messageId": "m1",
        "type": "track",
    }


def test_on_batch_made_at_run_time(run: Stage) -> None:
    """Which handlers an image has is found out when it is made; a batch goes to onBatch only if it was there then."""
    source = "function onTrack(event) { globalThis.onBatch = () => []; return event }"

    for _ in range(2):
        outcomes = run.batch(source, [track(), track()])
        assert [outcome.cause for outcome in outcomes] == [Cause.FORWARD, Cause.FORWARD]


def test_on_batch_removed_at_run_time(run: Stage) -> None:
    source = (
        "function onBatch(events) { onBatch = null; return events }\nfunction onTrack(event) { return event }"
    )

    first = run.batch(source, [track(), track()])
    second = run.batch(source, [track(), track()])

    assert [outcome.cause for outcome in first] == [Cause.FORWARD, Cause.FORWARD]
    assert [outcome.cause for outcome in second] == [Cause.UNSUPPORTED, Cause.UNSUPPORTED]


def test_handlers_of_one_function_are_not_those_of_another(assault: Assault) -> None:
    assault("globalThis.onTrack = onTrack = () => ({ stolen: true })", calm=False)
    assault.check_neighbour()
