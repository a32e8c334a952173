"""
Pages of lists (SPEC 12.1). A cursor holds the sort key of the entry next to which a page begins. Entries that exist the
whole time are read exactly once, whatever is created and deleted between two pages.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import orjson

from headgate.api.errors import invalid
from headgate.registry.spans import Key, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

COUNT_DEFAULT: Final = 200
COUNT_MAX: Final = 1_000

FIRST: Final = base64.b64encode(b"0").decode()
"""The cursor of the first page, the same as the hosted API's."""


class Cut(NamedTuple, Generic[T]):
    """The entries to show, and the `pagination` object that goes with them."""

    shown: Sequence[T]
    pagination: dict[str, Any]


class Page(NamedTuple):
    """The *size* entries following the key *after*, or preceding the key *before*; the first ones if both are empty."""

    size: int = COUNT_DEFAULT
    after: Key = ()
    before: Key = ()

    @property
    def span(self) -> Span:
        """What to read: one entry more than is shown, which tells whether there is another page."""
        return Span(self.size + 1, self.after, self.before)

    def cut(self, found: Sequence[T], key: Callable[[T], Key], total: int | None = None) -> Cut[T]:
        """The page, of what was *found* within `span`. *total* counts all entries of the list."""
        more = len(found) > self.size
        shown = found[-self.size :] if self.before else found[: self.size]
        value: dict[str, Any] = {"current": _cursor(self.after, self.before)}
        if more or self.before:
            value["next"] = _cursor(after=key(shown[-1])) if shown else FIRST
        if self.after or (self.before and more):
            value["previous"] = _cursor(before=key(shown[0])) if shown else FIRST
        if total is not None:
            value["totalEntries"] = total
        return Cut(shown, value)

    def of(self, everything: Sequence[T], key: Callable[[T], Key]) -> Cut[T]:
        """The page, of a complete list that is sorted by *key*."""
        found = everything
        if self.before:
            found = [each for each in everything if key(each) < self.before][-self.size - 1 :]
        elif self.after:
            found = [each for each in everything if key(each) > self.after]
        return self.cut(found[: self.size + 1], key, len(everything))


def page_of(value: Any, *kinds: type) -> Page:
    """The page that the query's `pagination` asks for. *kinds* are the types of a sort key's values, by default one str. Raises ApiError 422."""
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
    if not cursor or cursor == FIRST:
        return Page(number)
    side, key = _read(cursor)
    wanted = kinds or (str,)
    if len(key) != len(wanted) or not all(type(each) is kind for each, kind in zip(key, wanted, strict=True)):
        raise invalid("is not a cursor of this list", "pagination.cursor")
    return Page(number, after=key) if side == "after" else Page(number, before=key)


def _cursor(after: Key = (), before: Key = ()) -> str:
    if not after and not before:
        return FIRST
    value = ["after", *after] if after else ["before", *before]
    return base64.b64encode(orjson.dumps(value)).decode()


def _read(cursor: Any) -> tuple[str, Key]:
    try:
        value = orjson.loads(base64.b64decode(cursor, validate=True))
    except (TypeError, ValueError, binascii.Error):
        value = None
    if not isinstance(value, list) or not value or value[0] not in ("after", "before"):
        raise invalid("is not a cursor of this API", "pagination.cursor")
    return value[0], tuple(value[1:])
