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
    """The *size* entries from *offset* on."""

    size: int = COUNT_DEFAULT
    offset: int = 0

    def as_json(self, got: int, total: int | None = None) -> dict[str, Any]:
        """What accompanies *got* entries: one more than `size` where there are others. *total* is of all."""
        value: dict[str, Any] = {"current": cursor_of(self.offset)}
        if got > self.size:
            value["next"] = cursor_of(self.offset + self.size)
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
    return Page(number, offset_of(cursor) if cursor else 0)


def cursor_of(offset: int) -> str:
    return base64.b64encode(str(offset).encode()).decode()


def offset_of(cursor: Any) -> int:
    """Raises ApiError 422 for a cursor that was not given out."""
    try:
        digits = base64.b64decode(cursor, validate=True).decode("ascii")
    except (TypeError, ValueError, binascii.Error):
        digits = ""
    if not digits.isdigit() or len(digits) > 10 or int(digits) > OFFSET_MAX:
        raise invalid("is not a cursor of this API", "pagination.cursor")
    return int(digits)
