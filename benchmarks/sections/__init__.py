"""
The list of sections. A section answers one question or a few; it is a module, imported only when it is measured, with

    EFFORTS                                 its Effort for each Scale: numbers of rounds, seconds, sizes
    measure(effort, progress) -> Found      measures; Found is a frozen dataclass that becomes JSON. May be a coroutine function
    tables(found) -> list[Table]            the tables that are printed
    targets(found) -> list[Target]          the targets, with what was measured of each
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.effort import Scale
    from benchmarks.progress import Progress
    from benchmarks.table import Table
    from benchmarks.target import Target


class Module(Protocol):
    """`measure` raises Mismatch for a wrong output that cannot be shown as a disqualification."""

    EFFORTS: Mapping[Scale, Any]

    def measure(self, effort: Any, progress: Progress) -> Any: ...
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
    Section("sandboxes"),
    Section("tenants"),
    Section("growth"),
    Section("noisy_neighbour"),
    Section("boundary"),
    Section("hashing"),
    Section("compiling"),
    Section("pipeline"),
    Section("processes"),
    Section("bad_destinations", quick=False),
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
