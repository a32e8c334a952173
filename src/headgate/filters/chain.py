"""All filters of one destination, compiled."""

from __future__ import annotations

import logging
import random as chance
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate.filters.actions import ORDER, Action, action_of, edit, passes
from headgate.filters.error import FilterError
from headgate.fql import FqlError, Query, TooCostly, read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_log = logging.getLogger("headgate.filters")


class Rule(NamedTuple):
    """
    A stored filter (SPEC 9.1).

    query      FQL text, or "all"
    actions    JSON objects: {"type": "DROP"}, {"type": "SAMPLE", "percent": 0.5, "path": "userId"}, ...
    """

    query: str
    actions: Sequence[Mapping[str, Any]]


class FilterChain:
    """
    The enabled filters of a destination. Raises FilterError.

    rules     in order of creation
    random    draws from [0, 1), for SAMPLE actions without a path
    """

    __slots__ = ("_has_warned", "_queries", "_random", "_steps")

    def __init__(self, rules: Sequence[Rule] = (), *, random: Callable[[], float] = chance.random) -> None:
        self._random = random
        self._has_warned = False
        self._queries: list[Query] = []
        steps: list[tuple[Action, int]] = []
        for index, rule in enumerate(rules):
            try:
                self._queries.append(Query(rule.query))
            except FqlError as error:
                raise FilterError(f"if: {error}") from None
            if not rule.actions:
                raise FilterError("actions must hold at least one")
            steps += [(action_of(action), index) for action in rule.actions]
        # A stable sort: within a kind, the order of creation remains.
        self._steps = tuple(sorted(steps, key=lambda step: ORDER.index(step[0].kind)))

    def apply(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """
        The event that the destination receives: *event* itself if no filter changed it, otherwise a modified copy; None
        if it is dropped. *event* is never modified. An event whose filters fail to evaluate is dropped (SPEC 9.1).
        """
        if not self._steps:
            return event
        try:
            return self._apply(event)
        except TooCostly:
            if not self._has_warned:
                self._has_warned = True
                _log.warning("a filter takes too long for an event; such events are dropped")
            return None
        except Exception:  # noqa: BLE001 - fail closed: an event that was not judged is not delivered
            _log.exception("a filter could not be evaluated; the event is dropped")
            return None

    def _apply(self, event: dict[str, Any]) -> dict[str, Any] | None:
        matched = [query.matches(event) for query in self._queries]
        result = event
        for action, index in self._steps:
            if not matched[index]:
                continue
            if action.kind == "DROP":
                return None
            if action.kind == "SAMPLE":
                value = read(event, action.path) if action.path is not None else None
                if not passes(action, value, self._random):
                    return None
            else:
                result = edit(result, action)
        return result
