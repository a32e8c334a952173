"""Splits a stream of bytes into the inputs of invocations: events, or batches of events."""

from __future__ import annotations

import collections
import json
from typing import NamedTuple, NoReturn, Protocol

from headgate.cli.lines import Line, Lines


class Readable(Protocol):
    """Where events come from; `pipes.Source` is one."""

    async def read(self) -> bytes:
        """The next chunk, empty at the end."""


class Portion(NamedTuple):
    """Lines for one invocation. *fault* says why a single line is not an event."""

    sequence: int
    lines: list[Line]
    fault: str | None = None


class Feed:
    """
    Portions in the order of the input; reads at most one chunk ahead.

    batch_max   most events in a batch; None for single events
    bytes_max   most bytes of an event, and of a batch as a JSON array; a batch is closed before it exceeds this
    """

    def __init__(self, source: Readable, *, batch_max: int | None, bytes_max: int) -> None:
        self._source = source
        self._lines = Lines(bytes_max)
        self._batch_max = batch_max
        self._bytes_max = bytes_max
        self._batch: list[Line] = []
        self._batch_bytes = 1
        self._ready: collections.deque[Portion] = collections.deque()
        self._sequence = 0
        self._ended = False

    async def take(self) -> Portion | None:
        """The next portion, None after the last. Only one task at a time may call this."""
        while not self._ready:
            if self._ended:
                return None
            await self._read()
        return self._ready.popleft()

    async def _read(self) -> None:
        chunk = await self._source.read()
        self._ended = not chunk
        for line in self._lines.feed(chunk) if chunk else self._lines.close():
            self._sort(line)
        if self._ended:
            self._close_batch()

    def _sort(self, line: Line) -> None:
        if line.text is None:
            self._put([line], f"{line.size:,} bytes, more than --input-bytes {self._bytes_max}")
        elif self._batch_max is None:
            self._put([line])  # the guest, which parses it anyway, will find its faults
        elif fault := fault_of(line.text):
            self._put([line], fault)
        else:
            size = len(line.text) + 1  # with the comma or bracket that follows it
            if self._batch_bytes + size > self._bytes_max:
                self._close_batch()
            self._batch.append(line)
            self._batch_bytes += size
            if len(self._batch) == self._batch_max:
                self._close_batch()

    def _close_batch(self) -> None:
        if self._batch:
            self._put(self._batch)
        self._batch, self._batch_bytes = [], 1

    def _put(self, lines: list[Line], fault: str | None = None) -> None:
        self._ready.append(Portion(self._sequence, lines, fault))
        self._sequence += 1


def fault_of(text: bytes) -> str | None:
    """Why *text* is not an event; None if no fault is visible here."""
    try:
        value = json.loads(text.decode(), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start + 1}"
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at column {error.colno}"
    except RecursionError:
        return "nested too deeply"
    except ValueError as error:
        return f"not JSON: {error}"
    if not isinstance(value, dict):
        return "not an event: an event is a JSON object"
    return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")
