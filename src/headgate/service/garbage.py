"""When Python looks for cycles of objects that nobody reaches any more."""

from __future__ import annotations

import gc
from typing import Final

OBJECTS: Final = 20_000
"""
More of them alive than at the last look before the next one. A request of a hundred events has some thousand, all of which
are gone with it: at Python's 700 they were looked through several times a request, for nothing.
"""


def tune() -> None:
    """Of this process, once it is set up: what is there stays, and is never looked through again."""
    gc.freeze()
    gc.set_threshold(OBJECTS, 10, 10)
