"""
Labels by which counters are broken down besides the event type, and the bound on their number per source:
anybody with a write key can send new ones.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from headgate.queue.limits import HOUR_MS, MINUTE_MS
from headgate.queue.model import NO_LABELS, Labels

if TYPE_CHECKING:
    import sqlite3

OTHER: Final = "(other)"
"""Stands for all names beyond the bound."""

LABEL_CHARS: Final = 120
"""Maximum length of each part; longer ones are cut."""

_BETWEEN: Final = "\x1f"


@functools.lru_cache(1_024)
def joined(event_name: str, app_version: str) -> Labels:
    """The labels for an event name and an app version; "" for one that the event does not have."""
    if not (event_name or app_version):
        return NO_LABELS
    return Labels(f"{_plain(event_name)}{_BETWEEN}{_plain(app_version)}")


def parts(labels: str) -> tuple[str, str]:
    """The event name and the app version in *labels*."""
    event_name, _, app_version = labels.partition(_BETWEEN)
    return event_name, app_version


def others(labels: Labels) -> Labels:
    """The labels under which *labels* are counted when there are too many."""
    event_name, app_version = parts(labels)
    return joined(event_name and OTHER, app_version and OTHER)


def _plain(text: str) -> str:
    return text[:LABEL_CHARS].replace(_BETWEEN, " ")


PER_MINUTE: Final = 200
PER_HOUR: Final = 500
"""Distinct labels of a source that are counted separately in a minute and in an hour; the rest are OTHER."""

_MINUTES: Final = HOUR_MS // MINUTE_MS
_OF_MINUTES: Final = """
    SELECT DISTINCT source, event_name, app_version FROM tallies JOIN tally_keys ON tally_keys.id = tallies.key
    WHERE minute >= ? AND minute <= ?
"""


class Known:
    """The labels admitted in the current minute and hour, by source, first come first served."""

    def __init__(self) -> None:
        self._at = -1
        self._minute: dict[str, set[Labels]] = {}
        self._hour: dict[str, set[Labels]] = {}

    def turn(self, db: sqlite3.Connection, minute: int) -> None:
        """Moves on to *minute*. The first call reads the stored labels."""
        if self._at < 0:
            self._minute = _stored(db, minute, minute)
            self._hour = _stored(db, minute - minute % _MINUTES, minute)
        elif minute != self._at:
            self._minute = {}
            if minute // _MINUTES != self._at // _MINUTES:
                self._hour = {}
        self._at = minute

    def admits(self, source: str, labels: Labels) -> bool:
        """Whether *labels* of *source* are counted separately; if so, they count towards the bounds."""
        of_minute = self._minute.setdefault(source, set())
        if labels in of_minute:
            return True
        of_hour = self._hour.setdefault(source, set())
        if len(of_minute) >= PER_MINUTE or (len(of_hour) >= PER_HOUR and labels not in of_hour):
            return False
        of_minute.add(labels)
        of_hour.add(labels)
        return True


def _stored(db: sqlite3.Connection, first: int, last: int) -> dict[str, set[Labels]]:
    found: dict[str, set[Labels]] = {}
    for source, event_name, app_version in db.execute(_OF_MINUTES, (first, last)):
        if OTHER not in (event_name, app_version) and (event_name or app_version):
            found.setdefault(source, set()).add(joined(event_name, app_version))
    return found
