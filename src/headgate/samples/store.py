"""Collects samples and usage from the pipeline, and writes them in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from headgate.samples.file import DAY_MS, PER_REASON, CallKey, SampleFile, Usage, UsageKey, sweep_left
from headgate.samples.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from headgate.paths import DataDirectory
    from headgate.registry.snapshot import Source
    from headgate.samples.sample import Sample
    from headgate_runtime import Outcome

_log = logging.getLogger("headgate.samples")

FLUSH_S: Final = 0.5
"""How long after the first thing to write a flush begins."""

WAITING: Final = 64
"""The most samples waiting to be written; further ones are not taken."""

WINDOW_MS: Final = 60_000
"""In each window of this length, at most PER_REASON samples of a destination and reason are taken."""

SWEEP_S: Final = 3_600.0
"""The interval between two sweeps of expired data."""

OTHERS_MS: Final = 5_000
"""How old the known fuel usage of other workers may be."""

KEYS: Final = 10_000
"""The most pairs of destination and reason that samples are taken of in one window."""


class SampleStore:
    """An Observer of the pipeline. Errors of the file never disturb the pipeline."""

    def __init__(
        self,
        file: SampleFile,
        now: Callable[[], int],
        fuel_of: Callable[[int], dict[str, int]],
        left: Sequence[Path],
    ) -> None:
        """Use `open`."""
        self._left = left
        self._is_sweep_due = False
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._file = file
        self._now = now
        self._fuel_of = fuel_of
        self._fuel: dict[str, int] = {}
        self._fuel_day = 0
        self._fuel_at = 0
        self._fuel_new: Counter[str] = Counter()
        self._fuel_flying: Counter[str] = Counter()
        self._waiting: list[Sample] = []
        self._used: dict[tuple[str, str], list[float]] = {}
        self._calls: dict[tuple[str, str], int] = {}
        self._taken: dict[tuple[str, str], int] = {}
        self._window = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._is_failing = False

    @classmethod
    async def open(
        cls, data: DataDirectory, worker: int, now: Callable[[], int], left: Sequence[Path] = ()
    ) -> Self:
        """
        *now* returns ms since the epoch; *left* are files of workers that no longer exist, to be swept with this one's.
        Raises sqlite3.Error.
        """
        file = await asyncio.to_thread(SampleFile, data.samples(worker))
        store = cls(file, now, Reader(data).fuel_of, left)
        await store._write()
        store._sweep_soon()
        return store

    def wants(self, destination: str, reason: str) -> bool:
        """Whether to take a sample. If so, it counts as taken: the caller must pass it to `keep`."""
        window = self._now() // WINDOW_MS
        if window != self._window:
            self._window = window
            self._taken.clear()
        key = destination, reason
        taken = self._taken.get(key, 0)
        if taken >= PER_REASON or len(self._waiting) >= WAITING or len(self._taken) >= KEYS:
            return False
        self._taken[key] = taken + 1
        return True

    def keep(self, sample: Sample) -> None:
        self._waiting.append(sample)
        self._flush_later()

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:
        key = workspace, function
        used = self._used.get(key)
        if used is None:
            used = self._used[key] = [0, 0, 0.0, 0]
            self._flush_later()
        invoked = outcomes[:1] if together else outcomes
        fuel = sum([outcome.fuel for outcome in invoked])
        self._fuel_new[workspace] += fuel
        used[0] += len(invoked)
        used[1] += fuel
        used[2] += sum([outcome.wall_ms for outcome in invoked])
        used[3] += sum([len(outcome.output) for outcome in outcomes if outcome.output is not None])

    def fuel_today(self, workspace: str) -> int:
        """The fuel that the workspace has used today, over all workers."""
        fuel = self._fuel_new[workspace] + self._fuel_flying[workspace]
        return fuel + self._fuel.get(workspace, 0) if self._now() // DAY_MS == self._fuel_day else fuel

    def received(self, source: Source, events: int) -> None:
        key = source.workspace, source.id
        self._calls[key] = self._calls.get(key, 0) + events
        self._flush_later()

    async def flush(self) -> None:
        """On return, everything passed in so far is written, or lost."""
        self._cancel_timer()
        while self._writing is not None or self._has_something:
            await (self._writing or self._begin())

    def _sweep(self, now: int) -> None:
        """Errors are ignored: the next sweep tries again."""
        for path in self._left:
            with contextlib.suppress(sqlite3.Error):
                if path.exists():
                    sweep_left(path, now)
        with contextlib.suppress(sqlite3.Error):
            self._file.sweep(now)

    def _sweep_later(self) -> None:
        self._sweep_timer = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep_soon)

    def _sweep_soon(self) -> None:
        self._is_sweep_due = True
        self._flush_later()
        self._sweep_later()

    async def close(self) -> None:
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        await self.flush()
        await asyncio.to_thread(self._file.close)

    @property
    def _has_something(self) -> bool:
        return bool(self._waiting or self._used or self._calls or self._is_sweep_due)

    def _flush_later(self) -> None:
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._begin)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> asyncio.Task[None]:
        self._cancel_timer()
        self._writing = asyncio.get_running_loop().create_task(self._write())
        return self._writing

    async def _write(self) -> None:
        now = self._now()
        samples, self._waiting = self._waiting, []
        used, self._used = self._used, {}
        self._fuel_flying, self._fuel_new = self._fuel_new, Counter()
        called, self._calls = self._calls, {}
        calls = {CallKey(now // DAY_MS, *key): events for key, events in called.items()}
        usage = {
            UsageKey(now // DAY_MS, *key): Usage(int(one[0]), int(one[1]), one[2], int(one[3]))
            for key, one in used.items()
        }
        try:
            await asyncio.to_thread(self._file.write, samples, usage, now, calls)
            self._is_failing = False
            if now - self._fuel_at >= OTHERS_MS or now // DAY_MS != self._fuel_day:
                fuel = await asyncio.to_thread(self._fuel_of, now)
                self._fuel, self._fuel_day, self._fuel_at = fuel, now // DAY_MS, now
                self._fuel_flying = Counter()
            if self._is_sweep_due:
                self._is_sweep_due = False
                await asyncio.to_thread(self._sweep, now)
        except Exception as error:  # noqa: BLE001 - nobody awaits this task, and `close` must not fail
            self._is_sweep_due = False
            if not self._is_failing:
                _log.warning("samples and usage could not be written and are lost: %s", error)
            self._is_failing = True
        finally:
            self._writing = None
            for workspace, some in self._fuel_flying.items():
                self._fuel[workspace] = self._fuel.get(workspace, 0) + some
            self._fuel_flying = Counter()
        if self._has_something:
            self._flush_later()
