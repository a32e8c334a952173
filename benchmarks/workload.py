"""The fixed workload (workload/): functions, events, and their expected outputs."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

DIRECTORY: Final = Path(__file__).parent / "workload"

TITLES: Final = {
    "f1": "passthrough",
    "f2": "enrich and mask",
    "f3": "filter",
    "f4": "CPU-heavy",
}
"""Titles of the functions."""

LIBRARY_USERS: Final = ("lodash", "moment", "aws")
"""Functions that use a library, by name: they measure its cost to compile and per event."""


class Mismatch(Exception):
    """A contestant's output differs from the reference: its figures would mean nothing."""


class Work(NamedTuple):
    """The workload's files. *events* hold one JSON text each, *digests* what `digest` must give for each of them."""

    sources: dict[str, str]
    settings: bytes
    events: list[bytes]
    digests: dict[str, list[str | None]]

    def check(self, name: str, contestant: str, outputs: Sequence[bytes | None], first: int = 0) -> None:
        """
        Compares *outputs* of function *name*, for the events from number *first* on and round again, byte for byte
        with the reference. Raises Mismatch.
        """
        expected = self.digests[name]
        for index, output in enumerate(outputs, first):
            if digest(output) != expected[index % len(expected)]:
                raise Mismatch(
                    f"{contestant}, {name}: wrong output for event {index % len(expected) + 1}: {output!r:.200}"
                )


def digest(output: bytes | None) -> str | None:
    """Stands for an output in the reference; None for an event that was filtered."""
    return None if output is None else hashlib.sha256(output).hexdigest()[:16]


@functools.cache
def load() -> Work:
    return Work(
        sources={name: source(name) for name in TITLES},
        settings=(DIRECTORY / "settings.json").read_bytes().strip(),
        events=(DIRECTORY / "events.jsonl").read_bytes().splitlines(),
        digests=json.loads((DIRECTORY / "reference.json").read_text()),
    )


def source(name: str) -> str:
    return (DIRECTORY / f"{name}.js").read_text()
