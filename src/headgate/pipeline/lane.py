"""One destination's events under way: through its function, to its carrier, to their settlement."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from headgate.delivery.carrier import SINGLE, Parcel
from headgate.pipeline.allowance import LOCKED_OUT, LOCKED_OUT_STATUS
from headgate.pipeline.stage import Stage
from headgate.queue.model import Again, Done, Error, Release, Step
from headgate.registry import settings
from headgate.registry.kinds import HEADERS, SIGNING_SECRET
from headgate.samples.sample import Sample
from headgate_runtime import EventError, ExecutorClosed
from headgate_runtime.fetch import tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from headgate.pipeline.allowance import Allowance
    from headgate.pipeline.meter import Meter
    from headgate.pipeline.plan import Plan
    from headgate.pipeline.verdict import Judge
    from headgate.pipeline.witness import Witness
    from headgate.queue.dispatcher import Dispatcher
    from headgate.queue.model import Job, Lane, Settlement
    from headgate.registry.snapshot import Destination
    from headgate_runtime import Clock, Executor, Outcome
    from headgate_runtime.fetch import Raw, Trace

_log = logging.getLogger("headgate.pipeline")

KEY_JOINT: Final = "/"
"""Between the event's and the destination's id in an `Idempotency-Key`."""


class _Ready(NamedTuple):
    """A job ready for delivery. *output* is None when it goes as it was stored."""

    job: Job
    output: bytes | None
    began_at: int


class _Evidence(NamedTuple):
    """Of a failure. *event* None: it is the job's."""

    event: bytes | None = None
    outcome: Outcome | None = None
    trace: Trace | None = None
    request: Raw | None = None


_NO_EVIDENCE: Final = _Evidence()


class LaneRun:
    """
    *plan* gives the plan of the moment; None when the destination is gone or disabled. *now* is the queue's time.

    Every job given to `start` is settled exactly once, whatever happens.
    """

    def __init__(
        self,
        lane: Lane,
        plan: Callable[[], Plan | None],
        executor: Executor,
        dispatcher: Dispatcher,
        judge: Judge,
        clock: Clock,
        now: Callable[[], int],
        meter: Meter,
        witness: Witness,
        allowance: Allowance,
    ) -> None:
        self._lane = lane
        self._plan = plan
        self._executor = executor
        self._dispatcher = dispatcher
        self._judge = judge
        self._clock = clock
        self._now = now
        self._meter = meter
        self._witness = witness
        self._allowance = allowance
        self._open: dict[int, Job] = {}
        self._function: Stage[Job] = Stage(self._invoke, clock, workers=1)
        self._delivery: Stage[_Ready] = Stage(self._deliver, clock, workers=1)

    @property
    def is_idle(self) -> bool:
        return not self._open

    def reshape(self, plan: Plan) -> None:
        """Follows a change of the destination or its function from the next batch on."""
        self._function.reshape(plan.function_workers, plan.batches or SINGLE)
        self._delivery.reshape(plan.carrier.concurrency, plan.carrier.batching)

    def start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._open[job.id] = job
            if job.stage == "delivery":
                self._delivery.add(_Ready(job, None, self._now()), len(job.body))
            else:
                self._function.add(job, len(job.body))

    def release(self) -> None:
        """Breaks off everything under way; the jobs are due as before."""
        self._function.cancel()
        self._delivery.cancel()
        self._function.take_back()
        self._delivery.take_back()
        for job in list(self._open.values()):
            self._settle(Release(job))

    def _settle(self, settlement: Settlement, evidence: _Evidence = _NO_EVIDENCE) -> None:
        # A job that was released while its delivery went on is settled already.
        if self._open.pop(settlement.job.id, None) is None:
            return
        self._dispatcher.settle(settlement)
        self._meter.settled(settlement)
        if isinstance(settlement, Done):
            if settlement.dead is not None:
                self._remember(settlement.job, settlement.tally.step, settlement.dead, evidence)
        elif isinstance(settlement, Again):
            step = Step.FAILED_DELIVERY if settlement.stage == "delivery" else Step.FILTERED_AT_DESTINATION
            self._remember(settlement.job, step, settlement.error, evidence)

    def _remember(self, job: Job, step: Step, error: Error, evidence: _Evidence) -> None:
        if not self._witness.wants(self._lane.destination, error.reason):
            return
        plan = self._plan()
        instance = None if plan is None else plan.destination.instance
        self._witness.keep(
            Sample(
                at=self._now(),
                lane=self._lane,
                source=job.source,
                function="" if instance is None else instance.function,
                step=step,
                message_id=job.message_id,
                event_type=job.event_type,
                attempt=job.attempts + 1,
                error=error,
                event=evidence.event or job.body,
                outcome=evidence.outcome,
                trace=evidence.trace,
                request=evidence.request,
                secrets=() if plan is None else _secrets(plan.destination),
            )
        )

    async def _invoke(self, jobs: list[Job]) -> None:
        began_at = self._now()
        try:
            await self._invoke_by_plan(jobs, began_at)
        except ExecutorClosed:
            for job in jobs:
                self._settle(Release(job))
        except Exception:  # noqa: BLE001 - our own fault: it must neither lose the events nor stop the lane
            _log.exception("invocation failed", extra={"destination": self._lane.destination})
            self._fault([_Ready(job, None, began_at) for job in jobs])

    async def _invoke_by_plan(self, jobs: list[Job], began_at: int) -> None:
        plan = self._plan()
        if plan is None or plan.destination.fault is not None:
            self._turn_away(jobs, plan)
        elif plan.fault is not None:
            for job in jobs:
                self._settle(self._judge.discard(job, *plan.fault))
        elif plan.function is None:
            for job in jobs:
                self._delivery.add(_Ready(job, None, began_at), len(job.body))
        elif self._allowance.is_used_up(self._lane.workspace):
            why = "the workspace has used up what its functions may do today"
            for job in jobs:
                self._settle(self._judge.discard(job, LOCKED_OUT, why, LOCKED_OUT_STATUS))
        else:
            await self._run_function(plan, jobs, began_at)

    async def _run_function(self, plan: Plan, jobs: list[Job], began_at: int) -> None:
        function = plan.function
        assert function is not None
        outcomes: list[Outcome]
        singly = plan.batches is None or (len(jobs) == 1 and _has_single(plan, jobs[0]))
        await self._allowance.enter(self._lane.workspace)
        try:
            with tracing(plan.secrets) as trace:
                if singly:
                    outcomes = [await self._executor.invoke(function, job.body) for job in jobs]
                else:
                    outcomes = await self._executor.invoke(function, [job.body for job in jobs])
        except EventError as error:
            # Over a limit of the function: an earlier version of it, or a filter, let the event grow.
            for job in jobs:
                self._settle(self._judge.discard(job, "bad_request", str(error)))
            return
        finally:
            self._allowance.leave(self._lane.workspace)
        now = self._now()
        self._witness.ran(plan.destination, outcomes, together=not singly)
        for job, outcome in zip(jobs, outcomes, strict=True):
            self._meter.invoked(plan.destination, outcome)
            if outcome.output is not None:
                self._delivery.add(_Ready(job, outcome.output, began_at), len(outcome.output))
            else:
                self._settle(
                    self._judge.of_outcome(job, outcome, began_at, now, plan.secrets),
                    _Evidence(outcome=outcome, trace=trace),
                )

    async def _deliver(self, batch: list[_Ready]) -> None:
        try:
            await self._deliver_by_plan(batch)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("delivery failed", extra={"destination": self._lane.destination})
            self._fault(batch)

    async def _deliver_by_plan(self, batch: list[_Ready]) -> None:
        plan = self._plan()
        if plan is None or plan.destination.fault is not None:
            self._turn_away([ready.job for ready in batch], plan)
            return
        parcels = [self._parcel(ready) for ready in batch]
        began = self._clock.monotonic_ms()
        receipt = await plan.carrier.deliver(parcels)
        self._meter.delivered(plan.destination, receipt, len(batch), self._clock.monotonic_ms() - began)
        if receipt.verdict != "retry":
            self._dispatcher.succeeded(self._lane)
        elif receipt.is_outage:
            self._dispatcher.failed(self._lane)
        if receipt.retry_after_ms is not None:
            self._dispatcher.pause(self._lane, receipt.retry_after_ms)
        now = self._now()
        for job, output, began_at in batch:
            self._settle(
                self._judge.of_receipt(job, receipt, output, began_at, now, plan.secrets),
                _Evidence(event=output, request=receipt.request),
            )

    def _turn_away(self, jobs: Sequence[Job], plan: Plan | None) -> None:
        """There is no destination, or it cannot be delivered to as it is set up."""
        why = "the destination is disabled or deleted" if plan is None else plan.destination.fault or ""
        for job in jobs:
            self._settle(self._judge.unreachable(job, why))

    def _parcel(self, ready: _Ready) -> Parcel:
        job = ready.job
        key = job.message_id + KEY_JOINT + self._lane.destination
        return Parcel(key, job.message_id, job.event_type, job.attempts + 1, ready.output or job.body)

    def _fault(self, batch: Sequence[_Ready]) -> None:
        now, error = self._now(), Error("internal", "the server failed")
        for job, output, began_at in batch:
            if job.id in self._open:
                self._settle(self._judge.fault(job, error, began_at, now, output))


def _secrets(destination: Destination) -> tuple[str, ...]:
    """Of its function, and of its own."""
    own = [destination.settings.get(HEADERS), destination.settings.get(SIGNING_SECRET)]
    instance = destination.instance
    return (*(() if instance is None else instance.secrets), *settings.texts(own))


def _has_single(plan: Plan, job: Job) -> bool:
    assert plan.function is not None
    return "on" + job.event_type.capitalize() in plan.function.image.handlers
