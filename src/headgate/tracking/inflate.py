"""Unpacks gzip while it arrives, never holding more than a limit of what comes out."""

from __future__ import annotations

import zlib
from typing import Final

_GZIP: Final = 31
"""A window of any size with gzip's header and trailer around it."""


class BadGzip(Exception):
    """Not gzip, damaged, or cut short."""


class TooMuch(Exception):
    """More came out than the limit allows."""


class Inflater:
    """
    `feed` chunks of any size, then `close`. Members may follow each other, as gzip allows, *members_max* at most;
    zeros may follow the last one, as tape archives pad.
    """

    def __init__(self, size_max: int, members_max: int) -> None:
        self._room = size_max
        self._members_left = members_max
        self._member: zlib._Decompress | None = None
        self._padded = False
        self._started = False
        self._content = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Raises BadGzip and TooMuch, after which there is no use in going on."""
        while chunk:
            if self._member is None:
                chunk = self._between(chunk)
                continue
            try:
                # One byte more than there is room for tells too much from just enough.
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
        """Opens the member that *chunk* begins with, if it does not only hold padding."""
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
        """All that came out. Raises BadGzip when the last member is not complete, or there was none."""
        if self._member is not None or not self._started:
            raise BadGzip
        return bytes(self._content)
