"""
Parts of lists. A part begins beside a place in the list's order, not after a count of entries, so that what others make
and delete meanwhile moves no entry from one part to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import tuple_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, RowMapping, Select

    from headgate.registry.store import View

Key = tuple[Any, ...]
"""Where an entry stands: its values of what the list is ordered by. No two entries share one."""


class Span(NamedTuple):
    """
    At most *most* entries: those that follow the key *after*, or the last ones that precede the key *before*, where
    there is one; else the first. The keys need not be there any more.
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
    """The rows of *query* within *span*, in the order of *order*, which tells all rows apart."""
    key = span.before or span.after
    falls = descending != bool(span.before)
    if key:
        here = order[0] if len(order) == 1 else tuple_(*order)
        there = key[0] if len(order) == 1 else key
        query = query.where(here < there if falls else here > there)
    query = query.order_by(*(column.desc() if falls else column for column in order)).limit(span.most)
    rows = view.connection.execute(query).mappings().all()
    return rows[::-1] if span.before else rows
