"""
Parts of sorted lists (keyset pagination). A part begins next to a sort key, not after a number of entries, so that
concurrent insertions and deletions move no entry from one part to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import tuple_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, RowMapping, Select

    from headgate.registry.store import View

Key = tuple[Any, ...]
"""A sort key: an entry's values of the columns the list is ordered by. It is unique within the list."""


class Span(NamedTuple):
    """
    At most *most* entries: those following the key *after*, or else the last ones preceding the key *before*, or else the
    first ones. The entries with these keys need not exist any more.
    """

    most: int | None = None
    after: Key = ()
    before: Key = ()


ALL: Final = Span()


def read(
    view: View,
    query: Select[Any],
    order: Sequence[ColumnElement[Any]],
    span: Span,
    *,
    descending: bool = False,
) -> Sequence[RowMapping]:
    """The rows of *query* within *span*, sorted by *order*, whose values must be unique."""
    key = span.before or span.after
    falls = descending != bool(span.before)
    if key:
        here = order[0] if len(order) == 1 else tuple_(*order)
        there = key[0] if len(order) == 1 else key
        query = query.where(here < there if falls else here > there)
    query = query.order_by(*(column.desc() if falls else column for column in order)).limit(span.most)
    rows = view.connection.execute(query).mappings().all()
    return rows[::-1] if span.before else rows
