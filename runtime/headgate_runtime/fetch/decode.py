"""Content decoding with a bound on the output: a kilobyte of gzip can expand to a gigabyte."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

import brotli

from headgate_runtime.fetch.failure import SystemFailure

if TYPE_CHECKING:
    from headgate_runtime.fetch.message import Incoming


class Decoder(Protocol):
    """Decodes a body in pieces. Raises SystemFailure for malformed data."""

    def __call__(self, data: bytes, room: int) -> bytes:
        """Decode *data* to at most *room* bytes. Further output is lost, so do not call again after that."""


class Gzip:
    """gzip with any number of members. Like Node's gunzip, it ignores trailing data that is not a member."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)
        self._members = 0
        self._is_over = False

    def __call__(self, data: bytes, room: int) -> bytes:
        parts = []
        while data and room > 0 and not self._is_over:
            if self._members and not data.startswith(b"\x1f"):
                self._is_over = True
                break
            part = _inflate(self._member, data, room)
            parts.append(part)
            room -= len(part)
            if not self._member.eof:
                break
            data = self._member.unused_data
            self._members += 1
            self._member = zlib.decompressobj(31)
        return b"".join(parts)


class Deflate:
    """zlib format, or the raw deflate that some servers send as "deflate"; the first byte tells which."""

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None

    def __call__(self, data: bytes, room: int) -> bytes:
        if self._stream is None:
            if not data:
                return b""
            self._stream = zlib.decompressobj(15 if data[0] & 0x0F == 8 else -15)
        return _inflate(self._stream, data, room)


class Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def __call__(self, data: bytes, room: int) -> bytes:
        parts = []
        try:
            while room > 0 and not self._stream.is_finished():
                part: bytes = self._stream.process(data, output_buffer_limit=room)
                parts.append(part[:room])
                room -= len(part)
                data = b""
                if self._stream.can_accept_more_data():
                    break
        except brotli.error:
            raise SystemFailure("ERR_BROTLI_DECODER", "Decompression failed") from None
        return b"".join(parts)


def _inflate(stream: zlib._Decompress, data: bytes, room: int) -> bytes:
    try:
        return stream.decompress(data, room)
    except zlib.error as error:
        raise SystemFailure("Z_DATA_ERROR", str(error).rpartition(": ")[2]) from None


def decoder_of(method: str, incoming: Incoming, compress: bool) -> Decoder | None:
    """The decoder that node-fetch would use for the body, or None when it passes the body through."""
    if not compress or method == "HEAD" or incoming.status in {204, 304}:
        return None
    match incoming.header("content-encoding"):
        case "gzip" | "x-gzip":
            return Gzip()
        case "deflate" | "x-deflate":
            return Deflate()
        case "br":
            return Brotli()
        case _:
            return None
