"""Reads the samples and usage of all workers while they go on writing."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from headgate.samples.file import DAY_MS, PER_REASON, RETENTION_MS, CallKey, Usage, UsageKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.paths import DataDirectory


class Kept(NamedTuple):
    """A stored sample; *content* as in `Sample.content`."""

    destination: str
    source: str
    step: str
    reason: str
    at: int
    message_id: str
    event_type: str
    attempt: int
    content: dict[str, Any]


def place(kept: Kept) -> tuple[int, str, str, str, int]:
    """The sort key of a sample: the newest come first."""
    return -kept.at, kept.step, kept.reason, kept.message_id, kept.attempt


class Reader:
    """The methods block: call them in a thread. They skip files that cannot be read."""

    def __init__(self, data: DataDirectory) -> None:
        self._data = data

    def samples(
        self, destination: str, now: int, *, reason: str | None = None, step: str | None = None
    ) -> list[Kept]:
        """The newest first, at most PER_REASON for each step and reason."""
        query = (
            "SELECT destination, source, step, reason, at, message_id, event_type, attempt, content FROM samples "
            "WHERE destination = ?1 AND at >= ?2 AND (?3 IS NULL OR reason = ?3) AND (?4 IS NULL OR step = ?4)"
        )
        found = [
            Kept._make((*columns, orjson.loads(content)))
            for *columns, content in self._rows(query, (destination, now - RETENTION_MS, reason, step))
        ]
        found.sort(key=place)
        seen: dict[tuple[str, str], int] = {}
        some = []
        for kept in found:
            count = seen[kept.step, kept.reason] = seen.get((kept.step, kept.reason), 0) + 1
            if count <= PER_REASON:
                some.append(kept)
        return some

    def usage(
        self, workspace: str, first_day: int, last_day: int, *, function: str | None = None
    ) -> dict[UsageKey, Usage]:
        """Usage by day and function, for those that have any, sorted by day."""
        query = (
            "SELECT day, workspace, function, executions, fuel, wall_ms, bytes_out FROM usage "
            "WHERE day BETWEEN ?2 AND ?3 AND workspace = ?1 AND (?4 IS NULL OR function = ?4)"
        )
        together: dict[UsageKey, Usage] = {}
        for row in self._rows(query, (workspace, first_day, last_day, function)):
            key = UsageKey(*row[:3])
            old, new = together.get(key, Usage()), Usage(*row[3:])
            together[key] = Usage(
                old.executions + new.executions,
                old.fuel + new.fuel,
                old.wall_ms + new.wall_ms,
                old.bytes_out + new.bytes_out,
            )
        return dict(sorted(together.items()))

    def calls(self, workspace: str, first_day: int, last_day: int) -> dict[CallKey, int]:
        """The number of accepted events by day and source, for those that have any, sorted by day."""
        query = (
            "SELECT day, workspace, source, events FROM calls WHERE day BETWEEN ?2 AND ?3 AND workspace = ?1"
        )
        together: dict[CallKey, int] = {}
        for day, _, source, events in self._rows(query, (workspace, first_day, last_day)):
            key = CallKey(day, workspace, source)
            together[key] = together.get(key, 0) + events
        return dict(sorted(together.items()))

    def fuel_of(self, now: int) -> dict[str, int]:
        """The fuel each workspace has used today."""
        query = "SELECT workspace, sum(fuel) FROM usage WHERE day = ? GROUP BY workspace"
        together: dict[str, int] = {}
        for workspace, fuel in self._rows(query, (now // DAY_MS,)):
            together[workspace] = together.get(workspace, 0) + fuel
        return together

    def _rows(self, query: str, values: tuple[object, ...]) -> Iterator[tuple[Any, ...]]:
        for path in self._data.all_samples().values():
            # A file may be incomplete or damaged: its worker will replace it.
            with (
                contextlib.suppress(sqlite3.Error),
                contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as db,
            ):
                db.execute("PRAGMA query_only = ON")
                db.execute("PRAGMA busy_timeout = 1000")
                yield from db.execute(query, values).fetchall()
