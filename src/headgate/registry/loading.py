"""
From the tables to the picture that the event path goes by. What did not change since the last picture is taken from it:
settings stay opened, filters compiled.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import orjson
from sqlalchemy import case, func, or_, select

from headgate.filters import FilterChain, FilterError, Rule
from headgate.registry import canonical, destinations, instances, kinds, settings
from headgate.registry import tables as t
from headgate.registry.secrets import Undecryptable
from headgate.registry.settings import Definition
from headgate.registry.snapshot import (
    Destination,
    Function,
    Instance,
    Snapshot,
    Source,
    Version,
    Workspace,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sqlalchemy import Row

    from headgate.registry.snapshot import Language
    from headgate.registry.store import Registry, View

_CODES_AT_ONCE: Final = 500

_Basis = TypeVar("_Basis")
_Made = TypeVar("_Made")


class _Chain(NamedTuple):
    """The filters of a destination, and why they cannot be read."""

    filters: FilterChain
    fault: str | None


_NO_FILTERS: Final = _Chain(FilterChain(), None)


class SnapshotStore:
    """
    The newest picture of the registry. One for each process; threads may share it.

    `current` and `load` look into the database only when something was changed, which `is_current` knows from the
    revision cell, without asking anybody.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._seen = -1
        self._snapshot: Snapshot | None = None
        self._taker = _Taker(registry.directory.sinks)

    @property
    def snapshot(self) -> Snapshot:
        """The last picture that was taken. Before any was, it is taken now. Raises Unavailable."""
        return self._snapshot or self.load()

    @property
    def is_current(self) -> bool:
        """Whether nothing was committed since. Costs a look at 8 bytes."""
        return self._registry.cell.value == self._seen

    async def current(self) -> Snapshot:
        """The picture of this moment: a change that was committed before the call is in it. Raises Unavailable."""
        if self._snapshot is not None and self.is_current:
            return self._snapshot
        return await asyncio.to_thread(self.load)

    def load(self) -> Snapshot:
        """As `current`, for those who may block."""
        with self._lock:
            if self._snapshot is not None and self.is_current:
                return self._snapshot
            with self._registry.view() as view:
                if self._snapshot is None or view.revision != self._snapshot.revision:
                    self._snapshot = self._taker.take(view)
                self._seen = 2 * view.revision
            if not self.is_current:
                self._registry.settle()
            return self._snapshot


class _Taker:
    """Takes pictures. Everything made is kept, by its id, with what it was made of."""

    def __init__(self, sinks: Path) -> None:
        self._sinks = sinks
        self._versions: dict[str, tuple[_VersionBasis, Version]] = {}
        self._definitions: dict[str, tuple[str, tuple[Definition, ...]]] = {}
        self._instances: dict[str, tuple[_InstanceBasis, Instance]] = {}
        self._chains: dict[str, tuple[list[tuple[str, str]], _Chain]] = {}
        self._destinations: dict[str, tuple[_DestinationBasis, Destination]] = {}

    def take(self, view: View) -> Snapshot:
        columns = t.workspaces.c["id", "slug", "name", "weight"]
        workspaces = {row.id: Workspace(*row) for row in view.connection.execute(select(*columns))}
        functions = self._take_functions(view)
        bound = self._take_instances(view, functions)
        self._take_chains(view)
        sources = self._take_sources(view, bound)
        return Snapshot(
            revision=view.revision,
            workspaces=MappingProxyType(workspaces),
            sources=MappingProxyType(sources),
            by_write_key=MappingProxyType(
                {key: source for source in sources.values() for key in source.write_keys}
            ),
            destinations=MappingProxyType(
                {each.id: each for source in sources.values() for each in source.destinations}
            ),
            versions=MappingProxyType({each.id: each.version for each in functions.values()}),
            functions=MappingProxyType(functions),
        )

    def _take_functions(self, view: View) -> dict[str, Function]:
        """All functions by id; and the versions that somebody may run."""
        v, f = t.function_versions.c, t.functions.c
        deployed = func.max(case((v.deployed_at.is_not(None), v.number)))
        default = (
            select(v.function_id, func.coalesce(deployed, func.max(v.number)).label("number"))
            .group_by(v.function_id)
            .subquery()
        )
        is_default = v.number == default.c.number
        rows = view.connection.execute(
            select(v.id, v.function_id, v.language, v.settings, is_default.label("is_default"))
            .join(default, default.c.function_id == v.function_id)
            .where(or_(is_default, v.id.in_(select(t.instances.c.version_id))))
        ).all()
        codes = _codes(view, [row.id for row in rows if row.id not in self._versions])
        self._versions = _renewed(
            self._versions,
            ((row.id, _VersionBasis(row.function_id, row.language)) for row in rows),
            lambda name, basis: Version(
                id=name,
                function=basis.function,
                code=codes[name],
                language=basis.language,
            ),
        )
        self._definitions = _renewed(
            self._definitions,
            ((row.id, row.settings) for row in rows),
            lambda _, text: tuple(Definition(**each) for each in canonical.read(text)),
        )
        runs = {row.function_id: self._versions[row.id][1] for row in rows if row.is_default}
        return {
            row.id: Function(
                row.id, row.workspace_id, runs[row.id], row.batch_max_count, row.isolation, row.time_ms
            )
            for row in view.connection.execute(
                select(f.id, f.workspace_id, f.batch_max_count, f.isolation, f.time_ms)
            )
        }

    def _take_instances(self, view: View, functions: dict[str, Function]) -> dict[str, Instance]:
        """All instances, by destination."""
        i = t.instances.c
        rows = view.connection.execute(
            select(
                i.id,
                i.name,
                i.function_id,
                i.version_id,
                i.enabled,
                i.settings,
                i.encrypted_settings,
                i.destination_id,
            )
        ).all()
        self._instances = _renewed(
            self._instances,
            (
                (row.id, _InstanceBasis(row, functions[row.function_id], *self._known(row.version_id)))
                for row in rows
            ),
            lambda _, basis: _instance(view, basis),
        )
        return {row.destination_id: self._instances[row.id][1] for row in rows}

    def _known(self, version: str) -> tuple[Version, tuple[Definition, ...]]:
        return self._versions[version][1], self._definitions[version][1]

    def _take_chains(self, view: View) -> None:
        f = t.filters.c
        rules: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for row in view.connection.execute(
            select(f.destination_id, f.query, f.actions)
            .where(f.enabled)
            .order_by(f.destination_id, f.position)
        ):
            rules[row.destination_id].append((row.query, row.actions))
        self._chains = _renewed(self._chains, rules.items(), lambda _, basis: _chain(basis))

    def _take_sources(self, view: View, bound: dict[str, Instance]) -> dict[str, Source]:
        s, d, k = t.sources.c, t.destinations.c, t.write_keys.c
        sources = view.connection.execute(
            select(s.id, s.slug, s.name, s.workspace_id, s.enabled).order_by(s.created_at, s.id)
        ).all()
        workspace = {row.id: row.workspace_id for row in sources}
        keys: dict[str, list[str]] = defaultdict(list)
        for key in view.connection.execute(select(k.source_id, k.key).order_by(k.position)):
            keys[key.source_id].append(key.key)
        rows = view.connection.execute(
            select(d.id, d.name, d.source_id, d.kind, d.enabled, d.settings, d.encrypted_settings).order_by(
                d.created_at, d.id
            )
        ).all()
        self._destinations = _renewed(
            self._destinations,
            (
                (
                    row.id,
                    _DestinationBasis(
                        row, workspace[row.source_id], self._chain_of(row.id), bound.get(row.id)
                    ),
                )
                for row in rows
            ),
            lambda _, basis: _destination(view, basis, self._sinks),
        )
        of_source: dict[str, list[Destination]] = defaultdict(list)
        for row in rows:
            of_source[row.source_id].append(self._destinations[row.id][1])
        return {
            row.id: Source(
                row.id,
                row.slug,
                row.name,
                row.workspace_id,
                row.enabled,
                tuple(keys[row.id]),
                tuple(of_source[row.id]),
            )
            for row in sources
        }

    def _chain_of(self, destination: str) -> _Chain:
        held = self._chains.get(destination)
        return _NO_FILTERS if held is None else held[1]


class _VersionBasis(NamedTuple):
    function: str
    language: Language


class _InstanceBasis(NamedTuple):
    row: Row[*tuple[Any, ...]]
    function: Function
    version: Version
    definitions: tuple[Definition, ...]


class _DestinationBasis(NamedTuple):
    row: Row[*tuple[Any, ...]]
    workspace: str
    chain: _Chain
    instance: Instance | None


def _renewed(
    old: dict[str, tuple[_Basis, _Made]],
    wanted: Iterable[tuple[str, _Basis]],
    make: Callable[[str, _Basis], _Made],
) -> dict[str, tuple[_Basis, _Made]]:
    """For each of *wanted* what there was, if it was made of the same, or a new one."""
    new = {}
    for name, basis in wanted:
        held = old.get(name)
        new[name] = held if held is not None and held[0] == basis else (basis, make(name, basis))
    return new


def _codes(view: View, names: list[str]) -> dict[str, str]:
    v = t.function_versions.c
    codes: dict[str, str] = {}
    for start in range(0, len(names), _CODES_AT_ONCE):
        some = names[start : start + _CODES_AT_ONCE]
        codes |= {
            row.id: row.code for row in view.connection.execute(select(v.id, v.code).where(v.id.in_(some)))
        }
    return codes


def _instance(view: View, basis: _InstanceBasis) -> Instance:
    row, function, version, known = basis
    secret: dict[str, Any] = {}
    fault = None
    try:
        secret = instances.opened(view, row.id, row.encrypted_settings)
    except Undecryptable:
        fault = "a secret setting cannot be decrypted: set it anew"
    values = settings.merged(known, canonical.read(row.settings), secret)
    return Instance(
        id=row.id,
        name=row.name,
        function=row.function_id,
        enabled=row.enabled,
        version=version,
        settings=orjson.dumps(values),
        secrets=tuple(settings.texts(list(secret.values()))),
        batch_max_count=function.batch_max_count,
        isolation=function.isolation,
        time_ms=function.time_ms,
        fault=fault or settings.fault(known, values),
    )


def _chain(rules: list[tuple[str, str]]) -> _Chain:
    try:
        return _Chain(FilterChain([Rule(query, canonical.read(actions)) for query, actions in rules]), None)
    except FilterError as error:
        return _Chain(_NOTHING, f"a filter cannot be read: {error}")


def _destination(view: View, basis: _DestinationBasis, sinks: Path) -> Destination:
    row, workspace, chain, instance = basis
    secret: dict[str, str] = {}
    fault = chain.fault
    try:
        secret = destinations.opened(view, row.id, row.encrypted_settings)
    except Undecryptable:
        fault = "a secret of the destination cannot be decrypted: set it anew"
    made = kinds.whole(row.kind, canonical.read(row.settings), secret)
    if row.kind == "sink":
        made["path"] = str(sinks / made["path"])
    return Destination(
        id=row.id,
        name=row.name,
        workspace=workspace,
        source=row.source_id,
        kind=row.kind,
        catalog_name=kinds.CATALOG_NAMES[row.kind],
        enabled=row.enabled,
        settings=MappingProxyType(made),
        filters=chain.filters,
        instance=instance,
        fault=fault,
    )


_NOTHING: Final = FilterChain([Rule("all", [{"type": "DROP"}])])
"""Lets nothing pass, as trouble with a filter must not (SPEC 9.1)."""
