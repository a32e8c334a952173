"""
Restores a sandbox's memory without a new instance (DESIGN 2): byte for byte to that with which its function begins, or
to that with which another function begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate_runtime import wasm
from headgate_runtime.limits import REWIND_PAGES
from headgate_runtime.private_pages import PAGE_BYTES, FullCompare, PageMap, Scanner, Thread, calling, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate_runtime.baseline import Baseline, Parts
    from headgate_runtime.sandbox import Sandbox

GAP_BYTES: Final = 2048
"""
Equal bytes between two parts of a start that are not worth another part: copying them costs less than another
object, which may have left the processor's caches (measured with 5,000 functions).
"""


class Rewinder:
    """
    Rewinds one sandbox, whose memory is that of *baseline* where it has never been written to.

    start    the differences between the baseline and the memory that `restore` produces, which include limits and
             settings. Unless it is given, the memory as it is now
    """

    __slots__ = ("_baseline", "_faults", "_parts", "_sandbox", "_scan", "_thread", "pages", "start")

    def __init__(self, sandbox: Sandbox, baseline: Baseline, start: Parts | None = None) -> None:
        self._sandbox = sandbox
        self._baseline = baseline
        self._scan: Scanner = PageMap(sandbox) if PageMap.available() else FullCompare(sandbox)
        # What to copy to the private pages, as of the last scan; its thread, None if it cannot be relied on, and the
        # thread's page faults at that time.
        self._parts: Parts = []
        self.pages = 0
        """Number of private pages, as of the last scan."""
        self._thread: Thread | None = None
        self._faults = -1
        self.start = self.capture() if start is None else start

    def capture(self) -> Parts:
        """The differences between the memory and the baseline."""
        places = self.private()
        if len(places) > REWIND_PAGES or not isinstance(self._scan, PageMap):  # they may not be all
            places = [(0, self._sandbox.size)]
        return [part for run in places for part in self._differences(*run)]

    def rewind(self) -> bool:
        """Restore the memory. Returns False when too much has changed: the sandbox must be replaced."""
        if not self.scan():
            return False
        self.restore()
        return True

    def scan(self) -> bool:
        """Find the pages to restore. Returns False when there are too many: the sandbox must be replaced."""
        # A page becomes private by a page fault and stays private. All writes between two scans happen on the
        # thread of the second. So if that thread also did the last scan and has had no page fault since, the
        # private pages are the same as last time, and the kernel need not be asked.
        here = calling.thread
        if here is not self._thread or here.faults() != self._faults:
            self._thread = None
            plan = self._baseline.plan(self._scan())
            if plan is None:
                return False
            self.pages, self._parts = plan
            if isinstance(self._scan, PageMap):
                self._thread, self._faults = here, here.faults()
        return True

    def restore(self) -> None:
        """Write `start` to the memory, to which nothing has been written since the last scan."""
        memory = self._sandbox.memory
        for place, content in self._parts:
            memory[place] = content
        for place, content in self.start:
            memory[place] = content

    def private(self) -> list[tuple[int, int]]:
        """The current runs of private pages, as (start, end) addresses in the guest."""
        return runs(self._scan())

    def _differences(self, start: int, end: int) -> Iterator[tuple[slice, bytes]]:
        """The differences in the pages from *start* to *end*, of which several pages in a row are one run."""
        page = self._baseline.page
        memory = self._sandbox.memory
        first = start
        for at in range(start, end + PAGE_BYTES, PAGE_BYTES):
            if at < end and memory[at : at + PAGE_BYTES] != page(at):
                continue
            if first < at:
                content = bytes(memory[first:at])
                changed = int.from_bytes(content, "little") ^ int.from_bytes(
                    self._baseline.run(first, at), "little"
                )
                for part in wasm.segments_of(changed.to_bytes(at - first, "little"), GAP_BYTES):
                    yield slice(first + part.offset, first + part.end), content[part.offset : part.end]
            first = at + PAGE_BYTES
