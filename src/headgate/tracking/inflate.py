"""Decompresses gzip as it arrives and stops when the output exceeds a limit."""

from __future__ import annotations

import zlib
from typing import Final

_GZIP: Final = 31
"""zlib's `wbits` for a gzip header and trailer with a window of any size."""


class BadGzip(Exception):
    """Not gzip, damaged, or cut short."""


class TooMuch(Exception):
    """The decompressed content is larger than the limit."""


class Inflater:
    """
    Call `feed` with chunks of any size, then `close`. The input may have up to *members_max* gzip members,
    and zero padding after the last one, as tape archives have.
    """

    def __init__(self, size_max: int, members_max: int) -> None:
        self._room = size_max
        self._members_left = members_max
        self._member: zlib._Decompress | None = None
        self._padded = False
        self._started = False
        self._content = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Decompresses *chunk*. Raises BadGzip and TooMuch, after which the inflater is unusable."""
        while chunk:
            if self._member is None:
                chunk = self._between(chunk)
                continue
            try:
                # One byte more than the room left distinguishes "too much" from "exactly full".
                part = self._member.decompress(chunk, self._room + 1)
            except zlib.error as error:
                raise BadGzip from error
            self._room -= len(part)
            if self._room < 0:
                raise TooMuch
            self._content += part
            chunk = self._member.unconsumed_tail
            if self._member.eof:
                chunk, self._member = self._member.unused_data, None

    def _between(self, chunk: bytes) -> bytes:
        """
        Opens the member that *chunk* starts with and returns the chunk; returns b"" if *chunk* is only
        padding.
        """
        rest = chunk.lstrip(b"\0") if self._started else chunk
        self._padded = self._padded or len(rest) < len(chunk)
        if not rest:
            return b""
        if self._padded or not self._members_left:
            raise BadGzip
        self._members_left -= 1
        self._started = True
        self._member = zlib.decompressobj(_GZIP)
        return rest

    def close(self) -> bytes:
        """
        Returns the decompressed content. Raises BadGzip if the last
        member is incomplete or there was none.
        """
        if self._member is not None or not self._started:
            raise BadGzip
        return bytes(self._content)
