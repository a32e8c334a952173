"""Counters by minute, hour and day: what is read is what was counted, whoever counted it and whenever that was."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.queue import latency, reports, schema
from headgate.queue.labels import OTHER, PER_HOUR, PER_MINUTE, joined, others, parts
from headgate.queue.model import NO_LABELS, NewEvent, NewJob, Step, Tally
from headgate.queue.protocol import QueueBroken
from headgate.queue.reports import Column, Question, Reports, Window
from headgate.queue.tallies import Tallies
from tests.headgate.queue.events import BROKE, DAY, HOUR, MINUTE, A, again, died, poll
from tests.headgate.queue.sqlite_storage import SqliteStorage

NOW = 1_767_225_600_000
KEEP = 30 * DAY
ALL: tuple[Step, ...] = tuple(Step)


class Book:
    """Counters of one file, and the same kept simply."""

    def __init__(self, path: Path, keep_ms: int = KEEP) -> None:
        self.path = path
        self._open(keep_ms)
        self.kept: Counter[tuple[int, Tally]] = Counter()

    def reopened(self, keep_ms: int = KEEP) -> None:
        self.db.close()
        self._open(keep_ms)

    def _open(self, keep_ms: int) -> None:
        self.db = schema.connect(self.path)
        self.db.execute("PRAGMA synchronous = OFF")
        self.tallies = Tallies(keep_ms)

    def count(self, now: int, tallies: Iterable[Tally], *, fails: bool = False) -> None:
        counted = list(tallies)
        self.db.execute("BEGIN IMMEDIATE")
        self.tallies.count(counted)
        self.tallies.write(self.db, now)
        self.db.execute("ROLLBACK" if fails else "COMMIT")
        if fails:
            self.tallies.after_rollback()
        else:
            self.tallies.after_commit()
            self.kept.update((now // MINUTE, tally) for tally in counted)

    def rows(self, table: str) -> int:
        number: int = self.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return number


@contextmanager
def book(path: Path, keep_ms: int = KEEP) -> Iterator[Book]:
    made = Book(path, keep_ms)
    try:
        yield made
    finally:
        made.db.close()


def track(name: str, version: str = "", source: str = "s") -> Tally:
    return Tally(source, "", Step.RECEIVED, "track", labels=joined(name, version))


TALLIES = st.builds(
    Tally,
    st.sampled_from(["s", "t"]),
    st.sampled_from(["", "d"]),
    st.sampled_from(ALL),
    st.sampled_from(["track", "page", ""]),
    st.sampled_from(["", "503"]),
    st.integers(0, 2),
    st.builds(joined, st.sampled_from(["", "A", "B,c"]), st.sampled_from(["", "1.0"])),
)


def values(tally: Tally) -> dict[Column, str]:
    name, version = parts(tally.labels)
    success = f"successes.attempt.{tally.attempt}"
    return {
        "step": tally.step,
        "source": tally.source,
        "event_type": tally.event_type,
        "event_name": name,
        "app_version": version,
        "reason": success if tally.step is Step.DELIVERED else tally.reason,
    }


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_report_is_what_was_counted(tmp_path: Path, data: st.DataObject) -> None:
    """Of two files, over restarts and rollbacks; minutes, hours and days alike."""
    for file in tmp_path.iterdir():
        file.unlink()
    with book(tmp_path / "one") as one, book(tmp_path / "two") as two:
        now = NOW + data.draw(st.integers(0, DAY))
        commits = st.tuples(
            st.sampled_from([0, 1, 40_000, 61_000, 20 * MINUTE, 5 * HOUR]),
            st.lists(TALLIES, max_size=8),
            st.sampled_from(["commit", "commit", "commit", "fail", "restart"]),
        )
        for pause, tallies, what in data.draw(st.lists(commits, max_size=12)):
            now += pause
            one.count(now, tallies, fails=what == "fail")
            two.count(now, tallies[::2])
            if what == "restart":
                one.reopened()
        period = data.draw(st.sampled_from([MINUTE, HOUR, DAY]))
        begin = NOW + data.draw(st.integers(0, 30 * HOUR))
        window = Window(period, begin, begin + data.draw(st.integers(1, 3 * DAY)))
        by = tuple(data.draw(st.sets(st.sampled_from(list(values(track("")))))))
        question = Question(
            data.draw(st.sets(st.sampled_from(ALL))),
            data.draw(st.sets(st.sampled_from(["s", "t", "u"]))),
            data.draw(st.sampled_from([None, "d", ""])),
            data.draw(
                st.sampled_from(
                    [(), (("event_name", ("A", "B,c")),), (("reason", ("successes.attempt.1",)),)]
                )
            ),
        )

        expected: Counter[tuple[int, tuple[str, ...]]] = Counter()
        for (minute, tally), events in (one.kept + two.kept).items():
            about = values(tally)
            at = minute * MINUTE // period * period
            if (
                begin // period * period <= at < window.end_ms
                and tally.step in question.steps
                and tally.source in question.sources
                and question.destination in (None, tally.destination)
                and all(about[column] in wanted for column, wanted in question.among)
            ):
                expected[at, tuple(about[column] for column in by)] += events
        few = data.draw(st.sampled_from([0, reports.KEYS_FEW]))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reports, "KEYS_FEW", few)
            assert Reports(lambda: [one.path, two.path]).events(window, question, by) == expected


def test_single_minutes_go_first_and_everything_goes_after_its_time(tmp_path: Path) -> None:
    with book(tmp_path / "q") as it:
        question = Question([Step.RECEIVED], ["s"])
        told = Reports(lambda: [it.path])

        def seen(period: int, now: int) -> int:
            return told.events(Window(period, NOW, now + period), question, ()).total()

        it.count(NOW, [track("gone")])
        it.count(NOW + 48 * HOUR, [track("kept")])
        assert [seen(period, NOW + 48 * HOUR) for period in (MINUTE, HOUR, DAY)] == [2, 2, 2]
        it.count(NOW + 50 * HOUR, [track("kept")])
        assert [seen(period, NOW + 50 * HOUR) for period in (MINUTE, HOUR, DAY)] == [2, 3, 3]
        it.count(NOW + KEEP, [track("kept")])
        assert [seen(period, NOW + KEEP) for period in (HOUR, DAY)] == [4, 4]
        keys = it.rows("tally_keys")
        for day in range(1, 33):
            it.count(NOW + KEEP + day * DAY, [track("kept")])
        assert it.rows("tally_keys") == keys - 1
        assert it.rows("tally_hours") <= 31
        assert it.rows("tally_days") <= 31
        assert it.rows("tallies") <= 3


def test_a_key_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    with book(tmp_path / "q", HOUR) as it:
        for number in range(5):
            it.count(NOW + number * 2 * DAY, [track("even" if number % 2 == 0 else "odd")])
            it.count(NOW + number * 2 * DAY + 2 * MINUTE, [track("always")])
        last = NOW + 8 * DAY
        found = Reports(lambda: [it.path]).events(
            Window(DAY, last, last + DAY), Question([Step.RECEIVED], ["s"]), ("event_name",)
        )
        assert found == {(last, ("even",)): 1, (last, ("always",)): 1}


def test_a_clock_that_was_behind_adds_to_no_minute_that_is_summed_up(tmp_path: Path) -> None:
    with book(tmp_path / "q") as it:
        it.count(NOW + 10 * MINUTE, [track("A")])
        it.count(NOW + 12 * MINUTE, [track("A")])
        it.reopened()
        it.count(NOW + 9 * MINUTE, [track("A")])
        question = Question([Step.RECEIVED], ["s"])
        for period in (MINUTE, HOUR, DAY):
            assert (
                Reports(lambda: [it.path]).events(Window(period, NOW, NOW + DAY), question, ()).total() == 3
            )


def names_of(it: Book, period: int = MINUTE) -> Counter[str]:
    found = Reports(lambda: [it.path]).events(
        Window(period, NOW, NOW + DAY), Question([Step.RECEIVED], ["s"]), ("event_name",)
    )
    names: Counter[str] = Counter()
    for (_, (name,)), events in found.items():
        names[name] += events
    return names


@pytest.mark.parametrize("restarts", [False, True])
def test_names_that_somebody_invents_are_counted_together(tmp_path: Path, restarts: bool) -> None:
    with book(tmp_path / "q") as it:
        it.count(NOW, [track("real"), track("", "1.0")])
        for number in range(3):
            it.count(NOW, [track(f"{number}.{each}") for each in range(PER_MINUTE)])
            if restarts:
                it.reopened()
        it.count(NOW, [track("real"), track("x", source="other")])

        names = names_of(it)
        assert len(names) == PER_MINUTE + 1  # one of them is "" with a version, one is OTHER
        assert (names["real"], names[OTHER]) == (2, 2 * PER_MINUTE + 2)
        assert it.rows("tally_keys") <= PER_MINUTE + 3

        for minute in range(1, 10):
            it.count(NOW + minute * MINUTE, [track(f"{minute}m{each}") for each in range(PER_MINUTE)])
        assert len(names_of(it, HOUR)) == PER_HOUR + 1
        assert sum(names_of(it, HOUR).values()) == 3 + 3 * PER_MINUTE + 9 * PER_MINUTE

        it.count(NOW + HOUR, [track("another hour")])
        assert names_of(it, HOUR)["another hour"] == 1


@given(st.text(), st.text())
def test_labels_are_what_they_were_made_of(event_name: str, app_version: str) -> None:
    labels = joined(event_name, app_version)
    assert parts(labels) == tuple(each[:120].replace("\x1f", " ") for each in (event_name, app_version))
    assert bool(labels) == bool(event_name or app_version)
    assert parts(others(labels)) == (OTHER if event_name else "", OTHER if app_version else "")


@given(st.lists(st.floats(0, 20 * DAY), min_size=1), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_off_by_less_than_a_bucket(latencies: list[float], share: float) -> None:
    buckets = Counter(latency.bucket_of(each) for each in latencies)
    exact = sorted(latencies)[max(0, -(-len(latencies) * round(share * 100) // 100) - 1)]
    low, high = exact / latency.GROWTH if exact > 1 else 0.0, max(exact * latency.GROWTH, 1.0)
    found = latency.percentile(buckets, share)
    assert min(low, latency.BOUNDS[-1]) <= found <= high * (1 + 1e-9)


def test_no_deliveries_took_no_time() -> None:
    assert latency.percentile({}, 0.95) == 0


def test_latencies_are_counted_by_destination(tmp_path: Path) -> None:
    with book(tmp_path / "q") as it:
        for number in range(100):
            to = "d" if number % 4 else "e"
            done = Tally("s", to, Step.DELIVERED, "track", "", 1)
            it.tallies.count_deliveries(done, [10.0 * number])
            it.count(NOW + number * MINUTE, [])
        told = Reports(lambda: [it.path])
        for period in (MINUTE, HOUR, DAY):
            buckets = told.latencies(Window(period, NOW, NOW + DAY), "d")
            assert buckets == Counter(latency.bucket_of(10.0 * each) for each in range(100) if each % 4)
        assert told.latencies(Window(HOUR, NOW, NOW + HOUR), "d").total() == 45
        assert not told.latencies(Window(HOUR, NOW, NOW + HOUR), "f")


def test_what_waits_to_be_tried_again_is_told_by_its_first_attempt(storage: SqliteStorage) -> None:
    async def use() -> None:
        queue = await storage.open()
        begin = int(storage.clock.wall_ms())
        put = [
            NewEvent("w", "s", f"m{number}", "track", b"{}", (NewJob(A),), (), joined(f"E{number % 2}", "1"))
            for number in range(6)
        ]
        await queue.put(put)
        jobs = await poll(queue)
        for job in jobs[:4]:
            queue.settle(again(job, HOUR, first_at=begin, body=b"{}" if job is jobs[0] else None))
        queue.settle(again(jobs[4], 0, first_at=begin + HOUR))
        queue.settle(died(jobs[5]))
        await queue.settled()

        def pending(window: Window, by: tuple[Column, ...], **among: str) -> dict[tuple[str, ...], int]:
            wanted = tuple((column, (among[column],)) for column in by if column in among)
            found = Reports(lambda: [storage.path]).pending(window, Question([], ["s"], "a", wanted), by)
            return {key: events for (_, key), events in found.items()}

        day = Window(DAY, begin, begin + 2 * HOUR)
        assert pending(day, ()) == {(): 5}
        assert pending(Window(HOUR, begin + HOUR, begin + 2 * HOUR), ()) == {(): 1}
        assert pending(day, ("event_name", "app_version")) == {("E0", "1"): 3, ("E1", "1"): 2}
        assert pending(day, ("reason", "event_type")) == {(BROKE.reason, "track"): 5}
        assert pending(day, ("event_name",), event_name="E1") == {("E1",): 2}

        (job,) = await poll(queue)
        assert job.labels == joined("E0", "1")
        assert pending(day, ()) == {(): 5}, "it is under way, and not over"
        queue.settle(died(job))
        await queue.settled()
        assert pending(day, ()) == {(): 4}
        await queue.redrive([one.id for one in await queue.dead()])
        assert {job.labels for job in await poll(queue)} == {joined("E0", "1"), joined("E1", "1")}
        assert pending(day, ()) == {(): 4}
        await queue.close()

    asyncio.run(use())


def test_a_queue_of_the_first_format_goes_on(storage: SqliteStorage) -> None:
    with closing(sqlite3.connect(storage.path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(
            f"{schema.MIGRATIONS[0]} PRAGMA application_id = {schema.APPLICATION_ID}; PRAGMA user_version = 1"
        )
        now = int(storage.clock.wall_ms())
        db.execute("INSERT INTO lanes VALUES (1, 'w', 'a')")
        db.executemany(
            "INSERT INTO bodies VALUES (?, 's', ?, 'track', ?, 0, ?)",
            [(n, f"m{n}", now, b"{}") for n in (1, 2)],
        )
        db.executemany(
            "INSERT INTO jobs VALUES (?, 1, ?, ?, 2, 0, ?, 0, ?)", [(1, now, 1, 0, None), (2, now, 2, 1, now)]
        )
        db.execute(
            "INSERT INTO dead VALUES (7, 1, 's', 'm7', 'track', ?, ?, 0, 1, '503', 'no', 503, ?)",
            (now, now, b"{}"),
        )
        db.execute("INSERT INTO tally_keys VALUES (5, 's', '', 'successfully-received', 'track', '', 0)")
        db.executemany(
            "INSERT INTO tallies VALUES (?, 5, 10, 0.0)", [(now // MINUTE,), (now // MINUTE - 90,)]
        )

    async def use() -> None:
        queue = await storage.open()
        assert sorted(job.message_id for job in await poll(queue)) == ["m1", "m2"]
        assert await queue.redrive([7]) == 1
        assert [job.labels for job in await poll(queue)] == [NO_LABELS]
        await queue.put([], [Tally("s", "", Step.RECEIVED, "track"), track("new")])
        question = Question([Step.RECEIVED], ["s"])
        told = Reports(lambda: [storage.path])
        end = now + DAY
        for period in (MINUTE, HOUR, DAY):
            assert told.events(Window(period, now - 2 * HOUR, end), question, ("event_name",)).total() == 22
        assert told.events(Window(HOUR, now, end), question, ()).total() == 12
        assert told.pending(Window(HOUR, now, end), Question([], ["s"], "a"), ("reason",)).total() == 1
        await queue.close()

    asyncio.run(use())


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite"
    path.write_bytes(b"noise" * 1_000)
    with pytest.raises(QueueBroken, match=r"queue\.sqlite"):
        Reports(lambda: [path]).events(Window(DAY, NOW, NOW + 1), Question(ALL, ["s"]), ())
    path.write_bytes(b"")
    assert not Reports(lambda: [path]).latencies(Window(DAY, NOW, NOW + 1), "d")
