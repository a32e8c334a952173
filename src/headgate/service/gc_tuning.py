"""Tunes Python's cyclic garbage collector."""

from __future__ import annotations

import gc
from typing import Final

OBJECTS: Final = 20_000
"""
Threshold of the youngest generation: net allocations between two collections. A request of a hundred events
creates some thousand objects, all freed with it; Python's default of 700 would scan them several times a
request, for nothing.
"""


def tune() -> None:
    """
    Call once the process is set up: excludes all present objects
    from collection and raises the threshold.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS, 10, 10)
