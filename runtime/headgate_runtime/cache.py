"""
The host side of `cache` (SPEC 4.6) for hermetic functions, whose memory is reset before each event.

Warm functions keep their cache inside the sandbox, by reference; here values are JSON text.
"""

from __future__ import annotations

import collections
import math
from typing import TYPE_CHECKING, Final

import orjson

from headgate_runtime.sandbox import Answer

if TYPE_CHECKING:
    from headgate_runtime.host import Clock
    from headgate_runtime.sandbox import Request

ENTRIES: Final = 1_000
"""Entries of one function's cache, which evicts the least recently used one (SPEC 4.6)."""

ENTRY_BYTES: Final = 1 << 20
"""Largest entry, key and JSON text together; larger ones are not stored."""

TOTAL_BYTES: Final = 16 << 20
"""Total size of the entries of one function."""

_MISS: Final = b'{"hit":false}'


class Cache:
    """
    One function's cache. Requests are {"op": "get"|"put"|"delete", "key", "ttl"?, "value"?}, with ttl in
    milliseconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: collections.OrderedDict[str, tuple[float, bytes]] = collections.OrderedDict()
        self._bytes = 0

    def answer(self, request: Request) -> Answer:
        """Answer synchronously. A malformed request gets a failure."""
        try:
            asked = orjson.loads(request.payload)
            operation, key = asked["op"], asked["key"]
            value = orjson.dumps(asked.get("value"))  # TypeError when nested too deeply
        except (orjson.JSONDecodeError, KeyError, TypeError):
            key = None
        if not isinstance(key, str):
            return Answer(request.operation, 1, b'{"message":"malformed cache request"}')
        if operation == "get":
            return Answer(request.operation, 0, self._get(key))
        if operation == "put":
            self._put(key, asked.get("ttl"), value)
        elif operation == "delete":
            self._remove(key)
        return Answer(request.operation, 0, b"{}")

    def _get(self, key: str) -> bytes:
        entry = self._entries.get(key)
        if entry is None:
            return _MISS
        if entry[0] <= self._clock.monotonic_ms():
            self._remove(key)
            return _MISS
        self._entries.move_to_end(key)
        return b'{"hit":true,"value":' + entry[1] + b"}"

    def _put(self, key: str, ttl: object, value: bytes) -> None:
        self._remove(key)
        size = _size(key, value)
        if size > ENTRY_BYTES:
            return
        expires = math.inf
        if isinstance(ttl, int | float) and ttl >= 0:
            expires = self._clock.monotonic_ms() + ttl
        self._entries[key] = (expires, value)
        self._bytes += size
        while len(self._entries) > ENTRIES or self._bytes > TOTAL_BYTES:
            self._remove(next(iter(self._entries)))

    def _remove(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _size(key, entry[1])


def _size(key: str, value: bytes) -> int:
    """A character of *key* takes up to four bytes, here and wherever it is kept."""
    return 4 * len(key) + len(value)
