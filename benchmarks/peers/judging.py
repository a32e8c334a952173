"""Disqualifies contestants: the exceptions that do so, and the words for them in tables."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from benchmarks.peers.child import Failed
from benchmarks.peers.install import Missing
from benchmarks.workload import Mismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def judged(out: Callable[[str, str], None]) -> Iterator[None]:
    """Calls *out* with a short word and the reason when the contestant inside fails."""
    try:
        yield
    except Mismatch as error:
        out("disqualified", str(error))
    except Missing as error:
        out("not installed", str(error))
    except (Failed, OSError) as error:
        out("failed", str(error))
