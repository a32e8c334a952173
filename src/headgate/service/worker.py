"""One process of the server: its queue and those it adopted, its sandboxes and its share of the requests."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import random
import sqlite3
from typing import TYPE_CHECKING

from uvicorn import Config

from headgate.delivery.carriers import Carriers
from headgate.delivery.kinds import CarrierMaker
from headgate.pipeline.admission import Admission
from headgate.pipeline.allowance import Allowance
from headgate.pipeline.debugger import SourceDebugger, merged
from headgate.pipeline.functions import Functions
from headgate.pipeline.intake import PipelineIntake
from headgate.pipeline.observer import NoObserver
from headgate.pipeline.pipeline import Pipeline
from headgate.pipeline.plan import Planner
from headgate.pipeline.verdict import Judge
from headgate.queue.clock import ServiceClock
from headgate.queue.protocol import QueueBroken
from headgate.queue.sqlite import SqliteQueue
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry
from headgate.samples.store import SampleStore
from headgate.service import control, gc_tuning, health
from headgate.service.authority import TokenAuthority
from headgate.service.egress import WorkspaceEgress
from headgate.service.exposition import destination_names, joined, workers_up
from headgate.service.front import Front
from headgate.service.invoke import InvokeApi
from headgate.service.joining import JoiningProtocol
from headgate.service.metrics import Metrics
from headgate.service.retention import swept
from headgate.service.server import Server
from headgate.tracking.api import TrackingApi
from headgate.tracking.limits import TrackingLimits
from headgate.tracking.rate import EventThrottle
from headgate_runtime import Executor, SystemClock, SystemEntropy
from headgate_runtime.fetch import SystemResolver, default_context

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import ASGIApp

    from headgate.pipeline.debugger import Seen
    from headgate.pipeline.observer import Observer
    from headgate.service.options import ServeOptions

_log = logging.getLogger("headgate.service")


class Worker:
    """
    Worker *index* of `options.workers`. It serves the queue of its own number and its share of those that
    former workers left, so that every queue in the data directory is served by exactly one worker.
    """

    def __init__(self, options: ServeOptions, index: int) -> None:
        self._options = options
        self._index = index
        self._clock = SystemClock()
        self._entropy = SystemEntropy()
        self._queues: dict[int, SqliteQueue] = {}
        self._pipelines: list[Pipeline] = []
        self._server: Server | None = None
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._metrics = Metrics(index)
        self._debugger = SourceDebugger(self._clock)

    def stop(self) -> None:
        """Begins a graceful shutdown, even before the worker has begun to serve."""
        self._stopping = True
        if self._server is not None:
            self._server.stop()

    def sibling_ended(self) -> None:
        """Another worker has ended: reopens the files of the sibling queues."""
        queue = self._queues.get(self._index)
        if queue is not None and not self._stopping:
            task = asyncio.create_task(_quietly(queue.sibling_ended()))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def run(self, listening: socket.socket, on_ready: Callable[[], None]) -> None:
        """
        Serves until `stop` is called. All accepted events are stored on return. Raises InUse, QueueBroken,
        Unavailable and KeyUnavailable if the data directory cannot be served.
        """
        options = self._options
        async with contextlib.AsyncExitStack() as stack:
            registry = stack.enter_context(Registry.open(options.data))
            directory = SnapshotStore(registry)
            await directory.current()
            now = ServiceClock(self._clock)
            await self._open_queues(stack, now)
            resolver = SystemResolver()
            stack.callback(resolver.close)
            egress = await stack.enter_async_context(
                WorkspaceEgress(options, directory, self._clock, resolver)
            )
            executor = await stack.enter_async_context(Executor(fetch=egress))
            functions = Functions(executor)
            maker = CarrierMaker(
                egress=egress.of,
                resolver=resolver.of,
                context=functools.cache(default_context),
                clock=self._clock,
                share=options.workers,
            )
            chance = random.SystemRandom().random
            observer = await self._observer(stack, now)
            allowance = Allowance(directory, observer.fuel_today, options.workers)
            for queue in self._queues.values():
                carriers = Carriers(maker)
                stack.push_async_callback(carriers.aclose)
                self._pipelines.append(
                    Pipeline(
                        queue,
                        directory,
                        executor,
                        Planner(functions, carriers),
                        Judge(chance, options.backoff),
                        self._clock,
                        now.now,
                        self._metrics,
                        observer,
                        allowance,
                    )
                )
            intake = PipelineIntake(
                self._queues[self._index], directory, self._metrics, self._debugger, observer
            )
            throttle = EventThrottle(self._clock)
            admission = Admission(allowance, observer, throttle, self._clock)
            tracking = TrackingApi(
                intake,
                clock=self._clock,
                entropy=self._entropy,
                limits=TrackingLimits(requests_per_second=options.requests_per_second),
                strict_write_keys=options.strict_write_keys,
                events_per_s=allowance.events_per_s,
                event_throttle=throttle,
            )

            async def own_metrics() -> bytes:
                stats = [await queue.stats() for queue in self._queues.values()]
                dispatchers = [pipeline.dispatcher for pipeline in self._pipelines]
                broken_off = {} if self._server is None else self._server.connections.broken_off
                return self._metrics.text(stats, dispatchers, executor, tracking, broken_off, now.now())

            async def metrics() -> bytes:
                names = destination_names(await directory.current())
                own, others = await asyncio.gather(own_metrics(), self._metrics_of_others())
                up = workers_up(
                    {self._index: True} | {index: text is not None for index, text in others.items()}
                )
                return joined([own, *filter(None, others.values()), up, names])

            authority = TokenAuthority(registry, directory)
            invoke = InvokeApi(directory, functions, executor, authority, admission, self._clock)

            def administration() -> ASGIApp:
                from headgate.service.administration import administration  # noqa: PLC0415 - see Front

                made = administration(
                    options.data,
                    registry,
                    directory,
                    executor,
                    admission,
                    intake,
                    self._clock,
                    self._recent_events,
                    invoke,
                    authority,
                )
                gc_tuning.tune()
                return made

            watched = health.application(
                is_ready=self._why_not_ready, metrics=metrics, metrics_token=options.metrics_token
            )
            if self._index == 0:
                await stack.enter_async_context(swept(registry))
            await stack.enter_async_context(
                self._controlled(control.application(self._queues, own_metrics, self._debugger))
            )
            await self._serve(Front(tracking, invoke, watched, administration), listening, on_ready)

    async def _open_queues(self, stack: contextlib.AsyncExitStack, clock: ServiceClock) -> None:
        options = self._options
        paths = options.data.queues() | {self._index: options.data.queue(self._index)}
        left = [number for number in paths if number >= options.workers]
        others = {*range(options.workers), *left} - {self._index}
        siblings = [options.data.queue(number) for number in sorted(others)]
        for number in (self._index, *left):
            if number % options.workers != self._index:
                continue
            queue = await SqliteQueue.open(
                paths[number], clock=clock, siblings=siblings if number == self._index else ()
            )
            stack.push_async_callback(queue.close)
            self._queues[number] = queue

    async def _observer(self, stack: contextlib.AsyncExitStack, clock: ServiceClock) -> Observer:
        data, workers = self._options.data, self._options.workers
        left = [
            path
            for number, path in data.all_samples().items()
            if number >= workers and number % workers == self._index
        ]
        try:
            store = await SampleStore.open(data, self._index, clock.now, left)
        except sqlite3.Error as error:
            # Samples are optional: events must be served without them.
            _log.warning("no samples and no usage are kept: %s", error)
            return NoObserver()
        stack.push_async_callback(store.close)
        return store

    async def _recent_events(self, source: str) -> list[Seen]:
        others = await control.ask_all([*self._others().values()], lambda other: other.events(source))
        return merged([self._debugger.recent(source), *(each for each in others if each is not None)])

    def _others(self) -> dict[int, control.Control]:
        """The other workers by their numbers."""
        numbers = (index for index in range(self._options.workers) if index != self._index)
        return {index: control.Control(self._options.data.control(index)) for index in numbers}

    async def _metrics_of_others(self) -> dict[int, bytes | None]:
        others = self._others()
        texts = await control.ask_all([*others.values()], control.Control.metrics)
        return dict(zip(others, texts, strict=True))

    @contextlib.asynccontextmanager
    async def _controlled(self, app: ASGIApp) -> AsyncIterator[None]:
        """Serves *app* on the control socket while the context is active."""
        path = self._options.data.control(self._index)
        config = Config(app, lifespan="off", access_log=False, log_config=None, timeout_graceful_shutdown=1)
        listens = asyncio.Event()
        server = Server(config, listens.set)
        serving = asyncio.create_task(server.serve(sockets=[control.listen(path)]))
        try:
            await listens.wait()
            yield
        finally:
            server.stop()
            await serving
            path.unlink(missing_ok=True)

    def _why_not_ready(self) -> str | None:
        if self._failure is not None:
            return "the pipeline has failed"
        if self._server is None or self._server.should_exit:
            return "stopping"
        return None

    async def _serve(self, front: Front, listening: socket.socket, on_ready: Callable[[], None]) -> None:
        config = Config(
            front,
            http=JoiningProtocol,
            ws="none",
            loop="uvloop",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=True,
            proxy_headers=bool(self._options.proxies),
            forwarded_allow_ips=list(self._options.proxies),
            timeout_graceful_shutdown=max(1, self._options.grace_ms // 2_000),
            backlog=2_048,
        )
        if self._stopping:
            return
        self._server = server = Server(config, on_ready)
        running = [asyncio.create_task(self._pump(pipeline)) for pipeline in self._pipelines]
        try:
            await server.serve(sockets=[listening])
        finally:
            grace_ms = self._options.grace_ms / 2
            ended = await asyncio.gather(*(pipeline.drain(grace_ms) for pipeline in self._pipelines))
            if not all(ended):
                _log.warning("jobs under way were broken off; they are tried again after the next start")
            await asyncio.gather(*running, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    async def _pump(self, pipeline: Pipeline) -> None:
        try:
            await pipeline.run()
        except Exception as error:  # noqa: BLE001 - raised again by _serve
            # Accepted events are stored; a restarted process goes on with them.
            _log.exception("the pipeline failed: stopping")
            self._failure = error
            self.stop()


async def _quietly(work: Awaitable[None]) -> None:
    """Awaits *work* and ignores a closed or broken queue."""
    with contextlib.suppress(QueueBroken):
        await work
