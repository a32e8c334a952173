"""What operations use besides the registry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headgate.pipeline.admission import Admission
    from headgate.pipeline.debugger import Seen
    from headgate.queue.reports import Reports
    from headgate.registry.records import Regulation
    from headgate.samples.reading import Reader
    from headgate_runtime import Clock, Executor


@dataclass(frozen=True, slots=True)
class Services:
    """
    executor         the worker's own, so that previews are scheduled with everything else it runs
    admission        enforces quotas on previews, and meters them
    samples          reads the samples and usage of all workers
    recent_events    the recent events of a source in all workers, the newest first
    reports          the counters of all workers
    deletions        stores the delete events of a regulation; raises Unavailable
    previews         the number of running previews, by workspace
    """

    executor: Executor
    admission: Admission
    samples: Reader
    clock: Clock
    recent_events: Callable[[str], Awaitable[list[Seen]]]
    reports: Reports
    deletions: Callable[[Regulation], Awaitable[None]]
    previews: Counter[str] = field(default_factory=Counter)
