"""Rewinding: a sandbox's memory goes back to what it was, byte for byte, with the kernel's help and without."""

from __future__ import annotations

import contextlib
import functools
import os
import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headgate_runtime
from headgate_runtime import Image, Limits, compile, guest, overlay, wasm  # noqa: A004
from headgate_runtime.baseline import Baseline
from headgate_runtime.limits import REWIND_PAGES
from headgate_runtime.private_pages import PAGE_BYTES, FullCompare, PageMap, runs
from headgate_runtime.rewind import Rewinder
from headgate_runtime.sandbox import Sandbox

LIMITS = Limits(memory_bytes=16 << 20)

SCANNERS = [PageMap, FullCompare] if PageMap.available() else [FullCompare]


@functools.cache
def image() -> Image:
    compiled = compile(
        "const held = { list: [1, 2, 3] }; function onTrack(e) { held.list.push(e); return e }"
    )
    assert isinstance(compiled, Image), compiled
    return compiled


@contextlib.contextmanager
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(image().compiled, LIMITS, image().mailbox)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def rewinder(scanner: type) -> Iterator[tuple[Sandbox, Rewinder]]:
    with pytest.MonkeyPatch.context() as patch, sandbox() as made:
        patch.setattr(PageMap, "available", lambda: scanner is PageMap)
        yield made, Rewinder(made, image().baseline)


def invoke(made: Sandbox) -> None:
    event = b'{"type":"track","properties":{"a":[1,2,3]}}'
    assert made.write_input(event, 1.0, 1.0, bytes(32), 1)
    made.set_fuel(10**9)
    assert made.run() >= 0


def test_the_kernel_is_asked_where_it_can_tell() -> None:
    """Linux since 6.7; elsewhere this test says no more than that nothing raises."""
    works = PageMap.available()

    assert works is PageMap.available()
    if sys.platform == "linux":
        release = Path("/proc/sys/kernel/osrelease").read_text().split(".")
        assert works or (int(release[0]), int(release[1])) < (6, 7)


def test_a_page_of_the_baseline_is_what_the_image_says() -> None:
    segments = wasm.segments(guest.read("base.wasm"))
    baseline = Baseline(segments)
    memory = bytes(wasm.lay_out(segments, overlay.base_pages() * wasm.PAGE_BYTES))

    assert b"".join(baseline.page(at) for at in range(0, len(memory), PAGE_BYTES)) == memory
    assert baseline.page(PAGE_BYTES) is baseline.page(PAGE_BYTES)


def test_segments_that_share_a_page() -> None:
    segments = [
        wasm.Segment(10, b"ab"),
        wasm.Segment(PAGE_BYTES - 1, b"cd"),
        wasm.Segment(3 * PAGE_BYTES, b"e"),
    ]
    baseline = Baseline(segments)

    assert baseline.page(0) == bytes(10) + b"ab" + bytes(PAGE_BYTES - 13) + b"c"
    assert baseline.page(PAGE_BYTES) == b"d" + bytes(PAGE_BYTES - 1)
    assert baseline.page(2 * PAGE_BYTES) == bytes(PAGE_BYTES)
    assert baseline.page(3 * PAGE_BYTES) == b"e" + bytes(PAGE_BYTES - 1)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_an_event_leaves_nothing(scanner: type) -> None:
    with rewinder(scanner) as (made, rewind):
        before = bytes(made.memory)
        for _ in range(3):
            invoke(made)
            assert bytes(made.memory) != before
            assert rewind.rewind()
            assert bytes(made.memory) == before


@pytest.mark.parametrize("scanner", SCANNERS)
def test_nothing_written_is_nothing_to_do(scanner: type) -> None:
    with rewinder(scanner) as (made, rewind):
        before = bytes(made.memory)
        for _ in range(3):
            assert rewind.rewind()
        assert bytes(made.memory) == before


writes = st.lists(
    st.tuples(st.integers(0, image().memory_bytes - 1), st.binary(min_size=1, max_size=9000)), max_size=12
)


@pytest.mark.parametrize("scanner", SCANNERS)
@settings(max_examples=20, deadline=None)
@given(st.lists(writes, max_size=3))
def test_whatever_is_written_goes_back(scanner: type, rounds: list[list[tuple[int, bytes]]]) -> None:
    with rewinder(scanner) as (made, rewind):
        before = bytes(made.memory)
        for each in rounds:
            for at, content in each:
                fits = content[: len(before) - at]
                made.memory[at : at + len(fits)] = fits
            assert rewind.rewind()
            assert bytes(made.memory) == before


@pytest.mark.parametrize("scanner", SCANNERS)
def test_whichever_thread_writes_and_rewinds(scanner: type) -> None:
    """Page faults are counted by thread: what another one dirtied is seen by whoever comes after it."""
    with rewinder(scanner) as (made, rewind):
        before = bytes(made.memory)

        def life(page: int) -> None:
            for at in (page, page + 3):
                made.memory[at * PAGE_BYTES : at * PAGE_BYTES + 4] = b"mine"
                assert rewind.rewind()
                assert bytes(made.memory) == before

        pages = range(8, len(before) // PAGE_BYTES - 8, 8)
        for number, page in zip(range(12), pages, strict=False):
            if number % 3:
                with ThreadPoolExecutor(1) as other:
                    other.submit(life, page).result()
            else:
                life(page)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_what_was_set_before_stays(scanner: type) -> None:
    """Limits and settings are written into a sandbox before the first event."""
    with pytest.MonkeyPatch.context() as patch, sandbox() as made:
        patch.setattr(PageMap, "available", lambda: scanner is PageMap)
        made.memory[5 * PAGE_BYTES : 5 * PAGE_BYTES + 4] = b"kept"
        rewind = Rewinder(made, image().baseline)
        made.memory[5 * PAGE_BYTES : 5 * PAGE_BYTES + 4] = b"lost"
        assert rewind.rewind()
        assert bytes(made.memory[5 * PAGE_BYTES : 5 * PAGE_BYTES + 4]) == b"kept"


@pytest.mark.parametrize("scanner", SCANNERS)
def test_too_much_is_not_rewound(scanner: type) -> None:
    with rewinder(scanner) as (made, rewind):
        pages = len(made.memory) // PAGE_BYTES
        assert pages > REWIND_PAGES + 2
        for page in range(REWIND_PAGES + 2):
            at = page * PAGE_BYTES
            made.memory[at] ^= 1
        assert not rewind.rewind()


@pytest.mark.parametrize("scanner", SCANNERS)
def test_too_many_pieces_are_not_rewound(scanner: type) -> None:
    """More runs than the kernel is asked for at once: none is taken for all."""
    with pytest.MonkeyPatch.context() as patch, sandbox() as made:
        patch.setattr(PageMap, "available", lambda: scanner is PageMap)
        patch.setattr("headgate_runtime.baseline.REWIND_PAGES", 20)
        rewind = Rewinder(made, image().baseline)
        for page in range(0, 100, 2):
            made.memory[page * PAGE_BYTES] ^= 1
        assert not rewind.rewind()


@pytest.mark.parametrize("scanner", SCANNERS)
def test_what_is_remembered_is_bounded(scanner: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate_runtime.baseline.PLANS", 20)
    baseline = image().baseline
    baseline._plans.clear()
    with rewinder(scanner) as (made, rewind):
        before = bytes(made.memory)
        for page in range(30):
            made.memory[page * PAGE_BYTES] ^= 1
            assert rewind.rewind()
            assert 0 < len(baseline._plans) <= 20
        assert bytes(made.memory) == before


def test_runs_of_pages_that_are_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their bytes: a function could write to other pages in each event."""
    monkeypatch.setattr("headgate_runtime.baseline.RUNS_BYTES", 20 * PAGE_BYTES)
    baseline = Baseline([wasm.Segment(0, b"x" * 50 * PAGE_BYTES)])

    for pages in range(1, 20):
        plan = baseline.plan(struct.pack("<3Q", 0, pages * PAGE_BYTES, 0))
        assert plan is not None
        assert (plan.pages, [content for _, content in plan.parts]) == (pages, [b"x" * pages * PAGE_BYTES])
        assert sum(map(len, baseline._runs.values())) == baseline._runs_bytes <= 20 * PAGE_BYTES
    assert baseline.plan(struct.pack("<3Q", 0, PAGE_BYTES, 0)) is baseline.plan(
        struct.pack("<3Q", 0, PAGE_BYTES, 0)
    )


@pytest.mark.parametrize("scanner", SCANNERS)
def test_runs_tell_what_was_written(scanner: type) -> None:
    with rewinder(scanner) as (made, rewind):
        rewind.rewind()
        already = {page for start, end in rewind.private() for page in range(start, end, PAGE_BYTES)}
        wanted = {at * PAGE_BYTES for at in (40, 41, 42, 300, 600)}
        for at in wanted:
            made.memory[at] ^= 1
        found = rewind.private()
        assert all(start < end and start % PAGE_BYTES == end % PAGE_BYTES == 0 for start, end in found)
        pages = {page for start, end in found for page in range(start, end, PAGE_BYTES)}
        assert wanted <= pages <= wanted | already


def test_a_start_in_more_pieces_than_are_rewound_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel is asked for no more of them at once."""
    for module in ("baseline", "private_pages", "rewind"):
        monkeypatch.setattr(f"headgate_runtime.{module}.REWIND_PAGES", 20)
    with sandbox() as made:
        for page in range(0, 120, 2):
            made.memory[page * PAGE_BYTES] ^= 1
        rewind = Rewinder(made, image().baseline)
        memory = b"".join(rewind._baseline.page(at) for at in range(0, made.size, PAGE_BYTES))
        laid = bytearray(memory)
        for place, content in rewind.start:
            laid[place] = content

        assert len(rewind.start) >= 60
        assert bytes(laid) == bytes(made.memory)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_sandboxes_of_an_image_share_what_they_go_back_to(
    scanner: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a thousand of them would keep gigabytes, a copy for each set of pages that events write to."""
    monkeypatch.setattr(PageMap, "available", lambda: scanner is PageMap)
    baseline = image().baseline
    with sandbox() as one, sandbox() as other:
        rewinders = [Rewinder(made, baseline) for made in (one, other)]
        for made, rewind in zip((one, other), rewinders, strict=True):
            for number in range(5):
                made.memory[(10 + 3 * number) * PAGE_BYTES] ^= 1
                invoke(made)
                assert rewind.rewind()
        assert rewinders[0]._parts is rewinders[1]._parts
        assert sum(len(content) for _, content in rewinders[0]._parts) >= 5 * PAGE_BYTES


def test_packed_runs() -> None:
    assert runs(b"") == []
    assert runs((4096).to_bytes(8, "little") + (8192).to_bytes(8, "little") + bytes(8)) == [(4096, 8192)]


def test_a_forked_child_rewinds_its_own_memory(tmp_path: Path) -> None:
    """What the parent opened to ask the kernel tells of the parent."""
    script = tmp_path / "fork.py"
    script.write_text(
        textwrap.dedent(
            """
            import asyncio, os, sys
            from headgate_runtime import Executor, compile
            from headgate_runtime.private_pages import PageMap

            source = "let n = 0; const kept = []; function onTrack() { kept.push('x'.repeat(5000)); return { n: ++n } }"
            image = compile(source)
            executor = Executor()

            async def events(count):
                function = executor.function(image, isolation="hermetic")
                return {(await executor.invoke(function, b'{"type":"track"}')).output for _ in range(count)}

            first = asyncio.run(events(20))
            worked = PageMap.available()
            child = os.fork()
            if child == 0:
                try:
                    same = PageMap.available() is worked and asyncio.run(events(20)) == first
                finally:
                    os._exit(0 if same else 3)
            status = os.waitpid(child, 0)[1]
            again = asyncio.run(events(20))
            sys.exit(os.waitstatus_to_exitcode(status) or (4 if len(first | again) != 1 else 0))
            """
        )
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(headgate_runtime.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
