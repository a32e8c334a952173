"""Byte budgets for the bodies of fetches in progress, so that many fetches together cannot exhaust memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from headgate_runtime.fetch.failure import SystemFailure

if TYPE_CHECKING:
    from types import TracebackType


class Budget:
    """A limit in bytes. What is taken from it is taken from its *parent* as well."""

    __slots__ = ("_limit", "_parent", "used")

    def __init__(self, limit: int, parent: Budget | None = None) -> None:
        self._limit = limit
        self._parent = parent
        self.used = 0

    def take(self, size: int) -> bool:
        """Take *size* bytes. Returns False and takes nothing when this budget or its parent has fewer left."""
        if self.used + size > self._limit or (self._parent is not None and not self._parent.take(size)):
            return False
        self.used += size
        return True

    def give_back(self, size: int) -> None:
        self.used -= size
        if self._parent is not None:
            self._parent.give_back(size)


class Share:
    """The part of a budget that one fetch holds; returned when the `with` block ends."""

    __slots__ = ("_budget", "_held")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, size: int) -> None:
        """Take *size* more bytes. Raises SystemFailure when the budget has fewer left."""
        if not self._budget.take(size):
            raise SystemFailure("ENOBUFS", "too many bytes are under way in other requests")
        self._held += size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.give_back(self._held)
        self._held = 0
