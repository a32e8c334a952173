from headgate.queue.breaker import FAILURES, PROBE_FIRST_MS, PROBE_LAST_MS, Breaker


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(at)
    return breaker


def test_opens_after_failures_in_a_row_and_no_sooner() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(0)
    assert breaker.room(0, 8) == 8
    breaker.succeeded()
    for _ in range(FAILURES - 1):
        breaker.failed(0)
    assert not breaker.is_open
    breaker.failed(0)
    assert breaker.is_open
    assert breaker.room(0, 8) == 0


def test_lets_one_probe_through_and_closes_with_its_success() -> None:
    breaker = opened()
    assert breaker.room(PROBE_FIRST_MS - 1, 8) == 0
    assert breaker.room(PROBE_FIRST_MS, 8) == 1
    breaker.succeeded()
    assert breaker.room(PROBE_FIRST_MS, 8) == 8


def test_pauses_longer_with_each_probe_that_fails() -> None:
    breaker = opened()
    pauses = []
    for _ in range(9):
        now = breaker.resume_at
        breaker.failed(now)
        pauses.append(breaker.resume_at - now)
    assert pauses[:3] == [2 * PROBE_FIRST_MS, 4 * PROBE_FIRST_MS, 8 * PROBE_FIRST_MS]
    assert pauses[-1] == PROBE_LAST_MS


def test_what_was_under_way_when_it_opened_does_not_prolong_the_pause() -> None:
    breaker = opened()
    resume_at = breaker.resume_at
    breaker.failed(10)
    assert breaker.resume_at == resume_at


def test_a_pause_that_was_asked_for_needs_no_failures() -> None:
    breaker = Breaker()
    breaker.pause(0, 500)
    assert breaker.room(499, 8) == 0
    assert breaker.room(500, 8) == 8
    breaker.pause(500, 100)
    breaker.pause(500, 50)
    assert breaker.resume_at == 600
