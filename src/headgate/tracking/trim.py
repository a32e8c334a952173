"""Drops the values of an event beyond the maximum number (SPEC 8.5, 15)."""

from __future__ import annotations

from typing import Any

FIELDS = ("properties", "traits")


def trim(event: dict[str, Any], values_max: int) -> bool:
    """
    Keeps the first *values_max* values in `properties` and `traits`, in document order. A value is a member
    of an object or an element of an array, at any depth. Returns whether any were dropped.
    """
    trimmed = False
    room = values_max
    for field in FIELDS:
        kept, room = _count(event.get(field), room)
        trimmed = trimmed or not kept
    return trimmed


def _count(value: object, room: int) -> tuple[bool, int]:
    """
    Trims *value* to *room* values; returns whether all fitted, and the room left. The recursion is bounded,
    because `document.encode` has already rejected deeper nesting.
    """
    if isinstance(value, dict):
        names, members = list(value), list(value.values())
    elif isinstance(value, list):
        names, members = [], value
    else:
        return True, room
    whole = True
    for index, member in enumerate(members):
        if room <= 0:
            if isinstance(value, dict):
                for name in names[index:]:
                    del value[name]
            else:
                del value[index:]
            return False, 0
        kept, room = _count(member, room - 1)
        whole = whole and kept
    return whole, room
