"""Turns counters into the series of reports (SPEC 12.2): one per group, the largest first."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.api.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.queue.reports import Sums
    from headgate.registry.spans import Key


class Group(NamedTuple):
    """*counts* and *retries* by the start of the period, in ms; periods without events have no entry."""

    key: tuple[str, ...]
    counts: Counter[int]
    retries: Counter[int]


def groups(events: Sums, pending: Sums | None = None) -> list[Group]:
    found: dict[tuple[str, ...], Group] = {}

    def group_of(key: tuple[str, ...]) -> Group:
        return found.setdefault(key, Group(key, Counter(), Counter()))

    for (at, key), count in events.items():
        group_of(key).counts[at] += count
    for (at, key), count in (pending or {}).items():
        group_of(key).retries[at] += count
    return sorted(found.values(), key=place)


def place(group: Group) -> Key:
    """The sort key of a group: the largest come first."""
    return -group.counts.total(), -group.retries.total(), *group.key


def kinds_of(by: Sequence[str]) -> Sequence[type]:
    """The types of the values of a `place`, for groups *by* these names."""
    return int, int, *(str for _ in by)


def points(group: Group, *, retries: bool = False) -> list[dict[str, Any]]:
    """The points of a series, in chronological order."""
    return [
        {"time": iso(at), "count": group.counts[at]} | ({"retryCount": group.retries[at]} if retries else {})
        for at in sorted(group.counts.keys() | group.retries.keys())
    ]
