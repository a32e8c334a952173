"""The memory to which sandboxes are rewound, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from headgate_runtime.limits import REWIND_PAGES
from headgate_runtime.private_pages import PAGE_BYTES, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_runtime import wasm

PLANS: Final = 256
"""Sets of private pages whose plans are cached."""

RUNS_BYTES: Final = 16 << 20
"""Size of the runs of pages that are cached for plans."""


Parts = list[tuple[slice, bytes]]
"""What to copy where in a memory."""


class Plan(NamedTuple):
    """How to restore a set of private pages: their number, and what to copy."""

    pages: int
    parts: Parts


class Baseline:
    """
    The initial memory of a module's sandboxes, which share its pages and plans. A page is built when it is first
    used.
    """

    def __init__(self, segments: Sequence[wasm.Segment]) -> None:
        self._segments = segments
        self._pages: dict[int, bytes] = {}
        self._runs: dict[tuple[int, int], bytes] = {}
        self._runs_bytes = 0
        self._plans: dict[bytes, Plan] = {}

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

    def run(self, start: int, end: int) -> bytes:
        """Content of the pages from *start* to *end*."""
        return b"".join(map(self.page, range(start, end, PAGE_BYTES)))

    def plan(self, private: bytes) -> Plan | None:
        """
        How to restore the pages *private*, a result of a Scanner. None if there are more than REWIND_PAGES.

        Similar events write to the same pages, whatever the sandbox, so plans are cached.
        """
        plan = self._plans.get(private)
        if plan is None:
            places = runs(private)
            pages = sum(end - start for start, end in places) // PAGE_BYTES
            if pages > REWIND_PAGES:
                return None
            if len(self._plans) >= PLANS or self._runs_bytes + pages * PAGE_BYTES > RUNS_BYTES:
                self._plans.clear()
                self._runs.clear()
                self._runs_bytes = 0
            parts = [(slice(start, end), self._shared_run(start, end)) for start, end in places]
            plan = self._plans[private] = Plan(pages, parts)
        return plan

    def _shared_run(self, start: int, end: int) -> bytes:
        content = self._runs.get((start, end))
        if content is None:
            content = self._runs[start, end] = self.run(start, end)
            self._runs_bytes += len(content)
        return content
