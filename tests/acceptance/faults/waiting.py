"""Waiting for what is to happen, in other threads or other processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SECONDS = 60.0
"""For anything to happen; what takes longer will not."""

_LOOK_S = 0.02
"""What happens in other processes tells nobody here."""


class Waiter:
    """`notify` it when something has happened; `until` returns when it is what was waited for."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def until(
        self,
        holds: Callable[[], object],
        what: str,
        seconds: float = SECONDS,
        instead: Callable[[], str] = lambda: "",
    ) -> None:
        """Raises AssertionError when it has not happened in time, and says what *instead* tells of that moment."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds:g} s: {what}\n{instead()}"
            self.pause(_LOOK_S)

    def pause(self, seconds: float) -> None:
        """Until anything happens, *seconds* at most."""
        with self._changed:
            self._changed.wait(seconds)
