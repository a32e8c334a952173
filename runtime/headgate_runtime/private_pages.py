"""
The private pages of a memory: those of which a sandbox has its own copy, because something was written to them.

On Linux 6.7 and later, the kernel reports them (PAGEMAP_SCAN). Elsewhere the whole memory is compared.
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
    from headgate_runtime.sandbox import Sandbox

PAGE_BYTES: Final = 4096

KNOWN: Final = 64
"""Sets of private pages that are cached per sandbox."""

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
            if len(self._known) >= KNOWN:
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


class Thread:
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


class _Calling(threading.local):
    """The calling thread's object, for one look-up per rewind."""

    def __init__(self) -> None:
        self.thread = Thread()


calling = _Calling()


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
