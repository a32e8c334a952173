"""What operations have beside the registry."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.samples.reading import Reader
    from headgate_runtime import Clock, Executor


@dataclass(frozen=True, slots=True)
class Services:
    """
    executor    the worker's own, so that test runs take their turns with everything else that runs
    samples     of all workers
    previews    under way, by workspace
    """

    executor: Executor
    samples: Reader
    clock: Clock
    previews: Counter[str] = field(default_factory=Counter)
