"""
The one list of what is measured. A section answers one question or a few: a module with

    measure(effort, progress) -> Found      a frozen dataclass that becomes JSON; a coroutine function or a plain one
    tables(found) -> list[Table]            what is shown of it
    targets(found) -> list[Target]          what is meant to be reached

It is imported when it is measured, and not before.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from benchmarks.effort import Effort
    from benchmarks.progress import Progress
    from benchmarks.table import Table
    from benchmarks.target import Target


class Module(Protocol):
    """`measure` raises Mismatch for a wrong output that cannot be shown as a disqualification."""

    def measure(self, effort: Effort, progress: Progress) -> Any: ...
    def tables(self, found: Any) -> list[Table]: ...
    def targets(self, found: Any) -> list[Target]: ...


class Section(NamedTuple):
    """*name* is its module's. *quick*: part of the quick run, else of the full one alone."""

    name: str
    quick: bool = True

    def module(self) -> Module:
        return cast("Module", importlib.import_module(f"{__name__}.{self.name}"))


SECTIONS: Final = (
    Section("executor"),
    Section("transform"),
    Section("coldstart"),
    Section("crowd"),
    Section("tenants"),
    Section("growth"),
    Section("neighbour"),
    Section("boundary"),
    Section("hashing"),
    Section("compiling"),
    Section("pipeline"),
    Section("processes"),
    Section("neighbours", quick=False),
    Section("counters", quick=False),
    Section("administration", quick=False),
    Section("retries", quick=False),
)
"""In the order of the report."""


def chosen(names: list[str] | None, *, full: bool) -> list[Section]:
    """Those of *names*, or the usual ones. Raises ValueError for a name that is none."""
    if names is None:
        return [section for section in SECTIONS if full or section.quick]
    known = {section.name: section for section in SECTIONS}
    if unknown := sorted(set(names) - set(known)):
        raise ValueError(f"no such section: {', '.join(unknown)}; there are {', '.join(known)}")
    return [section for section in SECTIONS if section.name in names]
