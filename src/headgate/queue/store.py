"""
Reads and writes the jobs and bodies of one queue file. Runs
only in the thread that owns the connection.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from headgate.queue import seen
from headgate.queue.dead import DeadLetters
from headgate.queue.model import Again, Done, Job, Lane
from headgate.queue.recent import Lease, Recent, Waiting
from headgate.queue.seen import Seen, Siblings
from headgate.queue.statements import ListStatement, RowStatement, insert
from headgate.queue.tallies import Tallies

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from headgate.queue.limits import QueueLimits
    from headgate.queue.model import NewEvent, Settlement, Stage, Tally

_STAGES: Final[tuple[Stage, ...]] = ("function", "delivery")

_ADD_BODIES: Final = insert(
    "bodies",
    (
        "id",
        "source",
        "message_id",
        "event_type",
        "labels",
        "accepted_at",
        "shared",
        "body",
    ),
)
_ADD_SHARES: Final = insert("shares", ("body", "jobs"))
_ADD_JOBS: Final = insert(
    "jobs", ("id", "lane", "due", "body", "size", "stage", "attempts", "faults", "first_at")
)
# Columns that are the same for all new jobs are literals: a bound value costs as much as a step.
_ADD_NEW_JOBS: Final = RowStatement(
    "INSERT INTO jobs (id, lane, due, body, size, stage, attempts, faults) SELECT *, 0, 0, 0 FROM",
    5,
    "WHERE column1 IS NOT NULL",
)
_POSTPONE: Final = RowStatement(
    "UPDATE jobs SET due = fresh.column2, body = fresh.column3, size = fresh.column4, stage = fresh.column5,"
    " attempts = fresh.column6, faults = fresh.column7, first_at = fresh.column8, reason = fresh.column9 FROM",
    9,
    "AS fresh WHERE jobs.id = fresh.column1",
)
_DELETE_JOBS: Final = ListStatement("DELETE FROM jobs WHERE id")
_DELETE_BODIES: Final = ListStatement("DELETE FROM bodies WHERE id")
_UNSHARE: Final = RowStatement(
    "UPDATE shares SET jobs = jobs - fewer.column2 FROM", 2, "AS fewer WHERE shares.body = fewer.column1"
)
_DELETE_UNSHARED: Final = ListStatement(
    "DELETE FROM bodies WHERE (SELECT jobs FROM shares WHERE body = bodies.id) <= 0 AND id"
)
_DELETE_SHARES: Final = ListStatement("DELETE FROM shares WHERE jobs <= 0 AND body")

_READ_LANES_MAX: Final = 64
# A read returns a single row: numbers and names as JSON, and the bodies of the due jobs concatenated. Each
# further row would take the interpreter lock once more, see statements.py.
_READ_INDEX: Final = """
    SELECT * FROM (
        SELECT id, lane, due, body, size, stage, attempts, faults, first_at FROM jobs
        WHERE @ AND lane = ? AND (due, id) > (?, ?) AND due <= ? ORDER BY due, id LIMIT ?
    )
    UNION ALL SELECT * FROM (
        SELECT id, lane, due, body, 0, 0, 0, 0, 0 FROM jobs WHERE @ AND lane = ? AND due > ? ORDER BY due LIMIT 1
    )
"""
_READ_LANE: Final = " UNION ALL ".join(
    _READ_INDEX.replace("@", which) for which in ("attempts = 0", "attempts > 0")
)
_READ_LANES: Final = """
    SELECT
        json_group_array(json_array(
            found.id, lane, due, found.body, size, stage, attempts, faults, first_at,
            source, message_id, event_type, labels, accepted_at, shared
        )),
        CAST(group_concat(CASE WHEN due <= ? THEN bodies.body END, '') AS BLOB)
    FROM (@) AS found JOIN bodies ON bodies.id = found.body
"""
_READ: Final = {
    lanes: _READ_LANES.replace("@", " UNION ALL ".join([_READ_LANE] * lanes))
    for lanes in (1 << bit for bit in range(_READ_LANES_MAX.bit_length()))
}


class Found(NamedTuple):
    """
    The jobs that a poll leased from a lane. *next_due* is when the first remaining job is due, None if there
    is none.
    """

    lane: Lane
    jobs: list[Job]
    next_due: int | None


class _Held:
    """
    The leases of a lane.

    ids      the jobs leased
    floor    (due, id) up to which all jobs are leased or gone, so that reads can start there
    mixed    whether some jobs up to *floor* were given back; reads then start at the beginning
    """

    __slots__ = ("floor", "ids", "mixed")

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.floor = (-1, -1)
        self.mixed = False

    def give_back(self, id_: int) -> None:
        """Ends the lease of a job that stays stored below the floor."""
        self.ids.discard(id_)
        self.mixed = True

    def settle(self) -> None:
        """Resets the floor once it is mixed and no leases are left."""
        if self.mixed and not self.ids:
            self.mixed = False
            self.floor = (-1, -1)


class Store:
    """
    The contents of one queue file. Leases are kept in memory only, so that handing out jobs writes nothing.

    `put`, `settle` and `redrive` run in a transaction, which is followed by `after_commit` or
    `after_rollback`.
    """

    def __init__(self, db: sqlite3.Connection, limits: QueueLimits, siblings: Siblings) -> None:
        self.seen = Seen(db, limits.seen_ms, siblings)
        self.dead = DeadLetters(limits.dead_ms, limits.dead_rows)
        self.tallies = Tallies(limits.tallies_ms)
        self._recent = Recent()
        self._names = {
            number: Lane(workspace, destination)
            for number, workspace, destination in db.execute("SELECT id, workspace, destination FROM lanes")
        }
        self._lanes = {lane: number for number, lane in self._names.items()}
        self._new_lanes: list[Lane] = []
        self._leases: dict[int, Lease] = {}
        self._held: dict[int, _Held] = {}
        self._next_job, self._next_body = (
            db.execute(
                "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = ?", (table,)
            ).fetchone()[0]
            for table in ("jobs", "bodies")
        )

    def last_time(self, db: sqlite3.Connection) -> int:
        """The latest time stored in the file, ms since the epoch."""
        (at,) = db.execute("SELECT at FROM clock").fetchone()
        return max(int(at), self.seen.last_time(db))

    def put(self, db: sqlite3.Connection, events: Sequence[NewEvent], now: int) -> list[bool]:
        """Stores *events* with their tallies. Returns for each whether it is new, False for a duplicate."""
        keys = [seen.key(event.workspace, event.message_id) for event in events]
        known = self.seen.known(db, keys, now)
        fresh: list[bytes] = []
        flags: list[bool] = []
        bodies: list[Any] = []
        shares: list[int] = []
        jobs: list[Any] = []
        tallies: dict[int, list[Any]] = {}
        body, job_id = self._next_body, self._next_job
        recent: dict[int, list[Waiting]] = {}
        for event, key in zip(events, keys, strict=True):
            if key in known:
                flags.append(False)
                continue
            known.add(key)
            fresh.append(key)
            flags.append(True)
            # Events of one request share the same tuple, so each is counted once for all of them: looking up
            # a tally costs as much as a step of a statement.
            alike = tallies.get(id(event.tallies))
            if alike is None:
                alike = tallies[id(event.tallies)] = [event.tallies, 0]
            alike[1] += 1
            if not event.jobs:
                continue
            about = (event.source, event.message_id, event.event_type, event.labels, now)
            common = 0
            for _, own in event.jobs:
                common += own is None
            common_body = body
            if common:
                bodies += (body, *about, common > 1, event.body)
                body += 1
                if common > 1:
                    shares += (common_body, common)
            for lane, own in event.jobs:
                number = self._lane(db, lane)
                if own is None:
                    stored, text, shared = common_body, event.body, common > 1
                else:
                    stored, text, shared = body, own, False
                    bodies += (body, *about, False, own)
                    body += 1
                size = len(text)
                jobs += (job_id, number, now, stored, size)
                if number in self._recent:
                    waiting = recent.get(number)
                    if waiting is None:
                        waiting = recent[number] = []
                    lease = Lease(stored, shared, size, number)
                    waiting.append((_new_job(job_id, lane, event, text, now), lease))
                job_id += 1
        for counted, number in tallies.values():
            self.tallies.count(counted, number)
        self.seen.add(db, fresh, now)
        _ADD_BODIES.run(db, bodies)
        _ADD_SHARES.run(db, shares)
        _ADD_NEW_JOBS.run(db, jobs)
        for number, some in recent.items():
            self._recent.put(number, some)
        self._next_body, self._next_job = body, job_id
        return flags

    def settle(self, db: sqlite3.Connection, settlements: Iterable[Settlement], now: int) -> None:
        """Stores *settlements*. The jobs stay leased until `after_commit`."""
        over: list[int] = []
        bodies: list[int] = []
        shared: dict[int, int] = {}
        again: list[Any] = []
        fresh: list[Any] = []
        dead: list[tuple[int, Done]] = []
        deliveries: dict[int, tuple[Tally, list[float]]] = {}
        for settlement in settlements:
            job = settlement.job
            lease = self._leases[job.id]
            leaves = False
            if isinstance(settlement, Done):
                over.append(job.id)
                leaves = True
                if settlement.latency_ms is None:
                    self.tallies.count((settlement.tally,))
                else:
                    alike = deliveries.get(id(settlement.tally))
                    if alike is None:
                        alike = deliveries[id(settlement.tally)] = (settlement.tally, [])
                    alike[1].append(settlement.latency_ms)
                if settlement.dead is not None:
                    dead.append((lease.lane, settlement))
            elif isinstance(settlement, Again):
                body, size = lease.body, lease.size
                if settlement.body is not None:
                    body, size, leaves = self._next_body, len(settlement.body), True
                    self._next_body += 1
                    fresh += (body, job.source, job.message_id, job.event_type, job.labels)
                    fresh += (job.accepted_at, False, settlement.body)
                again += (job.id, due_again(settlement, now), body, size, settlement.stage == "delivery")
                again += (
                    settlement.attempts,
                    settlement.faults,
                    settlement.first_at,
                    settlement.error.reason,
                )
            if leaves and lease.shared:
                shared[lease.body] = shared.get(lease.body, 0) + 1
            elif leaves:
                bodies.append(lease.body)
        for tally, latencies in deliveries.values():
            self.tallies.count_deliveries(tally, latencies)
        if dead:
            self.dead.add(db, dead, now)
        _ADD_BODIES.run(db, fresh)
        _POSTPONE.run(db, again)
        _DELETE_JOBS.run(db, over)
        _DELETE_BODIES.run(db, bodies)
        if shared:
            _UNSHARE.run(db, [value for entry in shared.items() for value in entry])
            _DELETE_UNSHARED.run(db, list(shared))
            _DELETE_SHARES.run(db, list(shared))

    def redrive(self, db: sqlite3.Connection, ids: Sequence[int], now: int) -> list[tuple[Lane, int]]:
        """Makes the dead jobs with *ids* due. Returns the lane and body size of each one found."""
        found = self.dead.take(db, list(dict.fromkeys(ids)))
        bodies: list[Any] = []
        jobs: list[Any] = []
        for lane, *about, stage, body in found:
            bodies += (self._next_body, *about, False, body)
            jobs += (self._next_job, lane, now, self._next_body, len(body), stage, 0, 0, None)
            self._next_body += 1
            self._next_job += 1
            self._recent.leave(lane)
        _ADD_BODIES.run(db, bodies)
        _ADD_JOBS.run(db, jobs)
        return [(self._names[row[0]], len(row[-1])) for row in found]

    def read(self, db: sqlite3.Connection, plan: Sequence[tuple[Lane, int]], now: int) -> list[Found]:
        """
        Leases up to the planned number of due jobs from each lane,
        oldest first. Runs outside a transaction.
        """
        # 0: nothing of the lane was ever stored, since all that was put are duplicates or were refused.
        numbers = [self._lanes.get(lane, 0) for lane, _ in plan]
        is_caught_up = self._recent.is_caught_up
        stored = [
            each for each, number in zip(plan, numbers, strict=True) if number and not is_caught_up(number)
        ]
        rows: dict[int, list[tuple[list[Any], bytes]]] = {self._lanes[lane]: [] for lane, _ in stored}
        start = 0
        while start < len(stored):
            size = min(_READ_LANES_MAX, 1 << ((len(stored) - start).bit_length() - 1))
            self._read(db, stored[start : start + size], now, rows)
            start += size
        return [
            self._lease(lane, wanted, rows[number], now)
            if number in rows
            else self._lease_recent(lane, wanted, number, [])
            for (lane, wanted), number in zip(plan, numbers, strict=True)
        ]

    def after_commit(self, settlements: Iterable[Settlement], now: int) -> None:
        """After a transaction with `settle(..., settlements, now)`: ends the leases of these jobs."""
        self._new_lanes.clear()
        self.tallies.after_commit()
        self._recent.after_commit()
        self.seen.after_commit()
        for settlement in settlements:
            id_ = settlement.job.id
            lease = self._leases.pop(id_)
            held = self._held[lease.lane]
            if type(settlement) is Done:
                held.ids.discard(id_)
            else:
                self._recent.leave(lease.lane)
                if isinstance(settlement, Again) and (due_again(settlement, now), id_) > held.floor:
                    held.ids.discard(id_)
                else:
                    held.give_back(id_)
            if held.mixed:
                held.settle()

    def after_rollback(self) -> None:
        """Drops the state kept in memory for a transaction that was rolled back."""
        for lane in self._new_lanes:
            del self._names[self._lanes.pop(lane)]
        self._new_lanes.clear()
        self.tallies.after_rollback()
        self._recent.after_rollback()
        self.seen.after_rollback()
        self.dead.after_rollback()

    def _read(
        self,
        db: sqlite3.Connection,
        plan: Sequence[tuple[Lane, int]],
        now: int,
        rows: dict[int, list[tuple[list[Any], bytes]]],
    ) -> None:
        values: list[int] = [now]
        for lane, wanted in plan:
            held = self._held_by(self._lanes[lane])
            # Reads one more than wanted and the first that is not due, to know when the lane is due next.
            floor = (-1, -1) if held.mixed else held.floor
            most = wanted + 1 + (len(held.ids) if held.mixed else 0)
            values += 2 * (self._lanes[lane], *floor, now, most, self._lanes[lane], now)
        numbers, bodies = db.execute(_READ[len(plan)], values).fetchone()
        offset = 0
        for row in orjson.loads(numbers):
            size = row[4] if row[2] <= now else 0
            rows[row[1]].append((row, bodies[offset : offset + size] if size else b""))
            offset += size

    def _lease(self, lane: Lane, wanted: int, rows: list[tuple[list[Any], bytes]], now: int) -> Found:
        number = self._lanes[lane]
        held = self._held[number]
        rows.sort(key=_due_and_id)
        if rows and rows[-1][0][2] > now:
            self._recent.leave(number)
        else:
            self._recent.follow(number)
        first = self._recent.first(number)
        jobs: list[Job] = []
        for row, text in rows:
            id_, _, due, body, size, stage, attempts, faults, first_at, *about, accepted_at, shared = row
            if id_ in held.ids:
                continue
            if id_ == first:
                break
            if due > now or len(jobs) == wanted:
                return Found(lane, jobs, due)
            source, message_id, event_type, labels = about
            self._leases[id_] = Lease(body, bool(shared), size, number)
            held.ids.add(id_)
            if not held.mixed:
                held.floor = (due, id_)
            jobs.append(
                Job(
                    id_,
                    lane,
                    source,
                    message_id,
                    event_type,
                    _STAGES[stage],
                    attempts,
                    faults,
                    accepted_at,
                    first_at,
                    text,
                    labels,
                )
            )
        self._recent.catch_up(number)
        return self._lease_recent(lane, wanted, number, jobs)

    def _lease_recent(self, lane: Lane, wanted: int, number: int, jobs: list[Job]) -> Found:
        """As `_lease`, for a lane whose waiting jobs, besides *jobs*, are all cached."""
        taken, next_due = self._recent.take(number, wanted - len(jobs))
        if taken:
            held = self._held_by(number)
            leases = self._leases
            for job, lease in taken:
                leases[job.id] = lease
            held.ids.update([job.id for job, _ in taken])
            if not held.mixed:
                held.floor = (taken[-1][0].accepted_at, taken[-1][0].id)
        return Found(lane, [*jobs, *[job for job, _ in taken]], next_due)

    def _held_by(self, lane: int) -> _Held:
        held = self._held.get(lane)
        if held is None:
            held = self._held[lane] = _Held()
        return held

    def _lane(self, db: sqlite3.Connection, lane: Lane) -> int:
        number = self._lanes.get(lane)
        if number is None:
            number = (
                db.execute("INSERT INTO lanes (workspace, destination) VALUES (?, ?)", lane).lastrowid or 0
            )
            self._lanes[lane] = number
            self._names[number] = lane
            self._new_lanes.append(lane)
        return number


def _new_job(id_: int, lane: Lane, event: NewEvent, body: bytes, now: int) -> Job:
    return Job(
        id_,
        lane,
        event.source,
        event.message_id,
        event.event_type,
        "function",
        0,
        0,
        now,
        None,
        body,
        event.labels,
    )


def _due_and_id(found: tuple[list[Any], bytes]) -> tuple[int, int]:
    row, _ = found
    return row[2], row[0]


def due_again(settlement: Again, now: int) -> int:
    """When a job that was settled at *now* is due, ms since the epoch."""
    return now + max(0, math.ceil(settlement.delay_ms))
