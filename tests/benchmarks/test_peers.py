"""Peers in processes of their own: what they are asked, what their time is, and what becomes of one that fails."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from benchmarks import workload
from benchmarks.effort import Scale
from benchmarks.peers import install
from benchmarks.peers.child import Child, Failed, process_cpu_s
from benchmarks.peers.contestants import Contestant
from benchmarks.peers.roster import FETCHED, Peer
from benchmarks.peers.running import Entry
from benchmarks.sections import executor
from benchmarks.workload import Work
from guest.build.workshop import BuildError, Workshop

ECHO = """
from pathlib import Path
from benchmarks.peers.programs.serve import events, serve
from benchmarks.workload import DIRECTORY
serve(events(DIRECTORY), lambda text: text)
"""

BUSY = ECHO.replace("lambda text: text", "lambda text: text if sum(range(300_000)) else text")

LIAR = ECHO.replace("lambda text: text", "lambda text: text + ' '")

LEAVES = "import sys; sys.exit('TypeError: not today')"


def child(program: str) -> Child:
    return Child("a child", "f1", [sys.executable, "-c", program])


def entry(program: str) -> Entry:
    def make(_: Work, name: str) -> Contestant:
        return Child("a child", name, [sys.executable, "-c", program])

    work = workload.load()
    unchanged = work._replace(digests={"f1": [workload.digest(event) for event in work.events]})
    return Entry(
        Peer("a child", "V8", fresh=False, make=make), unchanged, "f1", executor.EFFORTS[Scale.SMOKE].timing
    )


def test_a_child_serves_the_events_that_it_is_told() -> None:
    work, peer = workload.load(), child(ECHO)
    try:
        asyncio.run(peer.serve(62, 4))
        outputs = asyncio.run(peer.outputs())
    finally:
        peer.close()

    assert outputs == [work.events[62], work.events[63], work.events[0], work.events[1]]


def test_the_time_of_a_child_is_its_own() -> None:
    peer = child(BUSY)
    try:
        own, theirs = time.process_time(), peer.cpu_s()
        asyncio.run(peer.serve(0, 16))
        own, theirs = time.process_time() - own, peer.cpu_s() - theirs
    finally:
        peer.close()

    assert theirs > own


def test_a_process_that_is_no_more_has_no_time() -> None:
    peer = child(ECHO)
    peer.close()

    with pytest.raises(OSError, match=r"."):
        process_cpu_s(peer._process.pid)


def test_a_child_that_leaves_says_why() -> None:
    with pytest.raises(Failed, match="TypeError: not today"):
        child(LEAVES)


def test_who_takes_part_has_a_figure_of_every_turn() -> None:
    one = entry(ECHO)
    asyncio.run(one.begin())
    asyncio.run(one.turn())
    asyncio.run(one.turn())
    one.close()

    row = one.row()
    assert row.failed == ""
    assert len(row.cpu_s) == 2
    assert row.per_second is not None


@pytest.mark.parametrize(
    ("program", "failed", "why"),
    [
        pytest.param(LIAR, "disqualified", "wrong output for event 1", id="liar"),
        pytest.param(LEAVES, "failed", "not today", id="leaves"),
        pytest.param("print('hello')", "failed", "b'hello'", id="prattles"),
        pytest.param("print('{}')", "failed", "it ended", id="ends"),
    ],
)
def test_who_fails_is_out_with_the_reason(program: str, failed: str, why: str) -> None:
    one = entry(program)
    asyncio.run(one.begin())
    asyncio.run(one.turn())

    row = one.row()
    assert (row.failed, row.cpu_s, row.per_second) == (failed, [], None)
    assert why in row.why


def test_what_cannot_be_fetched_is_not_installed_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried = []

    def refuse(_: Workshop, out: Path) -> None:
        tried.append(out)
        raise BuildError("npm ... failed with status 1:\nnpm error network")

    monkeypatch.setenv("HEADGATE_CACHE", str(tmp_path))
    monkeypatch.setattr(install, "_fetch_npm", refuse)
    monkeypatch.setattr(install, "_missing", {})
    install._shop.cache_clear()
    try:
        rows = []
        for peer in FETCHED[:2]:
            one = Entry(peer, workload.load(), "f1", executor.EFFORTS[Scale.SMOKE].timing)
            asyncio.run(one.begin())
            rows.append(one.row())
    finally:
        install._shop.cache_clear()

    assert [(row.failed, row.why) for row in rows] == [("not installed", "npm error network")] * 2
    assert len(tried) == 1
