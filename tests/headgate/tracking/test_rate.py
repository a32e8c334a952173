"""The throttle: what it lets through in a second, and what it tells the others (SPEC 8.4)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.tracking.rate import EventThrottle, Throttle
from tests.headgate.tracking.asking import FixedClock


def test_a_second_at_once_and_then_as_it_drips() -> None:
    clock = FixedClock()
    throttle = Throttle(10, clock)

    assert [throttle.take("w") for _ in range(11)] == [0] * 10 + [1]
    clock.ms = 99
    assert throttle.take("w") == 1
    clock.ms = 100
    assert [throttle.take("w"), throttle.take("w")] == [0, 1]


def test_workspaces_do_not_matter_to_each_other() -> None:
    throttle = Throttle(1, FixedClock())

    assert [throttle.take("a"), throttle.take("a"), throttle.take("b")] == [0, 1, 0]


def test_slow_rates() -> None:
    clock = FixedClock()
    throttle = Throttle(0.1, clock)

    assert [throttle.take("w"), throttle.take("w")] == [0, 10]
    clock.ms = 4_000
    assert throttle.take("w") == 6
    clock.ms = 10_000
    assert throttle.take("w") == 0


def test_a_large_request_is_paid_for_by_those_after_it() -> None:
    clock = FixedClock()
    throttle = EventThrottle(clock)

    assert [throttle.take("w", 10, 35), throttle.take("w", 10, 1)] == [0, 3]
    assert throttle.take("v", 10, 1) == 0
    clock.ms = 2_599
    assert throttle.take("w", 10, 1) == 1
    clock.ms = 2_600
    assert [throttle.take("w", 10, 1), throttle.take("w", 10, 1)] == [0, 1]


@settings(deadline=None)
@given(st.floats(0.5, 1_000), st.lists(st.tuples(st.floats(0, 5_000), st.integers(0, 50)), max_size=100))
def test_never_more_events_than_the_rate_but_for_one_request(
    rate: float, requests: list[tuple[float, int]]
) -> None:
    clock = FixedClock()
    throttle = EventThrottle(clock)
    taken = last = 0
    for pause, events in requests:
        clock.ms += pause
        if not throttle.take("w", rate, events):
            taken += events
            last = events
        assert taken - last <= max(1.0, rate) + clock.ms / 1e3 * rate + 1e-3


@settings(deadline=None)
@given(st.floats(0.01, 10_000), st.lists(st.floats(0, 5_000), max_size=200))
def test_never_more_than_the_rate(rate: float, pauses: list[float]) -> None:
    """In the whole time as many as drip, and those that had gathered; whoever waits as told is let through."""
    clock = FixedClock()
    throttle = Throttle(rate, clock)
    taken = 0
    for pause in pauses:
        clock.ms += pause
        seconds = throttle.take("w")
        if seconds:
            clock.ms += seconds * 1e3
            assert throttle.take("w") == 0
        taken += 1

    assert taken <= max(1.0, rate) + clock.ms / 1e3 * rate + 1e-3
