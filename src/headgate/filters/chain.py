"""All filters of one destination, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FilterError(ValueError):
    """A filter that cannot be saved. The message names the field, the limit or the place in the FQL text."""


class Rule(NamedTuple):
    """
    A filter as it was saved (SPEC 9.1).

    query      FQL text, or "all"
    actions    as on the wire: {"type": "DROP"}, {"type": "SAMPLE", "percent": 0.5, "path": "userId"}, ...
    """

    query: str
    actions: Sequence[Mapping[str, Any]]


class FilterChain:
    """*rules* in order of creation, enabled ones only. Raises FilterError."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self._rules = tuple(rules)

    def apply(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """
        The event as the destination gets it: *event* itself when nothing changed, a copy where a property action did;
        None when it is dropped. *event* is never changed. Trouble while evaluating drops the event (SPEC 9.1).
        """
        raise NotImplementedError
