"""
Restores a sandbox's memory byte for byte without a new instance (DESIGN 2).

On Linux 6.7 and later, the kernel reports which pages are private copies (PAGEMAP_SCAN), and only these are
restored. Elsewhere the whole memory is compared.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
import threading
from typing import TYPE_CHECKING, Final, Protocol

from headgate_runtime.limits import REWIND_PAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_runtime import wasm
    from headgate_runtime.sandbox import Sandbox

PAGE_BYTES: Final = 4096

PLANS: Final = 64
"""Sets of dirty pages that are cached per sandbox."""

RUNS: Final = 1024
"""Runs of pages that are cached per image, for the plans of all its sandboxes."""

_SCAN: Final = 0xC0606610  # _IOWR('f', 16, struct pm_scan_arg), linux/fs.h
_FILE, _PRESENT, _SWAPPED, _ZERO = 1 << 2, 1 << 3, 1 << 4, 1 << 5


class _ScanArgument(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            *("size", "flags", "start", "end", "walk_end", "vec", "vec_len", "max_pages"),
            *("category_inverted", "category_mask", "category_anyof_mask", "return_mask"),
        )
    )


class Baseline:
    """The initial memory of an image's sandboxes, which share its pages; a page is built on first use."""

    def __init__(self, segments: Sequence[wasm.Segment], under: Baseline | None = None) -> None:
        """*segments* on top of the baseline *under*, or of zeros."""
        self._segments = segments
        self._under = under
        self._pages: dict[int, bytes] = {}
        self._runs: dict[tuple[int, int], bytes] = {}

    def page(self, address: int) -> bytes:
        """Content of the page at *address*."""
        content = self._pages.get(address)
        if content is None:
            built = bytearray(self._under.page(address) if self._under else PAGE_BYTES)
            end = address + PAGE_BYTES
            for segment in self._segments:
                low, high = max(segment.offset, address), min(segment.end, end)
                if low < high:
                    built[low - address : high - address] = segment.content[
                        low - segment.offset : high - segment.offset
                    ]
            content = self._pages[address] = bytes(built)
        return content

    def run(self, start: int, end: int) -> bytes:
        """Content of the pages from *start* to *end*."""
        content = self._runs.get((start, end))
        if content is None:
            if len(self._runs) >= RUNS:
                self._runs.clear()
            content = b"".join(self.page(page) for page in range(start, end, PAGE_BYTES))
            self._runs[start, end] = content
        return content


class Rewinder:
    """
    Rewinds one sandbox to *baseline*. Pages that were already private when the rewinder was made are restored
    to their content at that time, which includes limits and settings.
    """

    def __init__(self, sandbox: Sandbox, baseline: Baseline) -> None:
        self._sandbox = sandbox
        self._baseline = baseline
        self._scan: Scanner = PageMap(sandbox) if PageMap.available() else FullCompare(sandbox)
        self._own = {
            page: content
            for start, end in runs(self._scan())
            for page in range(start, end, PAGE_BYTES)
            if (content := sandbox.read(page, PAGE_BYTES)) != baseline.page(page)
        }
        # The plan of the last rewind (what to copy where), its thread, and the thread's page faults at that
        # time.
        self._plan: list[tuple[slice, bytes | memoryview]] | None = None
        self._thread: _Thread | None = None
        self._faults = -1
        # Similar events dirty the same pages, so plans are cached by set of pages.
        self._plans: dict[bytes, list[tuple[slice, bytes | memoryview]]] = {}

    def rewind(self) -> bool:
        """Restore the memory. Returns False when too much has changed: the sandbox must be replaced."""
        # A page becomes private by a page fault and stays private. All writes between two rewinds happen on
        # the thread of the second. So if that thread also did the last rewind and has had no page fault
        # since, the private pages are the same as last time, and the kernel need not be asked.
        plan, here = self._plan, _own.thread
        scanned = plan is None or here is not self._thread or here.faults() != self._faults
        if scanned:
            dirty = self._scan()
            plan = self._plans.get(dirty)
            if plan is None:
                found = runs(dirty)
                if sum(end - start for start, end in found) > REWIND_PAGES * PAGE_BYTES:
                    return False
                if len(self._plans) >= PLANS:
                    self._plans.clear()
                plan = self._plans[dirty] = [part for run in found for part in self._run(*run)]
        assert plan is not None
        memory = self._sandbox.memory
        for place, content in plan:
            memory[place] = content
        if scanned and isinstance(self._scan, PageMap):
            self._plan, self._thread, self._faults = plan, here, here.faults()
        return True

    def dirty(self) -> list[tuple[int, int]]:
        """The current runs of private pages, as (start, end) addresses in the guest."""
        return runs(self._scan())

    def _run(self, start: int, end: int) -> list[tuple[slice, bytes | memoryview]]:
        """
        What to copy back to the pages from *start* to *end*. Parts from the baseline are shared by all
        sandboxes.
        """
        if isinstance(self._scan, FullCompare):
            return [(slice(start, end), memoryview(self._scan.copy)[start:end])]
        parts: list[tuple[slice, bytes | memoryview]] = []
        at = start
        for page, content in self._own.items():
            if start <= page < end:
                if at < page:
                    parts.append((slice(at, page), self._baseline.run(at, page)))
                at = page + PAGE_BYTES
                parts.append((slice(page, at), content))
        if at < end:
            parts.append((slice(at, end), self._baseline.run(at, end)))
        return parts


class Scanner(Protocol):
    """Returns the private pages of a memory as packed runs (see `runs`). Equal sets give equal bytes."""

    def __call__(self) -> bytes: ...


_RUN: Final = struct.Struct("<3Q")


def runs(packed: bytes) -> list[tuple[int, int]]:
    """Unpack the runs to (start, end) pairs."""
    return [(start, end) for start, end, _ in _RUN.iter_unpack(packed)]


class Mapped(Protocol):
    """Something with a linear memory: its address in the process, and its size in bytes."""

    @property
    def address(self) -> int: ...
    @property
    def size(self) -> int: ...


class PageMap:
    """Asks the kernel for the private pages."""

    _file = -1
    _works: bool | None = None

    def __init__(self, sandbox: Mapped) -> None:
        self._base = sandbox.address
        regions = (ctypes.c_char * (_RUN.size * (REWIND_PAGES + 2)))()
        self._regions = memoryview(regions).cast("B")
        self._argument = _ScanArgument(
            size=ctypes.sizeof(_ScanArgument),
            start=self._base,
            end=self._base + sandbox.size,
            vec=ctypes.addressof(regions),
            vec_len=REWIND_PAGES + 2,
            category_inverted=_FILE | _ZERO,
            category_mask=_FILE | _ZERO,
            category_anyof_mask=_PRESENT | _SWAPPED,
            return_mask=_PRESENT,
        )
        self._at = ctypes.addressof(self._argument)
        self._known: dict[bytes, bytes] = {}

    @classmethod
    def forget(cls) -> None:
        """Reopen the file in a forked child, where it still refers to the parent's memory."""
        if cls._file >= 0:
            os.close(cls._file)
            cls._file, cls._works = -1, None
            cls.available()

    @classmethod
    def available(cls) -> bool:
        if cls._works is None:
            cls._works = False
            if sys.platform == "linux":
                with contextlib.suppress(OSError):
                    cls._file = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
                    probe = _ScanArgument(size=ctypes.sizeof(_ScanArgument), return_mask=_PRESENT)
                    cls._works = _ioctl(cls._file, _SCAN, ctypes.addressof(probe)) >= 0
        return cls._works

    def __call__(self) -> bytes:
        count = _ioctl(self._file, _SCAN, self._at)
        if count < 0:
            raise OSError(ctypes.get_errno(), "PAGEMAP_SCAN failed")
        found = bytes(self._regions[: count * _RUN.size])
        relative = self._known.get(found)
        if relative is None:  # the kernel reports addresses of the process
            if len(self._known) >= PLANS:
                self._known.clear()
            base = self._base
            relative = self._known[found] = b"".join(
                _RUN.pack(start - base, end - base, 0) for start, end, _ in _RUN.iter_unpack(found)
            )
        return relative


os.register_at_fork(after_in_child=PageMap.forget)


_getrusage = ctypes.PyDLL(None).getrusage
_getrusage.argtypes = (ctypes.c_int, ctypes.c_void_p)


_RUSAGE_THREAD: Final = 1
"""Count for the calling thread only, which is several times faster than for all threads."""


class _Thread:
    """A thread and the buffer for its page faults. The object identifies it; thread ids are reused."""

    __slots__ = ("_usage", "_usage_at")

    def __init__(self) -> None:
        usage = (ctypes.c_long * 18)()  # struct rusage; the 9th and 10th are minor and major faults
        self._usage = memoryview(usage).cast("B").cast("l")
        self._usage_at = ctypes.addressof(usage)

    def faults(self) -> int:
        """Page faults of the thread so far; only for the thread itself."""
        _getrusage(_RUSAGE_THREAD, self._usage_at)
        usage = self._usage
        return usage[8] + usage[9]


class _Own(threading.local):
    """The calling thread's object, for one look-up per rewind."""

    def __init__(self) -> None:
        self.thread = _Thread()


_own = _Own()


_libc = ctypes.CDLL(None, use_errno=True)
_ioctl = _libc.ioctl
_ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)
_ioctl.restype = ctypes.c_int


class FullCompare:
    """Finds changed pages without the kernel, by comparing with a copy of the initial memory."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.copy = bytes(sandbox.memory)

    def __call__(self) -> bytes:
        memory, copy = self._sandbox.memory, self.copy
        found: list[list[int]] = []
        step = 64 * PAGE_BYTES
        for chunk in range(0, len(copy), step):
            if memory[chunk : chunk + step] == copy[chunk : chunk + step]:
                continue
            for page in range(chunk, min(chunk + step, len(copy)), PAGE_BYTES):
                if memory[page : page + PAGE_BYTES] != copy[page : page + PAGE_BYTES]:
                    if found and found[-1][1] == page:
                        found[-1][1] = page + PAGE_BYTES
                    else:
                        found.append([page, page + PAGE_BYTES])
        return b"".join(_RUN.pack(start, end, 0) for start, end in found)
