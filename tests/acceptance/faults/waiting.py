"""Waits for conditions that other threads or processes bring about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SECONDS = 60.0
"""The default time-out."""

_LOOK_S = 0.02
"""Interval between checks, since other processes cannot notify this one."""


class Waiter:
    """`until` waits for a condition; `notify` makes it check the condition at once."""

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
        """Waits until *holds*. Raises AssertionError on time-out, with *what* was waited for and the text of *instead*."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds:g} s: {what}\n{instead()}"
            self.pause(_LOOK_S)

    def pause(self, seconds: float) -> None:
        """Waits for a notification, at most *seconds*."""
        with self._changed:
            self._changed.wait(seconds)
