"""
Bounds the work of one evaluation. Filters run between the events of all tenants, so that a query of one tenant must not
take seconds for an event, as nested scans of its 32 KiB otherwise would.
"""

from __future__ import annotations

import threading
from typing import Final

STEPS: Final = 4_000_000
"""Most steps of one evaluation of a query; a step takes about a nanosecond."""

COMPARISON: Final = 300
"""Steps for each element of a list or an object that is compared. A query has few values of its own to compare."""

FREE_ELEMENTS: Final = 8
"""The longest list that `in` searches without counting its elements, as nearly all are."""

COMPILE: Final = 100
"""Steps for each character of a glob pattern, most of which have been compiled before."""


class TooCostly(Exception):
    """Evaluating a query on an event took more than STEPS."""


class _Local(threading.local):
    left = STEPS


_local: Final = _Local()


def begin() -> None:
    """Begins an evaluation in this thread, which may `spend` STEPS."""
    _local.left = STEPS


def spend(steps: int) -> None:
    """Raises TooCostly."""
    _local.left -= steps
    if _local.left < 0:
        raise TooCostly
