import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.queue.backoff import HOUR_MS, Backoff

RANDOM = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 9), RANDOM)
def test_delays_are_half_to_one_and_a_half_of_the_doubling_base(attempts: int, random: float) -> None:
    delay = Backoff().delay_ms(attempts, 0, random)
    base = min(15_000 * 2 ** (attempts - 1), 45 * 60_000)
    assert delay is not None
    assert 0.5 * base <= delay < 1.5 * base + 1


def test_ten_attempts_at_most() -> None:
    backoff = Backoff()
    assert backoff.delay_ms(9, 0, 0.5) is not None
    assert backoff.delay_ms(10, 0, 0.5) is None
    assert backoff.delay_ms(10_000, 0, 0.5) is None


@given(RANDOM)
def test_no_attempt_begins_past_the_window(random: float) -> None:
    backoff = Backoff()
    delay = backoff.delay_ms(1, 0, random)
    assert delay is not None
    window = 4 * HOUR_MS
    assert backoff.delay_ms(1, window - delay, random) == delay
    assert backoff.delay_ms(1, window - delay + 1, random) is None


def test_the_destination_may_ask_for_more() -> None:
    assert Backoff().delay_ms(1, 0, 0.5, at_least_ms=60_000) == 60_000
    assert Backoff().delay_ms(9, 0, 0.5, at_least_ms=1) == 45 * 60_000
    assert Backoff().delay_ms(1, 0, 0.5, at_least_ms=4 * HOUR_MS + 1) is None


def test_the_whole_schedule_fits_its_window() -> None:
    elapsed = 0.0
    for attempt in range(1, 10):
        delay = Backoff().delay_ms(attempt, elapsed, 0.999)
        assert delay is not None
        elapsed += delay
    assert elapsed < 4 * HOUR_MS


@pytest.mark.parametrize(
    "fields", [{"base_ms": 0}, {"base_ms": 2, "cap_ms": 1}, {"attempts": 0}, {"window_ms": -1}]
)
def test_refuses_schedules_that_are_none(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="no such schedule"):
        Backoff(**fields)
