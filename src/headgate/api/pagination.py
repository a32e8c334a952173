"""Pages of lists (SPEC 12.1)."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, NamedTuple

from headgate.api.errors import invalid

COUNT_DEFAULT: Final = 200
COUNT_MAX: Final = 1_000
OFFSET_MAX: Final = 10**9


class Page(NamedTuple):
    """
    The *size* entries from *offset* on; for lists in the order of ids, those that follow the id *after* where there is
    one, so that what is made or deleted meanwhile moves no entry to another page.
    """

    size: int = COUNT_DEFAULT
    offset: int = 0
    after: str = ""

    def as_json(self, got: int, total: int | None = None, last: str = "") -> dict[str, Any]:
        """
        What accompanies *got* entries: one more than `size` where there are others. *total* is of all, *last* the id of
        the last one shown, for lists that go on after it.
        """
        value: dict[str, Any] = {"current": cursor_of(self.offset, self.after)}
        if got > self.size:
            value["next"] = cursor_of(self.offset + self.size, last)
        if self.offset:
            value["previous"] = cursor_of(max(0, self.offset - self.size))
        if total is not None:
            value["totalEntries"] = total
        return value


def page_of(value: Any) -> Page:
    """From the query's `pagination`. Raises ApiError 422."""
    if value is None or value == "":
        return Page()
    if not isinstance(value, dict):
        raise invalid("must be an object", "pagination")
    count, cursor = value.get("count"), value.get("cursor")
    if count is None:
        raise invalid("is required", "pagination.count")
    try:
        number = int(count)
    except (TypeError, ValueError):
        raise invalid("must be a number", "pagination.count") from None
    if isinstance(count, bool) or not 1 <= number <= COUNT_MAX:
        raise invalid(f"must be from 1 to {COUNT_MAX}", "pagination.count")
    return Page(number, *_place_of(cursor)) if cursor else Page(number)


def cursor_of(offset: int, after: str = "") -> str:
    text = f"{offset}.{after}" if after else str(offset)
    return base64.b64encode(text.encode()).decode()


def offset_of(cursor: Any) -> int:
    """Raises ApiError 422 for a cursor that was not given out."""
    return _place_of(cursor)[0]


def _place_of(cursor: Any) -> tuple[int, str]:
    try:
        text = base64.b64decode(cursor, validate=True).decode("ascii")
    except (TypeError, ValueError, binascii.Error):
        text = ""
    digits, _, after = text.partition(".")
    if not digits.isdigit() or len(digits) > 10 or int(digits) > OFFSET_MAX or len(after) > 40:
        raise invalid("is not a cursor of this API", "pagination.cursor")
    return int(digits), after
