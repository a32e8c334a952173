"""
Throws a sandbox's memory back to what it was, byte for byte, without a new instance (DESIGN 2).

On Linux 6.7 and later the kernel says which pages are private copies (PAGEMAP_SCAN), and those few are copied back.
Elsewhere the whole memory is compared and copied.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from typing import TYPE_CHECKING, Final

from headgate_runtime import wasm
from headgate_runtime.limits import REWIND_PAGES

if TYPE_CHECKING:
    from headgate_runtime.sandbox import Sandbox

PAGE_BYTES: Final = 4096

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
    """
    The memory that sandboxes of one image start from. Pages are made when first wanted and shared by all of them:
    the image's module is the only full copy.
    """

    def __init__(self, segments: list[wasm.Segment]) -> None:
        self._segments = segments
        self._pages: dict[int, bytes] = {}

    def page(self, address: int) -> bytes:
        """Content of the page at *address*."""
        content = self._pages.get(address)
        if content is None:
            built = bytearray(PAGE_BYTES)
            end = address + PAGE_BYTES
            for segment in self._segments:
                low, high = max(segment.offset, address), min(segment.end, end)
                if low < high:
                    built[low - address : high - address] = segment.content[
                        low - segment.offset : high - segment.offset
                    ]
            content = self._pages[address] = bytes(built)
        return content


class Rewinder:
    """
    Rewinds one sandbox to *baseline* and the pages that were already private when it was made (those `prepare` wrote).
    """

    def __init__(self, sandbox: Sandbox, baseline: Baseline) -> None:
        self._sandbox = sandbox
        self._baseline = baseline
        self._dirty = _scanner(sandbox)
        self._own = {
            start: sandbox.read(start, PAGE_BYTES)
            for run_start, run_end in self._dirty()
            for start in range(run_start, run_end, PAGE_BYTES)
        }
        # Equal events dirty equal pages: what to copy is worked out once per set of pages.
        self._plans: dict[tuple[tuple[int, int], ...], list[tuple[slice, bytes]]] = {}

    def rewind(self) -> bool:
        """False when too much has changed: the sandbox must be replaced."""
        dirty = self._dirty()
        plan = self._plans.get(dirty)
        if plan is None:
            if sum(end - start for start, end in dirty) > REWIND_PAGES * PAGE_BYTES:
                return False
            plan = self._plans[dirty] = [self._run(start, end) for start, end in dirty]
            if len(self._plans) > 64:
                self._plans.clear()
        memory = self._sandbox.memory
        for place, content in plan:
            memory[place] = content
        return True

    def _run(self, start: int, end: int) -> tuple[slice, bytes]:
        pages = range(start, end, PAGE_BYTES)
        own = self._own
        return slice(start, end), b"".join(own.get(page) or self._baseline.page(page) for page in pages)


def _scanner(sandbox: Sandbox) -> Scanner:
    if PageMap.available():
        return PageMap(sandbox)
    return FullCompare(sandbox)


class Scanner:
    """Callable: the private pages of a sandbox's memory as (start, end) runs, relative to its base."""

    def __call__(self) -> tuple[tuple[int, int], ...]:
        raise NotImplementedError


class PageMap(Scanner):
    """Asks the kernel."""

    _file: int | None = None
    _works: bool | None = None

    def __init__(self, sandbox: Sandbox) -> None:
        self._base = sandbox.address
        self._regions = (ctypes.c_uint64 * (3 * (REWIND_PAGES + 2)))()
        self._view = memoryview(self._regions).cast("B").cast("Q")
        self._argument = _ScanArgument(
            size=ctypes.sizeof(_ScanArgument),
            start=self._base,
            end=self._base + sandbox.size,
            vec=ctypes.addressof(self._regions),
            vec_len=REWIND_PAGES + 2,
            category_inverted=_FILE | _ZERO,
            category_mask=_FILE | _ZERO,
            category_anyof_mask=_PRESENT | _SWAPPED,
            return_mask=_PRESENT,
        )
        self._at = ctypes.addressof(self._argument)

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

    def __call__(self) -> tuple[tuple[int, int], ...]:
        count = _ioctl(self._file, _SCAN, self._at)
        if count < 0:
            raise OSError(ctypes.get_errno(), "PAGEMAP_SCAN failed")
        base, view = self._base, self._view
        return tuple((view[at] - base, view[at + 1] - base) for at in range(0, 3 * count, 3))


_libc = ctypes.CDLL(None, use_errno=True)
_ioctl = _libc.ioctl
_ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)
_ioctl.restype = ctypes.c_int


class FullCompare(Scanner):
    """Compares with a copy of the memory taken at the start; needs no help from the kernel."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._copy = bytes(sandbox.memory)

    def __call__(self) -> tuple[tuple[int, int], ...]:
        memory, copy = self._sandbox.memory, self._copy
        runs: list[tuple[int, int]] = []
        step = 64 * PAGE_BYTES
        for chunk in range(0, len(copy), step):
            if memory[chunk : chunk + step] == copy[chunk : chunk + step]:
                continue
            for page in range(chunk, min(chunk + step, len(copy)), PAGE_BYTES):
                if memory[page : page + PAGE_BYTES] != copy[page : page + PAGE_BYTES]:
                    if runs and runs[-1][1] == page:
                        runs[-1] = (runs[-1][0], page + PAGE_BYTES)
                    else:
                        runs.append((page, page + PAGE_BYTES))
        return tuple(runs)
