"""After the outcome: jobs left over, rejections nobody handled, and nothing for the next event to find."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.runtime.fakes import FakeClock, Host, on_track, result
from tests.stage import Isolation, Stage, track

LATE = "(async () => { for (let i = 0; i < 3; i++) await 0; console.log('left over'); %s })()"


def test_jobs_left_over_run_and_cannot_change_the_outcome(stage: Stage) -> None:
    body = LATE % "event.properties = { result: 'changed' }; globalThis.ran = (globalThis.ran ?? 0) + 1"
    source = on_track(f"set(globalThis.ran ?? 0); {body}")
    for number in range(3):
        outcome = stage(source)
        assert result(outcome) == number
        assert [line.message for line in outcome.logs] == ["left over"]


def test_jobs_left_over_leave_no_timer_and_no_request(stage: Stage, host: Host, clock: FakeClock) -> None:
    body = (
        LATE
        % "setTimeout(() => console.log('never'), 1); setInterval(() => console.log('never'), 1); fetch('http://host/never')"
    )
    source = on_track(
        f"if (event.properties.first) {{ {body}; return event }} await new Promise((done) => setTimeout(done, 50))"
    )
    for _ in range(3):
        first = stage(source, track(first=True))
        assert [line.message for line in first.logs] == ["left over"]
        second = stage(source)
        assert (second.outcome, second.logs) == ("forward", ())
    assert host.seen == []
    stuck = stage(
        on_track(f"if (event.properties.first) {{ {body}; return event }} await new Promise(() => {{}})"),
        track(first=True),
    )
    assert stuck.outcome == "forward"
    before = len(clock.waits)
    stuck = stage(
        on_track(f"if (event.properties.first) {{ {body}; return event }} await new Promise(() => {{}})")
    )
    assert (stuck.cause, len(clock.waits)) == (Cause.TIMEOUT, before)


def test_a_job_left_over_that_never_ends_costs_the_sandbox(stage: Stage) -> None:
    source = f"let n = 0; {on_track('set(++n); ' + LATE % 'for (;;);')}"
    for _ in range(2):
        outcome = stage(source)
        assert result(outcome) == 1
        assert stage.executor.live == 0


@pytest.mark.parametrize(
    ("body", "outcome", "lines"),
    [
        ("Promise.reject(new Error('lost')); return event", "forward", ["lost"]),
        ("Promise.reject(new Error('lost')); await 0; await 0; await 0; return event", "forward", ["lost"]),
        (
            "Promise.reject(new Error('lost')); await new Promise((done) => setTimeout(done, 1))",
            "discard",
            [],
        ),
        (
            "setTimeout(() => { throw new Error('lost') }, 1); await new Promise((done) => setTimeout(done, 2))",
            "discard",
            [],
        ),
        ("setTimeout(() => { throw new Error('lost') }, 1); return event", "forward", []),
        (
            "const p = Promise.reject(new Error('caught')); await 0; p.catch(() => {}); return event",
            "forward",
            [],
        ),
        (LATE % "throw new Error('lost')", "forward", ["left over", "lost"]),
    ],
)
def test_rejections_that_nobody_handles(
    stage: Stage, body: str, outcome: str, lines: list[str], isolation: Isolation
) -> None:
    """SPEC 3.2: after the handler has settled they are logged, before that they are its error."""
    if body.startswith("(async") and isolation == "hermetic":
        lines = []  # the memory is thrown back: what is left over does not run
    ended = stage(on_track(body), isolation=isolation)

    assert ended.outcome == outcome, ended
    assert [line.message.removeprefix("Unhandled promise rejection: ") for line in ended.logs] == lines
    if outcome == "discard":
        assert (ended.cause, ended.message) == (Cause.BAD_REQUEST, "lost")
