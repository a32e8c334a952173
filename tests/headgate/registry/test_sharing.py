"""Several processes at one registry, and processes that die at it."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event

from headgate.paths import DataDirectory
from headgate.registry import (
    database,
    destinations,
    functions,
    instances,
    lifecycle,
    revision,
    sources,
    workspaces,
)
from headgate.registry.errors import Unavailable
from headgate.registry.records import SYSTEM
from headgate.registry.revision import RevisionCell
from headgate.registry.rotation import rotate
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Change, Registry
from tests.headgate.registry.harness import CODE_2, RegistryHarness, definition, dump, open_registry

# Children come from a process without threads, which has everything imported.
fork = multiprocessing.get_context("forkserver")
fork.set_forkserver_preload([__name__])

EACH = 25


def add_keys(root: Path, source: str, seed: str) -> None:
    """What each of several processes does at once."""
    with Registry.open(DataDirectory(root)) as registry:
        for number in range(EACH):
            with registry.change() as change:
                sources.add_key(change, source, f"{seed}-{number}")


def test_processes_change_the_registry_at_once(root: Path, harness: RegistryHarness) -> None:
    revision = harness.see(lambda view: view.revision)
    harness.registry.close()
    workers = [fork.Process(target=add_keys, args=(root, harness.source.id, seed)) for seed in "abc"]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    with open_registry(root) as registry, registry.view() as view:
        assert view.revision == revision + 3 * EACH
        found = sources.get(view, harness.source.id).write_keys
        assert len(found) == 1 + 3 * EACH
        assert [key for key in found if key.startswith("a")] == [f"a-{number}" for number in range(EACH)]


def first_start(root: Path, ready: Path) -> None:
    with Registry.open(DataDirectory(root)) as registry, registry.view() as view:
        ready.write_text(view.key_id)


def test_processes_that_start_first_agree(root: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}" for number in range(4)]
    workers = [fork.Process(target=first_start, args=(root, file)) for file in files]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert [worker.exitcode for worker in workers] == [0] * 4
    assert len({file.read_text() for file in files}) == 1


def test_a_reader_is_not_in_the_way(harness: RegistryHarness) -> None:
    with harness.registry.view() as view:
        harness.do(lambda change: sources.modify(change, harness.source.id, name="New"))
        assert sources.get(view, harness.source.id).name == "web"
    assert harness.see(sources.get, harness.source.id).name == "New"


def test_who_waits_too_long_is_told(
    root: Path, harness: RegistryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.registry.close()
    monkeypatch.setattr(database, "_PRAGMAS", ("PRAGMA busy_timeout = 1", *database._PRAGMAS[1:]))
    with open_registry(root) as registry:
        other = sqlite3.connect(root / "registry.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="database is locked"), registry.change():
            raise AssertionError
        other.execute("ROLLBACK")
        other.close()
        store = SnapshotStore(registry)
        store.load()
        assert store.is_current


def test_the_cell_is_set_anew_when_the_registry_opens(root: Path, harness: RegistryHarness) -> None:
    revision = harness.see(lambda view: view.revision)
    harness.registry.close()
    (root / "revision").write_bytes(b"\xff" * 8)

    with open_registry(root) as registry:
        assert registry.cell.value == 2 * revision


def test_the_lock_of_the_cell_is_held_by_one(tmp_path: Path) -> None:
    first, second = RevisionCell(tmp_path / "cell"), RevisionCell(tmp_path / "cell")
    with first.lock():
        first.settle(3)
        first.unsettle()
        with second.lock_if_free() as free:
            assert not free
        assert second.value == 7
    with second.lock_if_free() as free:
        assert free
    first.close()
    second.close()


def test_who_waits_too_long_for_the_lock_is_told(
    harness: RegistryHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revision, "WAIT_MS", 1)
    other = RevisionCell(harness.registry.directory.revision)
    with (
        other.lock(),
        pytest.raises(Unavailable, match=r"has been locked by another change for 0\.001 s; try again"),
    ):
        harness.do(lambda change: sources.modify(change, harness.source.id, name="New"))
    harness.do(lambda change: sources.modify(change, harness.source.id, name="New"))
    other.close()


def test_a_change_under_way_is_no_reason_to_look(harness: RegistryHarness) -> None:
    store = SnapshotStore(harness.registry)
    before = store.load()
    with harness.registry.change() as change:
        sources.modify(change, harness.source.id, name="New")
        assert store.is_current
        assert store.load() is before
    assert not store.is_current


def scenario(registry: Registry, step: int) -> None:
    """The changes of a life, one by one."""
    acts: list[Callable[[Change], object]] = [
        lambda change: workspaces.create(change, slug="acme"),
        lambda change: sources.create(change, _workspace(change), slug="web", keys=["key"]),
        lambda change: destinations.create(
            change,
            sources.listed(change, _workspace(change))[0].id,
            kind="webhook",
            settings={"url": "https://example.com/", "headers": {"X": "secret"}},
        ),
        lambda change: functions.create(
            change,
            _workspace(change),
            display_name="f",
            code=CODE_2,
            definitions=[definition("a"), definition("s", sensitive=True)],
        ),
        lambda change: instances.create(
            change,
            function=functions.listed(change, _workspace(change))[0].id,
            destination=destinations.listed(change)[0].id,
            name="i",
            settings={"a": "x", "s": "y"},
        ),
        lambda change: lifecycle.save(
            change,
            functions.listed(change, _workspace(change))[0].id,
            definitions=[definition("a", sensitive=True)],
        ),
        lambda change: lifecycle.deploy(change, functions.listed(change, _workspace(change))[0].id),
        lambda change: sources.remove(change, sources.listed(change, _workspace(change))[0].id),
    ]
    if step == len(acts):
        rotate(registry, SYSTEM)
        return
    with registry.change() as change:
        acts[step](change)


STEPS = 9


def _workspace(change: Change) -> str:
    return workspaces.listed(change)[0].id


def die_at(root: Path, step: int, at: int) -> None:
    """Does one step, and is killed before the write of number *at*; commits count, too."""
    registry = open_registry(root)
    writes = itertools.count(1)

    def count(*event: object) -> None:
        is_reading = len(event) > 2 and str(event[2]).startswith(("SELECT", "BEGIN", "PRAGMA"))
        if not is_reading and next(writes) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(registry._engine, "before_cursor_execute", count)
    event.listen(registry._engine, "commit", count)
    scenario(registry, step)
    registry.close()


def ended(target: Callable[..., None], *arguments: object) -> int | None:
    """The exit status of a process that does *target*."""
    worker = fork.Process(target=target, args=arguments)
    worker.start()
    worker.join()
    return worker.exitcode


@pytest.mark.parametrize("step", range(STEPS))
def test_a_change_that_is_killed_is_whole_or_not_at_all(tmp_path: Path, step: int) -> None:
    """Killed before every write of every change: the old state or the new, and the next reader finds its way."""
    before, run = tmp_path / "before", tmp_path / "run"
    with open_registry(before) as registry:
        for number in range(min(step, STEPS - 2)):
            scenario(registry, number)
    old = dump(before)
    shutil.copytree(before, run)
    assert ended(die_at, run, step, 0) == 0
    new = dump(run)
    assert new != old
    found = []
    for count in itertools.count(1):
        shutil.rmtree(run)
        shutil.copytree(before, run)
        status = ended(die_at, run, step, count)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        with open_registry(run) as registry:
            snapshot = SnapshotStore(registry).load()
            assert all(each.fault is None for each in snapshot.destinations.values())
        found.append(dump(run))

    assert len(found) > 2
    # The change of keys alone has something to do after its commit: the old key goes.
    assert all(state in ((old, new) if step == STEPS - 1 else (old,)) for state in found)


def die_unsaid(root: Path, source: str) -> None:
    """Commits a change, and is killed before anybody is told."""
    registry = Registry.open(DataDirectory(root))

    def die(revision: int) -> None:
        assert revision
        os.kill(os.getpid(), signal.SIGKILL)

    registry.cell.settle = die  # type: ignore[method-assign]
    with registry.change() as change:
        sources.modify(change, source, name="New")


def test_a_change_whose_author_died_is_seen_all_the_same(root: Path, harness: RegistryHarness) -> None:
    store = SnapshotStore(harness.registry)
    before = store.load()

    assert ended(die_unsaid, root, harness.source.id) == -signal.SIGKILL

    assert not store.is_current
    after = store.load()
    assert (before.sources[harness.source.id].name, after.sources[harness.source.id].name) == ("web", "New")
    assert after.revision == before.revision + 1
    assert store.is_current
