"""Runs the jobs of one destination: through its function, to its carrier, to their settlement."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from headgate.delivery.carrier import SINGLE, Parcel
from headgate.pipeline.allowance import LOCKED_OUT, LOCKED_OUT_STATUS
from headgate.pipeline.stage import Stage
from headgate.pipeline.worker_pool import WorkerPool
from headgate.queue.model import Again, Done, Error, Release, Step
from headgate.registry import settings
from headgate.registry.kinds import HEADERS, SIGNING_SECRET
from headgate.samples.sample import Sample
from headgate_runtime import EventError, ExecutorClosed
from headgate_runtime.fetch import tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from headgate.pipeline.allowance import Allowance
    from headgate.pipeline.meter import Meter
    from headgate.pipeline.observer import Observer
    from headgate.pipeline.plan import Plan
    from headgate.pipeline.verdict import Judge
    from headgate.queue.dispatcher import Dispatcher
    from headgate.queue.model import Job, Lane, Settlement
    from headgate.registry.snapshot import Destination
    from headgate_runtime import Clock, Executor, Function, Outcome
    from headgate_runtime.fetch import Raw, Trace

_log = logging.getLogger("headgate.pipeline")

ROW: Final = 64
"""Events that a worker takes at once; most functions process no more in a turn of the event loop."""

KEY_JOINT: Final = "/"
"""Separates the ids of the event and the destination in an `Idempotency-Key`."""


class _Ready(NamedTuple):
    """A job ready for delivery. *output* is the function's, or None if the stored body is to be delivered."""

    job: Job
    output: bytes | None
    began_at: int


class _Concluded(NamedTuple):
    """
    Jobs whose invocations are over. *trace* is that of the last one,
    or of all if they were invoked together.
    """

    jobs: Sequence[Job]
    plan: Plan
    began_at: int
    outcomes: Sequence[Outcome]
    trace: Trace | None


class _Evidence(NamedTuple):
    """What a sample of a failure shows. *event* is None if it is the job's body."""

    event: bytes | None = None
    outcome: Outcome | None = None
    trace: Trace | None = None
    request: Raw | None = None


_NONE: Final = itertools.repeat(_Evidence())


class LaneRun:
    """
    Settles every job given to `start` exactly once, whatever happens.

    plan    returns the current plan, or None if the destination is deleted or disabled
    now     returns the queue's time, ms since the epoch
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
        observer: Observer,
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
        self._observer = observer
        self._allowance = allowance
        self._open: dict[int, Job] = {}
        self._singles: WorkerPool[Job] = WorkerPool(self._invoke_singles, workers=1)
        self._batches: Stage[Job] = Stage(self._invoke, clock, workers=1)
        self._delivery: Stage[_Ready] = Stage(self._deliver, clock, workers=1)
        self._concluded: list[_Concluded] = []
        self._is_batched = False

    @property
    def is_idle(self) -> bool:
        return not self._open

    def reshape(self, plan: Plan) -> None:
        """Applies a changed plan from the next batch on."""
        self._is_batched = plan.batches is not None
        self._singles.reshape(plan.function_workers)
        self._batches.reshape(plan.function_workers, plan.batches or SINGLE)
        self._delivery.reshape(plan.carrier.concurrency, plan.carrier.batching)

    def start(self, jobs: Sequence[Job]) -> None:
        before: list[Job] = []
        ready: list[_Ready] = []
        now = self._now()
        for job in jobs:
            self._open[job.id] = job
            if job.stage == "delivery":
                ready.append(_Ready(job, None, now))
            else:
                before.append(job)
        if ready:
            self._delivery.extend([(each, len(each.job.body)) for each in ready])
        if not before:
            return
        if self._is_batched:
            self._batches.extend([(job, len(job.body)) for job in before])
        else:
            self._singles.extend(before)

    def release(self) -> None:
        """Cancels all work and releases the jobs, which are due as before."""
        for stage in (self._singles, self._batches, self._delivery):
            stage.cancel()
            stage.take_back()
        self._concluded.clear()
        self._settle([Release(job) for job in self._open.values()])

    def _settle(self, settlements: Iterable[Settlement], evidence: Iterable[_Evidence] = _NONE) -> None:
        """Settles jobs; *evidence* is what a sample of each failure would show."""
        # A job that was released while its delivery went on is already settled.
        take = self._open.pop
        fresh = [
            pair
            for pair in zip(settlements, evidence, strict=False)
            if take(pair[0].job.id, None) is not None
        ]
        settled = [each for each, _ in fresh]
        self._dispatcher.settle(*settled)
        self._meter.settled(settled)
        for each, seen in fresh:
            if isinstance(each, Done):
                if each.dead is not None:
                    self._remember(each.job, each.tally.step, each.dead, seen)
            elif isinstance(each, Again):
                step = Step.FAILED_DELIVERY if each.stage == "delivery" else Step.FILTERED_AT_DESTINATION
                self._remember(each.job, step, each.error, seen)

    def _settle_delivered(self, jobs: list[Job], now: int) -> None:
        """As `_settle`, for delivered jobs, which leave no samples."""
        take = self._open.pop
        settled = self._judge.delivered([job for job in jobs if take(job.id, None) is not None], now)
        self._dispatcher.settle(*settled)
        self._meter.settled(settled)

    def _remember(self, job: Job, step: Step, error: Error, evidence: _Evidence) -> None:
        if not self._observer.wants(self._lane.destination, error.reason):
            return
        plan = self._plan()
        instance = None if plan is None else plan.destination.instance
        self._observer.keep(
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

    async def _invoke_singles(self) -> None:
        """One worker. Invocations that end in the same turn of the event loop are concluded together."""
        workspace, allowance, pool = self._lane.workspace, self._allowance, self._singles
        plan: Plan | None = None
        trace: Trace | None = None
        with contextlib.ExitStack() as stack:
            while jobs := pool.take(ROW):
                began_at = self._now()
                over = begun = 0
                try:
                    if trace is None or trace or plan is not self._plan():
                        plan = self._plan()
                        stack.close()
                        trace = stack.enter_context(tracing(() if plan is None else plan.secrets))
                    function = self._function_for(plan, jobs, began_at)
                    if function is None:
                        continue
                    assert plan is not None
                    if plan.batches is not None:
                        self._batches.extend([(job, len(job.body)) for job in jobs])
                        continue
                    if not allowance.entered(workspace):
                        await allowance.enter(workspace)
                    try:
                        outcomes, rest = await self._executor.invoke_some(
                            function, [job.body for job in jobs]
                        )
                        over = len(outcomes)
                        begun = over if rest is None else over + 1
                        if begun < len(jobs):
                            pool.give_back(jobs[begun:])
                        if over:
                            last = trace or None if rest is None else None
                            self._conclude_soon(_Concluded(jobs[:over], plan, began_at, outcomes, last))
                        if rest is not None:
                            outcome = await rest
                    finally:
                        allowance.leave(workspace)
                except Exception as error:  # noqa: BLE001 - must lose neither the events nor the worker
                    self._not_invoked([jobs[over]], began_at, error)
                    if not begun:
                        pool.give_back(jobs[1:])
                    continue
                if rest is not None:
                    self._conclude_soon(_Concluded([jobs[over]], plan, began_at, [outcome], trace or None))

    def _conclude_soon(self, concluded: _Concluded) -> None:
        if not self._concluded:
            asyncio.get_running_loop().call_soon(self._conclude)
        self._concluded.append(concluded)

    async def _invoke(self, jobs: list[Job]) -> None:
        """Invokes the function once for all *jobs*."""
        began_at = self._now()
        try:
            plan = self._plan()
            function = self._function_for(plan, jobs, began_at)
            if function is None:
                return
            assert plan is not None
            if plan.batches is None:
                self._singles.extend(jobs)
                return
            await self._allowance.enter(self._lane.workspace)
            try:
                with tracing(plan.secrets) as trace:
                    if len(jobs) == 1 and _has_single(function, jobs[0]):
                        outcomes = [await self._executor.invoke(function, jobs[0].body)]
                    else:
                        outcomes = await self._executor.invoke(function, [job.body for job in jobs])
            finally:
                self._allowance.leave(self._lane.workspace)
            self._conclude_all([_Concluded(jobs, plan, began_at, outcomes, trace)], together=True)
        except Exception as error:  # noqa: BLE001 - must neither lose the events nor stop the lane
            self._not_invoked(jobs, began_at, error)

    def _function_for(self, plan: Plan | None, jobs: list[Job], began_at: int) -> Function | None:
        """
        The function to invoke for *jobs*; None if there is none, in which case *jobs* are settled or on their
        way.
        """
        if plan is None or plan.destination.fault is not None:
            self._turn_away(jobs, plan)
        elif plan.fault is not None:
            fault = plan.fault
            self._settle([self._judge.discard(job, *fault) for job in jobs])
        elif plan.function is None:
            self._delivery.extend([(_Ready(job, None, began_at), len(job.body)) for job in jobs])
        elif self._allowance.is_used_up(self._lane.workspace):
            why = "the workspace has used up what its functions may do today"
            self._settle([self._judge.discard(job, LOCKED_OUT, why, LOCKED_OUT_STATUS) for job in jobs])
        else:
            return plan.function
        return None

    def _not_invoked(self, jobs: Sequence[Job], began_at: int, error: Exception) -> None:
        if isinstance(error, ExecutorClosed):
            self._settle([Release(job) for job in jobs])
        elif isinstance(error, EventError):
            # The event exceeds a limit of the function, because an earlier version or a filter made it
            # larger.
            self._settle([self._judge.discard(job, "bad_request", str(error)) for job in jobs])
        else:
            # A fault of the server.
            _log.error("invocation failed", extra={"destination": self._lane.destination}, exc_info=error)
            self._fault([_Ready(job, None, began_at) for job in jobs])

    def _conclude(self) -> None:
        """Concludes what the workers have collected, plan by plan."""
        concluded, self._concluded = self._concluded, []
        try:
            for _, group in itertools.groupby(concluded, key=_plan_id):
                self._conclude_all(list(group), together=False)
        except Exception as error:  # noqa: BLE001 - as above
            for each in concluded:
                self._not_invoked(each.jobs, each.began_at, error)

    def _conclude_all(self, concluded: Sequence[_Concluded], *, together: bool) -> None:
        """
        Sends outputs to delivery and settles other outcomes. All are of one plan; *together*: of one
        invocation.
        """
        now, plan = self._now(), concluded[0].plan
        outcomes = [outcome for each in concluded for outcome in each.outcomes]
        instance = plan.destination.instance
        assert instance is not None
        self._observer.ran(self._lane.workspace, instance.function, outcomes, together=together)
        self._meter.invoked(plan.destination, outcomes)
        ready: list[tuple[_Ready, int]] = []
        over: list[Settlement] = []
        evidence: list[_Evidence] = []
        for jobs, _, began_at, of_jobs, trace in concluded:
            for job, outcome in zip(jobs, of_jobs, strict=True):
                output = outcome.output
                if output is not None:
                    ready.append((_Ready(job, output, began_at), len(output)))
                else:
                    over.append(self._judge.of_outcome(job, outcome, began_at, now, plan.secrets))
                    own = trace if together or job is jobs[-1] else None
                    evidence.append(_Evidence(outcome=outcome, trace=own))
        if ready:
            self._delivery.extend(ready)
        if over:
            self._settle(over, evidence)

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
        parcels = self._parcels(batch)
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
        if receipt.verdict == "delivered":
            self._settle_delivered([ready.job for ready in batch], now)
            return
        self._settle(
            [
                self._judge.of_receipt(job, receipt, output, began_at, now, plan.secrets)
                for job, output, began_at in batch
            ],
            [_Evidence(event=ready.output, request=receipt.request) for ready in batch],
        )

    def _turn_away(self, jobs: Sequence[Job], plan: Plan | None) -> None:
        """Discards *jobs*, whose destination is gone, disabled or misconfigured."""
        why = "the destination is disabled or deleted" if plan is None else plan.destination.fault or ""
        self._settle([self._judge.unreachable(job, why) for job in jobs])

    def _parcels(self, batch: list[_Ready]) -> list[Parcel]:
        rest_of_key = KEY_JOINT + self._lane.destination
        return [
            Parcel(
                job.message_id + rest_of_key,
                job.message_id,
                job.event_type,
                job.attempts + 1,
                output or job.body,
            )
            for job, output, _ in batch
        ]

    def _fault(self, batch: Sequence[_Ready]) -> None:
        now, error = self._now(), Error("internal", "the server failed")
        self._settle(
            [self._judge.fault(job, error, began_at, now, output) for job, output, began_at in batch]
        )


def _secrets(destination: Destination) -> tuple[str, ...]:
    """The secrets of the destination and of its function's settings."""
    own = [destination.settings.get(HEADERS), destination.settings.get(SIGNING_SECRET)]
    instance = destination.instance
    return (*(() if instance is None else instance.secrets), *settings.texts(own))


def _has_single(function: Function, job: Job) -> bool:
    return "on" + job.event_type.capitalize() in function.image.handlers


def _plan_id(concluded: _Concluded) -> int:
    return id(concluded.plan)
