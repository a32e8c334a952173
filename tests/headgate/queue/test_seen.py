"""Which ids were put: random calls, restarts and time, held against a dictionary; many of them; and files of before."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.queue import schema, seen
from headgate.queue.limits import DAY_MS
from headgate.queue.runs import FANOUT, RUN_ENTRIES
from headgate.queue.seen import Seen, Siblings
from tests.headgate.queue.events import DAY, HOUR, deliver_all, event, events, ids
from tests.headgate.queue.sqlite_storage import SqliteStorage

WINDOW = 1_000


def key(number: int) -> bytes:
    return blake2b(str(number).encode(), digest_size=16).digest()


class File:
    """A file, and a look into it from elsewhere."""

    def __init__(self, path: Path, window_ms: int = WINDOW) -> None:
        self.path = path
        self.window_ms = window_ms
        self.beside = Siblings([path])
        self.db = schema.connect(path)
        self.db.execute("PRAGMA synchronous = OFF")
        self.restart()

    def restart(self) -> None:
        self.seen = Seen(self.db, self.window_ms, Siblings(()))

    def put(self, keys: Sequence[bytes], now: int, *, kept: bool = True) -> list[bytes]:
        """Those of *keys* that were new."""
        self.db.execute("BEGIN IMMEDIATE")
        known = self.seen.known(self.db, keys, now)
        fresh = [one for one in dict.fromkeys(keys) if one not in known]
        self.seen.add(self.db, fresh, now)
        self.seen.sweep(self.db, now)
        self.db.execute("COMMIT" if kept else "ROLLBACK")
        if kept:
            self.seen.after_commit()
        else:
            self.seen.after_rollback()
        return fresh

    def close(self) -> None:
        self.beside.close()
        self.db.close()

    def rows(self, table: str) -> int:
        (rows,) = self.db.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(rows)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runs of some ids, of which two become one."""
    with monkeypatch.context() as patch:
        patch.setattr(seen, "RUN_ENTRIES", 20)
        patch.setattr(seen, "FANOUT", 2)
        patch.setattr(seen, "MERGE_ENTRIES", 700)
        patch.setattr(seen, "SWEEP_EVERY_MS", 50)
        yield


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 40), st.integers(0, 2**32)),
        st.tuples(st.just("undo"), st.integers(1, 40), st.integers(0, 2**32)),
        st.tuples(st.just("time"), st.sampled_from([1, 60, 400, WINDOW]), st.just(0)),
        st.tuples(st.just("restart"), st.just(0), st.just(0)),
    ),
    min_size=20,
    max_size=80,
)


@pytest.mark.usefixtures("small")
@settings(max_examples=30, deadline=None)
@given(steps=steps)
def test_it_knows_what_a_dictionary_knows(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    file = File(tmp_path_factory.mktemp("seen") / "queue.sqlite")
    times: dict[bytes, int] = {}
    now = 10**12
    for what, amount, seed in steps:
        if what == "time":
            now += amount
        elif what == "restart":
            file.restart()
        else:
            chosen = random.Random(seed)
            keys = [key(chosen.randrange(600)) for _ in range(amount)]
            new = [one for one in dict.fromkeys(keys) if times.get(one, 0) <= now - WINDOW]
            assert file.put(keys, now, kept=what == "put") == new
            if what == "put":
                times.update(dict.fromkeys(new, now))
        asked = [key(number) for number in range(600)]
        known = {one for one in asked if times.get(one, 0) > now - WINDOW}
        assert file.seen.known(file.db, asked, now) == known
        assert file.beside.add_known(set(), asked, now - WINDOW) == known
    file.close()


def test_of_very_many_none_is_forgotten_and_none_made_up(tmp_path: Path) -> None:
    """More than one run of the third level takes."""
    file = File(tmp_path / "queue.sqlite", DAY_MS)
    count, portion, now = RUN_ENTRIES * FANOUT * 2, 2_048, 10**12
    for start in range(0, count, portion):
        if start == count // 2 + 5 * portion:
            file.restart()  # in the midst of a merge
        now += 1
        assert len(file.put([key(number) for number in range(start, start + portion)], now)) == portion
    levels = [run.level for run in file.seen._ids.runs.all.values()]
    assert max(levels) >= 1
    assert len(levels) <= 2 * FANOUT
    for start in range(0, count, portion):
        keys = [key(number) for number in range(start, start + portion)]
        assert file.seen.known(file.db, keys, now) == set(keys)
    assert not file.seen.known(file.db, [key(number) for number in range(count, count + 20_000)], now)
    sample = [key(number) for number in range(0, count, 97)]
    assert file.beside.add_known(set(), sample, now - DAY_MS) == set(sample)

    # All of it goes when its time has passed, a portion with each commit.
    now += DAY_MS
    for number in range(count, count + 200):
        now += seen.SWEEP_EVERY_MS
        file.put([key(number)], now)
    assert [file.rows(table) for table in ("seen_runs", "seen_parts")] == [0, 0]
    file.close()


def test_a_commit_writes_no_more_for_all_that_is_known(tmp_path: Path) -> None:
    def written(path: Path, known: int) -> int:
        file = File(path, DAY_MS)
        for start in range(0, known, 1_000):
            file.put([key(number) for number in range(start, start + 1_000)], 10**12)
        file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for start in range(known, known + 1_000, 100):
            file.put([key(number) for number in range(start, start + 100)], 10**12)
        size = path.with_name(path.name + "-wal").stat().st_size
        file.close()
        return size

    # Ten commits, of four pages each.
    few, many = written(tmp_path / "few", 1_000), written(tmp_path / "many", RUN_ENTRIES + 1_000)

    assert many <= few + 3 * 4_096
    assert few <= 10 * 4 * 4_120


def file_of_format_2(storage: SqliteStorage, known: int) -> None:
    """With *known* ids put an hour ago, of which m0 and m1 are in the workspace of tests and wait."""
    now = int(storage.clock.wall_ms()) - HOUR
    with sqlite3.connect(storage.path) as db:
        for script in schema.MIGRATIONS[:2]:
            db.executescript(script)
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        db.execute("PRAGMA user_version = 2")
        db.executemany(
            "INSERT INTO seen (key, at) VALUES (?, ?)",
            [(seen.key("w", f"m{number}"), now) for number in range(known)],
        )
        db.execute("INSERT INTO lanes VALUES (1, 'w', 'a')")
        for number in range(2):
            about = ("s", f"m{number}", "track", now, 0, b"{}", "")
            db.execute(
                "INSERT INTO bodies (source, message_id, event_type, accepted_at, shared, body, labels)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                about,
            )
            db.execute(
                "INSERT INTO jobs (lane, due, body, size, stage, attempts, faults) VALUES (1, ?, ?, 2, 0, 0, 0)",
                (now, number + 1),
            )
    db.close()


def test_a_file_of_format_2_goes_on(storage: SqliteStorage) -> None:
    file_of_format_2(storage, 3_000)

    async def main() -> None:
        queue = await storage.open()
        assert ids(await deliver_all(queue)) == ["m0", "m1"]
        assert await queue.put(events(3)) == [False] * 3
        assert await queue.put([event("m2999"), event("new")]) == [False, True]
        await queue.close()
        queue = await storage.open()
        assert await queue.put([event("m2999"), event("new")]) == [False, False]
        storage.clock.advance(DAY - HOUR)
        assert await queue.put([event("m5"), event("new")]) == [True, False]
        for number in range(4):
            assert await queue.put([event(f"n{number}")]) == [True]
        assert not queue._thread._store.seen._ids.has_old
        await queue.close()

    asyncio.run(main())
    with sqlite3.connect(storage.path) as db:
        assert db.execute("SELECT count(*) FROM seen").fetchone() == (0,)
    db.close()
