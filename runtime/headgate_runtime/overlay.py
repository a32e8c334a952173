"""
Overlays: the differences between an image's memory and the base image, a few thousand bytes for most
functions.

The sandboxes of all functions start from one copy of the base image, whose pages the kernel shares among
them, and each writes the overlay of its function over it. A separate module per function would take a
megabyte each.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from headgate_runtime import abi, guest, wasm
from headgate_runtime.baseline import Baseline
from headgate_runtime.private_pages import PAGE_BYTES, PageMap, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from headgate_runtime._wasmtime import Module
    from headgate_runtime.sandbox import Sandbox

OVERLAY_BYTES: Final = 64 << 10
"""
Largest overlay. Beyond that, copying costs more than it saves: the image holds all of its memory as its own
module.
"""

CHUNK_BYTES: Final = 8 * PAGE_BYTES
"""Bytes that are compared at a time."""

EXTRA_PAGES: Final = 16
"""Wasm pages that a memory may have beyond the base image; each number needs a compiled module."""

_PLACE: Final = struct.Struct("<2I")


@dataclass(frozen=True, slots=True)
class Overlay:
    """
    The differences in ascending order, split at pages, so that equal memories have equal overlays. The stack
    is left out: what calls left there is meaningless, and would be a quarter of the overlay.

    places     offset and size of each difference, packed: there are dozens per function, and objects would
               double the size
    content    the bytes of all differences, concatenated
    """

    places: bytes = b""
    content: bytes = b""

    @classmethod
    def of(cls, segments: Iterable[wasm.Segment]) -> Overlay:
        parts = list(segments)
        places = b"".join(_PLACE.pack(part.offset, len(part.content)) for part in parts)
        return cls(places, b"".join(part.content for part in parts))

    def __iter__(self) -> Iterator[wasm.Segment]:
        at = 0
        for offset, size in _PLACE.iter_unpack(self.places):
            yield wasm.Segment(offset, self.content[at : at + size])
            at += size

    def lay(self, memory: memoryview | bytearray) -> None:
        """Write the overlay into *memory*."""
        content, at = memoryview(self.content), 0
        for offset, size in _PLACE.iter_unpack(self.places):
            memory[offset : offset + size] = content[at : at + size]
            at += size


class Memory(NamedTuple):
    """The initial memory of a sandbox: a compiled module and the overlay to write over it."""

    module: Module
    overlay: Overlay = Overlay()


def of_memory(memory: bytes | memoryview, pages: int) -> Overlay | None:
    """
    The overlay of *memory*, which is followed by zeros up to *pages* Wasm pages. None when it is too large or
    the number of pages does not fit.
    """
    return _gather(memory, ((0, -(-max(len(memory), len(_content())) // PAGE_BYTES) * PAGE_BYTES),), pages)


def of_sandbox(sandbox: Sandbox, end: int, pages: int) -> Overlay | None:
    """Like `of_memory`, for the memory of a *sandbox* on the base image up to *end*, a multiple of 4 KiB."""
    if end > sandbox.size:
        sandbox.remap()
    memory = sandbox.memory[:end]
    if PageMap.available():
        return _gather(memory, ((low, min(high, end)) for low, high in runs(PageMap(sandbox)())), pages)
    return of_memory(memory, pages)


def fits(segments: Sequence[wasm.Segment], pages: int) -> bool:
    """Whether *segments* respect the bounds of an overlay, for a memory of *pages* Wasm pages."""
    return (
        base_pages() <= pages <= base_pages() + EXTRA_PAGES
        and all(segment.end <= pages * wasm.PAGE_BYTES for segment in segments)
        and sum(len(segment.content) for segment in segments) <= OVERLAY_BYTES
    )


def onto_base(over: Overlay) -> bytes:
    """The base image with *over* written into it; the inverse of `of_memory`."""
    memory = bytearray(_content())
    end = max((segment.end for segment in over), default=0)
    memory += bytes(max(0, end - len(memory)))
    over.lay(memory)
    return bytes(memory)


@functools.cache
def base_pages() -> int:
    """Size of the base image in Wasm pages."""
    return wasm.memory_pages(guest.read("base.wasm"))


@functools.cache
def base_module(pages: int) -> Module:
    """The compiled base image with *pages* Wasm pages."""
    return guest.engine().compile(wasm.memory_module(_whole(pages), pages))


@functools.cache
def base_baseline(pages: int) -> Baseline:
    return Baseline(_whole(pages))


def _whole(pages: int) -> list[wasm.Segment]:
    """
    The segments of the base image, with a non-zero byte at each end of the memory. These bytes lie at the far
    end of the stack and of the unallocated heap, where nothing is read before it is written. With them, a
    sandbox's memory is one kernel mapping instead of three; by default, a process may have 65,530.
    """
    return [wasm.Segment(0, b"\1"), *_segments(), wasm.Segment(pages * wasm.PAGE_BYTES - 1, b"\1")]


def _segments() -> Sequence[wasm.Segment]:
    return wasm.segments(guest.read("base.wasm"))


@functools.cache
def _content() -> bytes:
    """The memory of the base image, padded to pages of 4 KiB."""
    segments = _segments()
    return bytes(wasm.lay_out(segments, -(-segments[-1].end // PAGE_BYTES) * PAGE_BYTES))


def _gather(memory: bytes | memoryview, places: Iterable[tuple[int, int]], pages: int) -> Overlay | None:
    if not base_pages() <= pages <= base_pages() + EXTRA_PAGES:
        return None
    found: list[wasm.Segment] = []
    size = 0
    for start, end in places:
        for chunk in range(max(start, abi.STACK_BYTES), end, CHUNK_BYTES):
            for segment in _differences(memory, chunk, min(chunk + CHUNK_BYTES, end)):
                size += len(segment.content)
                found.append(segment)
            if size > OVERLAY_BYTES:
                return None
    return Overlay.of(found)


def _differences(memory: bytes | memoryview, start: int, end: int) -> Iterator[wasm.Segment]:
    """The differences in the pages from *start* to *end*."""
    content, base = bytes(memory[start:end]), _content()[start:end]
    if content == base:  # the usual case: garbage collection writes to nearly every page and restores it
        return
    content, base = content.ljust(end - start, b"\0"), base.ljust(end - start, b"\0")
    for at in range(0, end - start, PAGE_BYTES):
        yield from _of_page(start + at, content[at : at + PAGE_BYTES], base[at : at + PAGE_BYTES])


def _of_page(address: int, page: bytes, base: bytes) -> Iterator[wasm.Segment]:
    if page == base:
        return
    changed = int.from_bytes(page, "little") ^ int.from_bytes(base, "little")
    for segment in wasm.segments_of(changed.to_bytes(PAGE_BYTES, "little")):
        yield wasm.Segment(address + segment.offset, page[segment.offset : segment.end])
