"""Decides the settlement of a job from the result of its attempt (SPEC 3.2, 3.3, 7, D6, D14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate.pipeline.redact import message_of
from headgate.queue.backoff import Backoff
from headgate.queue.model import Again, Done, Error, Step, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from headgate.delivery.carrier import Receipt
    from headgate.queue.model import Job, Settlement, Stage
    from headgate_runtime import Outcome

FAULTS: Final = 3
"""
Retries of an event whose sandbox died or on which the platform failed, before it is discarded as `internal`
(SPEC D6).
"""

UNREACHABLE: Final = "INVALID_SETTINGS"
"""
The code for events whose destination is misconfigured; used as well if it is deleted or disabled, for which
there is no code (SPEC 7).
"""


class Judge:
    """Makes settlements. *random* returns numbers from [0, 1), for the jitter of the backoff."""

    def __init__(self, random: Callable[[], float], backoff: Backoff | None = None) -> None:
        self._random = random
        self._backoff = backoff or Backoff()

    def delivered(self, jobs: Sequence[Job], now: int) -> list[Done]:
        tallies: dict[tuple[str, str, int, str], Tally] = {}
        over: list[Done] = []
        for job in jobs:
            # Most jobs of a batch have the same tally.
            key = job.source, job.event_type, job.attempts, job.labels
            tally = tallies.get(key)
            if tally is None:
                tally = tallies[key] = _tally(job, Step.DELIVERED, "")
            took = now - job.accepted_at
            over.append(Done(job, tally, took if took > 0 else 0.0))
        return over

    def of_receipt(
        self, job: Job, receipt: Receipt, body: bytes | None, began_at: int, now: int, secrets: Iterable[str]
    ) -> Settlement:
        """
        The settlement of a failed delivery. *body* is the function's output, which is stored so that the
        function does not run again (SPEC D43).
        """
        error = Error(receipt.reason, message_of(receipt.message, secrets), receipt.status)
        if receipt.verdict == "discard":
            return Done(job, _tally(job, Step.FAILED_DELIVERY, error.reason), dead=error)
        at_least = receipt.retry_after_ms or 0.0
        return self._again(job, error, Step.FAILED_DELIVERY, "delivery", began_at, now, body, at_least)

    def of_outcome(
        self, job: Job, outcome: Outcome, began_at: int, now: int, secrets: Iterable[str]
    ) -> Settlement:
        """The settlement for any outcome of the function other than Forward."""
        reason = outcome.reason or ""
        if outcome.outcome == "filtered":
            return Done(job, _tally(job, Step.FILTERED_AT_DESTINATION, reason))
        text = outcome.message or outcome.category or reason
        name = outcome.error_name
        error = Error(reason, message_of(f"{name}: {text}" if name else text, secrets), outcome.status)
        if outcome.outcome == "discard":
            return Done(job, _tally(job, Step.FILTERED_AT_DESTINATION, reason), dead=error)
        if reason == "internal":
            return self.fault(job, error, began_at, now)
        return self._again(job, error, Step.FILTERED_AT_DESTINATION, job.stage, began_at, now)

    def discard(self, job: Job, reason: str, message: str, status: int | None = None) -> Settlement:
        """Discards a job whose function is not run."""
        return Done(
            job,
            _tally(job, Step.FILTERED_AT_DESTINATION, reason),
            dead=Error(reason, message_of(message), status),
        )

    def unreachable(self, job: Job, why: str) -> Settlement:
        return self.discard(job, UNREACHABLE, why)

    def fault(
        self, job: Job, error: Error, began_at: int, now: int, output: bytes | None = None
    ) -> Settlement:
        """
        The settlement after a sandbox died or the platform failed. *output* is stored if the function had
        succeeded (SPEC D43).
        """
        if job.faults >= FAULTS:
            return Done(job, _tally(job, Step.FILTERED_AT_DESTINATION, error.reason), dead=error)
        step, stage = Step.FILTERED_AT_DESTINATION, job.stage if output is None else "delivery"
        return self._again(job, error, step, stage, began_at, now, output, faults=job.faults + 1)

    def _again(
        self,
        job: Job,
        error: Error,
        step: Step,
        stage: Stage,
        began_at: int,
        now: int,
        body: bytes | None = None,
        at_least_ms: float = 0.0,
        faults: int | None = None,
    ) -> Settlement:
        attempts = job.attempts + 1
        first_at = job.first_at if job.first_at is not None else began_at
        delay = self._backoff.delay_ms(attempts, now - first_at, self._random(), at_least_ms)
        if delay is None:
            return Done(job, _tally(job, step, error.reason), dead=error)
        return Again(
            job, delay, error, attempts, job.faults if faults is None else faults, first_at, stage, body
        )


def _tally(job: Job, step: Step, reason: str) -> Tally:
    return Tally(job.source, job.lane.destination, step, job.event_type, reason, job.attempts + 1, job.labels)
