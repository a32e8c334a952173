"""A registry with deterministic time and entropy, and resources in it."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from headgate.paths import DataDirectory
from headgate.registry import database, destinations, functions, instances, records, sources, workspaces
from headgate.registry.functions import Code
from headgate.registry.settings import Definition
from headgate.registry.store import Change, Registry
from headgate_runtime import Answer

CODE = Code("onTrack = (event) => event", "javascript")
CODE_2 = Code("onTrack = (event) => null", "javascript")

SECRET = "correct horse battery staple"


class TickingClock:
    """A clock that advances by a second whenever it is read."""

    def __init__(self, start: int = 1_000_000) -> None:
        self._ticks = itertools.count(start, 1_000)

    def wall_ms(self) -> float:
        return next(self._ticks)

    def monotonic_ms(self) -> float:
        return self.wall_ms()

    async def wait(
        self, tasks: Collection[asyncio.Task[Answer]], timeout_ms: float
    ) -> set[asyncio.Task[Answer]]:
        raise AssertionError((tasks, timeout_ms))


class SeededEntropy:
    """Random bytes that are the same in every run."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._count = itertools.count()

    def __call__(self, size: int) -> bytes:
        return hashlib.shake_128(f"{self._seed}{next(self._count)}".encode()).digest(size)


@functools.cache
def _empty_registry() -> bytes:
    """The content of the file of an empty registry, whose tables take longer to create than most tests."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "registry.sqlite"
        engine = database.connect(path)
        database.upgrade(engine)
        engine.dispose()
        return path.read_bytes()


def create_tables(directory: DataDirectory) -> None:
    """Creates *directory* with an empty registry."""
    directory.create()
    directory.registry.touch(0o600)
    directory.registry.write_bytes(_empty_registry())


def open_registry(root: Path, **environ: str) -> Registry:
    return Registry.open(DataDirectory(root), clock=TickingClock(), entropy=SeededEntropy(), environ=environ)


def definition(name: str, **facts: Any) -> Definition:
    return Definition(name, name.capitalize(), **facts)


class RegistryHarness:
    """A workspace with a source; methods create further resources."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        with registry.change() as change:
            self.workspace = workspaces.create(change, slug="acme")
            self.source = sources.create(change, self.workspace.id, slug="web")

    def do(self, act: Callable[[Change], Any]) -> Any:
        with self.registry.change() as change:
            return act(change)

    def see(self, look: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        with self.registry.view() as view:
            return look(view, *arguments, **options)

    def destination(self, name: str = "Hook", **settings: Any) -> records.Destination:
        with self.registry.change() as change:
            return destinations.create(
                change,
                self.source.id,
                kind="webhook",
                name=name,
                settings={"url": "https://example.com/", **settings},
            )

    def function(
        self, *definitions: Definition, name: str = "Enrich", code: Code = CODE, **facts: Any
    ) -> records.Function:
        with self.registry.change() as change:
            return functions.create(
                change, self.workspace.id, display_name=name, code=code, definitions=definitions, **facts
            )

    def instance(
        self, function: records.Function, destination: records.Destination, **facts: Any
    ) -> records.Instance:
        with self.registry.change() as change:
            return instances.create(
                change, function=function.id, destination=destination.id, name="Instance", **facts
            )


def dump(root: Path) -> Sequence[str]:
    """Everything the database holds, as SQL."""
    connection = sqlite3.connect(root / "registry.sqlite")
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def bytes_below(root: Path) -> bytes:
    """The content of all files of a data directory except its key."""
    return b"".join(
        path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and path.name != "master.key"
    )
