"""The replaceable dependencies of a sandbox: clock, entropy, and the service behind `fetch`."""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from headgate_runtime.sandbox import Answer, Request


class Clock(Protocol):
    """Time as functions and the executor see it."""

    def wall_ms(self) -> float:
        """Milliseconds since the Unix epoch, for Date.now()."""

    def monotonic_ms(self) -> float:
        """Milliseconds on a clock that never goes back, for time limits."""

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        """Wait until one of *tasks* is done or *timeout_ms* has passed. Returns the tasks that are done."""


class SystemClock:
    """The machine's clock."""

    def wall_ms(self) -> float:
        return time.time() * 1e3

    def monotonic_ms(self) -> float:
        return time.monotonic() * 1e3

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        if not tasks:
            await asyncio.sleep(timeout_ms / 1e3)
            return set()
        done, _ = await asyncio.wait(tasks, timeout=timeout_ms / 1e3, return_when=asyncio.FIRST_COMPLETED)
        return done


class Entropy(Protocol):
    """A source of random bytes for seeds."""

    def __call__(self, size: int) -> bytes: ...


class SystemEntropy:
    """The kernel's random bytes, buffered so that not every seed costs a system call."""

    _all: ClassVar[weakref.WeakSet[SystemEntropy]] = weakref.WeakSet()

    def __init__(self) -> None:
        self._pool = b""
        self._used = 0
        self._all.add(self)

    @classmethod
    def forget(cls) -> None:
        """Drop the buffers of all instances, since a forked child must not repeat its parent's bytes."""
        for entropy in cls._all:
            entropy._pool, entropy._used = b"", 0  # noqa: SLF001 - of its own class

    def __call__(self, size: int) -> bytes:
        start, end = self._used, self._used + size
        if end > len(self._pool):
            self._pool, start, end = os.urandom(max(4096, size)), 0, size
        self._used = end
        return self._pool[start:end]


os.register_at_fork(after_in_child=SystemEntropy.forget)


class Service(Protocol):
    """
    Answers functions' `fetch` requests. Errors of a request are answers; an exception means that the service
    is broken, and propagates out of `invoke`. An ending invocation cancels its requests and waits for them,
    so a call must end soon after it is cancelled.
    """

    async def __call__(self, request: Request) -> Answer: ...
