"""What a sandbox is given from outside: clock, entropy, and the services behind the imports. All can be replaced."""

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
        """Milliseconds since the epoch, what Date.now() is made of."""

    def monotonic_ms(self) -> float:
        """Milliseconds that never go back; time limits count in them."""

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        """Returns the tasks that are done, as soon as one is, or none when *timeout_ms* has passed."""


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
    """Source of seeds."""

    def __call__(self, size: int) -> bytes: ...


class SystemEntropy:
    """The kernel's random bytes, read some thousand at a time: a seed per event costs no system call."""

    _all: ClassVar[weakref.WeakSet[SystemEntropy]] = weakref.WeakSet()

    def __init__(self) -> None:
        self._pool = b""
        self._used = 0
        self._all.add(self)

    @classmethod
    def forget(cls) -> None:
        """Drops what was read ahead: a forked child must not repeat its parent."""
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
    Answers the requests of functions' `fetch`. Never raises for what a function asked, only when it is broken: what it
    raises then comes out of `invoke`. Ends soon after it is cancelled, as it is with its invocation, which waits for it.
    """

    async def __call__(self, request: Request) -> Answer: ...
