"""
What an image's memory has that the base image has not: for most functions a few thousand bytes.

Sandboxes of all functions then start from one copy of the base image, which the kernel shares among them, and each has
the bytes of its own function laid over it. A module of its own for every function would be a megabyte each.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from headgate_runtime import abi, guest, wasm
from headgate_runtime.rewind import PAGE_BYTES, Baseline, PageMap, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from headgate_runtime._wasmtime import Module
    from headgate_runtime.sandbox import Sandbox

OVERLAY_BYTES: Final = 64 << 10
"""Past this much, every sandbox would copy more than it saves: the image holds all of its memory, and is compiled as it is."""

CHUNK_BYTES: Final = 8 * PAGE_BYTES
"""Compared at once."""

EXTRA_PAGES: Final = 16
"""Wasm pages that a memory on the base image may have more than it; each number is a module in memory."""

_PLACE: Final = struct.Struct("<2I")


@dataclass(frozen=True, slots=True)
class Overlay:
    """
    Differences from the base image in ascending order, none across pages: equal memories have equal overlays. What calls
    left on the stack is none of them: it would be a quarter of them.

    places     offset and size of each; packed, since there are dozens for every function, and an object each is as much again
    content    of all, one after the other
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
        """Writes them all over what is there."""
        content, at = memoryview(self.content), 0
        for offset, size in _PLACE.iter_unpack(self.places):
            memory[offset : offset + size] = content[at : at + size]
            at += size


class Memory(NamedTuple):
    """What the memory of a sandbox starts as."""

    module: Module
    overlay: Overlay = Overlay()


def of_memory(memory: bytes | memoryview, pages: int) -> Overlay | None:
    """What *memory* (its rest, up to *pages* wasm pages, is zeros) has over the base image; None when that is too much."""
    return _gather(memory, ((0, -(-max(len(memory), len(_content())) // PAGE_BYTES) * PAGE_BYTES),), pages)


def of_sandbox(sandbox: Sandbox, end: int, pages: int) -> Overlay | None:
    """As `of_memory`, of a *sandbox* on the base image: of its memory up to *end*, a multiple of 4 KiB."""
    if end > sandbox.size:
        sandbox.remap()
    memory = sandbox.memory[:end]
    if PageMap.available():
        return _gather(memory, ((low, min(high, end)) for low, high in runs(PageMap(sandbox)())), pages)
    return of_memory(memory, pages)


def fits(segments: Sequence[wasm.Segment], pages: int) -> bool:
    """Whether *segments* can be an overlay of a memory of *pages* wasm pages: what bounds memory and copying, no more."""
    return (
        base_pages() <= pages <= base_pages() + EXTRA_PAGES
        and all(segment.end <= pages * wasm.PAGE_BYTES for segment in segments)
        and sum(len(segment.content) for segment in segments) <= OVERLAY_BYTES
    )


def onto_base(over: Overlay) -> bytes:
    """The memory with *over* in it, the inverse of `of_memory`."""
    memory = bytearray(_content())
    end = max((segment.end for segment in over), default=0)
    memory += bytes(max(0, end - len(memory)))
    over.lay(memory)
    return bytes(memory)


@functools.cache
def base_pages() -> int:
    """Wasm pages of the base image."""
    return wasm.memory_pages(guest.read("base.wasm"))


@functools.cache
def base_module(pages: int) -> Module:
    """The base image with *pages* wasm pages."""
    return guest.engine().compile(wasm.memory_module(_whole(pages), pages))


@functools.cache
def base_baseline(pages: int) -> Baseline:
    return Baseline(_whole(pages))


def _whole(pages: int) -> list[wasm.Segment]:
    """
    The segments of the base image, and a first and a last byte that are not zero, in memory that nothing reads before it is
    written to: the far end of the stack, and of what the heap has not taken yet. Then all of a sandbox's memory is one
    mapping of the kernel's, and not three: a process may have 65,530, unless the system says otherwise.
    """
    return [wasm.Segment(0, b"\1"), *_segments(), wasm.Segment(pages * wasm.PAGE_BYTES - 1, b"\1")]


def _segments() -> Sequence[wasm.Segment]:
    return wasm.segments(guest.read("base.wasm"))


@functools.cache
def _content() -> bytes:
    """The base image, whole pages of 4 KiB."""
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
    """Of the pages from *start* to *end*."""
    content, base = bytes(memory[start:end]), _content()[start:end]
    if (
        content == base
    ):  # most of them: collecting garbage writes to nearly every page, and leaves it as it was
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
