"""Timers and host operations: too many, too far, too fast, and what they leave behind."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault, message
from tests.stage import track, value

TIMERS = 20
TOO_MANY = f"Too many timers: at most {TIMERS} may be outstanding at once"


@pytest.mark.parametrize(
    "body",
    [
        "for (;;) setTimeout(() => {}, 1e6)",
        "for (;;) setInterval(() => {}, 1e6)",
        "for (;;) setImmediate(() => {})",
        "for (;;) AbortSignal.timeout(1e6)",
        "const t = []; for (;;) { t.push(setTimeout(() => {}, 5)); t.at(-1).unref() }",
        "const more = () => { setTimeout(more, 1); setTimeout(more, 1) }; more(); await new Promise(() => {})",
    ],
)
def test_a_flood_is_refused(assault: Assault, body: str) -> None:
    outcome = assault(body, timers=TIMERS)

    assert (outcome.cause, outcome.error_name) == (Cause.BAD_REQUEST, "RangeError")
    assert outcome.message == TOO_MANY


def test_a_refused_timer_can_be_caught(assault: Assault) -> None:
    body = "try { for (;;) setTimeout(() => {}, 1e6) } catch (error) { event.caught = error.message; return event }"

    assert value(assault(body, timers=TIMERS))["caught"] == TOO_MANY


def test_cleared_timers_make_room(assault: Assault) -> None:
    outcome = assault("for (let i = 0; i < 2000; i++) clearTimeout(setTimeout(() => {}, 1e6))", timers=TIMERS)

    assert outcome.cause is Cause.FORWARD


def test_an_endless_interval_ends_when_the_fuel_does(assault: Assault) -> None:
    outcome = assault(
        "setImmediate(function again() { setImmediate(again) }); await new Promise(() => {})", fuel=30_000_000
    )

    assert outcome.cause is Cause.TIMEOUT
    assert message(outcome).startswith("CPU limit")


def test_a_timer_past_the_time_limit_is_not_waited_for_longer(assault: Assault) -> None:
    function = assault.stage.function(
        "async function onTrack() { await new Promise((done) => setTimeout(done, 1e9)) }",
        isolation=assault.isolation,
        time_ms=50,
    )

    outcome = assault.stage.invoke(function)

    assert (outcome.cause, outcome.message) == (Cause.TIMEOUT, "time limit exceeded: time_ms = 50")
    assert 50 <= outcome.wall_ms < 5_000


@pytest.mark.parametrize(
    "delay", ["NaN", "-1", "Infinity", "2 ** 40", "'x'", "{}", "null", "1n < 2", "Symbol.iterator"]
)
def test_strange_delays_are_short_ones(assault: Assault, delay: str) -> None:
    body = f"try {{ await new Promise((done) => setTimeout(done, {delay})) }} catch (e) {{ event.caught = e.name }}"

    outcome = assault(body)

    assert value(outcome).get("caught") in {None, "TypeError"}
    assert outcome.wall_ms < 5_000


def test_timers_left_behind_do_not_fire_in_the_next_event(assault: Assault) -> None:
    top = "globalThis.fired = 0"
    body = "for (let i = 0; i < 10; i++) { setTimeout(() => { fired++ }, i); setInterval(() => { fired++ }, 1); setImmediate(() => { fired++ }) } return event"
    assault(body, top=top)

    source = """
    let left = 0
    async function onTrack(event) {
      if (event.properties.leave) { setInterval(() => { left++ }, 1); return event }
      await new Promise((done) => setTimeout(done, 5))
      event.left = left
      return event
    }"""
    assault.stage(source, track(leave=True), isolation=assault.isolation)
    assert value(assault.stage(source, track(leave=False), isolation=assault.isolation))["left"] == 0


def test_operations_without_end(assault: Assault) -> None:
    for body in (
        "for (;;) fetch('http://host.test/').catch(() => {})",
        "for (let i = 0; ; i++) cache.load('k' + i, 1, async () => new Promise(() => {}))",
    ):
        outcome = assault(body, operations=5, fuel=100_000_000)

        assert outcome.cause is Cause.TIMEOUT


def test_an_error_in_a_timer_before_the_outcome_is_the_outcome(assault: Assault) -> None:
    outcome = assault(
        "setTimeout(() => { throw new RetryError('from a timer') }, 1); await new Promise(() => {})"
    )

    assert (outcome.cause, outcome.message) == (Cause.RETRY, "from a timer")


def test_an_error_after_the_outcome_changes_nothing(assault: Assault) -> None:
    for late in (
        "setTimeout(() => { throw new Error('late') }, 0)",
        "Promise.reject(new Error('late'))",
        "queueMicrotask(() => { throw new Error('late') })",
    ):
        outcome = assault(f"{late}; return event")

        assert outcome.cause is Cause.FORWARD, late


def test_a_job_that_never_ends_after_the_outcome(assault: Assault) -> None:
    """The outcome stands; the sandbox that still runs is given up."""
    outcome = assault("queueMicrotask(function f() { queueMicrotask(f) }); return event")

    assert value(outcome) == track(attack=True)
