"""From a stream of bytes to what one invocation is given: an event, or a batch of them."""

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
    """Lines for one invocation; with a *fault* it is one line that is no event, and why."""

    sequence: int
    lines: list[Line]
    fault: str | None = None


class Feed:
    """
    Portions in the order of the input, read ahead no further than one chunk.

    batch_max   events of a batch; None for events one by one
    bytes_max   of an event, and of a batch as one JSON array: a batch that would pass it is closed early
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
        """The next portion, None after the last. One task at a time may ask."""
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
    """Why *text* is no event, None when it is one as far as this can see."""
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
