"""Plans: how to process a destination's events according to its current registry entry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from headgate.delivery.carrier import Batching
from headgate_runtime import CompileError

if TYPE_CHECKING:
    from headgate.delivery.carrier import Carrier
    from headgate.delivery.carriers import Carriers
    from headgate.pipeline.functions import Functions
    from headgate.registry.snapshot import Destination, Workspace
    from headgate_runtime import Function

FUNCTION_WORKERS: Final = 16
"""Maximum concurrent invocations of one function; its limit on sandboxes applies as well."""

BATCH_WAIT_MS: Final = 10_000.0
"""How long the first event of an `onBatch` call waits for others (SPEC 6)."""

BATCH_BYTES: Final = 6_000_000
"""Maximum bytes of the events of an `onBatch` call, so that the joined text stays below 6 MB (SPEC 6)."""

SINGLE_JOBS: Final = 64
"""Jobs in flight of a lane without batching."""

BATCHES_AHEAD: Final = 2
"""Batches of a lane that are in flight or filling, for each concurrent delivery."""


class Plan(NamedTuple):
    """
    function    None: events are delivered unchanged (there is no instance, or it is disabled, SPEC D20)
    fault       why every event is discarded before the function, as (reason, message); None if nothing is
                wrong
    batches     how events are collected for `onBatch`; None if the function has no such handler
    """

    destination: Destination
    carrier: Carrier
    function: Function | None
    fault: tuple[str, str] | None
    batches: Batching | None
    secrets: tuple[str, ...]

    @property
    def capacity(self) -> int:
        """How many jobs the lane can have in flight usefully."""
        function = self.batches.events * BATCHES_AHEAD if self.batches else 0
        delivery = self.carrier.batching.events * BATCHES_AHEAD * self.carrier.concurrency
        return max(SINGLE_JOBS, function, delivery if self.carrier.batching.events > 1 else 0)

    @property
    def function_workers(self) -> int:
        return min(FUNCTION_WORKERS, self.function.limits.sandboxes) if self.function else FUNCTION_WORKERS


class Planner:
    """Makes plans; `forget` closes what was made for a destination."""

    def __init__(self, functions: Functions, carriers: Carriers) -> None:
        self._functions = functions
        self._carriers = carriers

    def forget(self, destination: str) -> None:
        self._carriers.forget(destination)

    async def plan(self, destination: Destination, workspace: Workspace) -> Plan:
        function, fault, secrets = await self._function(destination, workspace)
        batches = None
        if function is not None and "onBatch" in function.image.handlers:
            assert destination.instance is not None
            batches = Batching(destination.instance.batch_max_count, BATCH_BYTES, BATCH_WAIT_MS)
        return Plan(destination, self._carriers.of(destination), function, fault, batches, secrets)

    async def _function(
        self, destination: Destination, workspace: Workspace
    ) -> tuple[Function | None, tuple[str, str] | None, tuple[str, ...]]:
        instance = destination.instance
        if instance is None or not instance.enabled:
            return None, None, ()
        if instance.fault is not None or instance.version is None:
            return None, ("invalid_settings", instance.fault or "there is no version to run"), ()
        function = await self._functions.of(instance, workspace)
        if isinstance(function, CompileError):
            return None, ("bad_request", str(function)), ()
        return function, None, instance.secrets
