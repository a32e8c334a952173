"""
Builds the snapshot that the event path works from out of the tables. Whatever has not changed since the last snapshot is
reused: its settings stay decrypted, its filters compiled.
"""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, TypeVar

import orjson
from sqlalchemy import case, func, or_, select

from headgate.filters import FilterChain, FilterError, Rule
from headgate.registry import canonical, destinations, instances, kinds, quotas, regulations, settings
from headgate.registry import tables as t
from headgate.registry import workspaces as tenants
from headgate.registry.secrets import Undecryptable
from headgate.registry.settings import Definition
from headgate.registry.snapshot import (
    NO_QUOTAS,
    NOBODY,
    Destination,
    Function,
    Instance,
    Snapshot,
    Source,
    Suppressed,
    Version,
    Workspace,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from headgate.registry.snapshot import DestinationKind, Language
    from headgate.registry.store import View

_CODES_AT_ONCE: Final = 500

_Basis = TypeVar("_Basis")
_Made = TypeVar("_Made")


class _Chain(NamedTuple):
    """The filters of a destination; *fault* says why they cannot be read, if they cannot."""

    filters: FilterChain
    fault: str | None


_NO_CHAIN: Final = ((), _Chain(FilterChain(), None))


class SnapshotTaker:
    """Keeps what it built, by id, with what it was built from. *sinks* is the directory of the sinks' files."""

    def __init__(self, sinks: Path) -> None:
        self._sinks = sinks
        self._versions: dict[str, tuple[_VersionBasis, Version]] = {}
        self._functions: dict[str, tuple[tuple[Any, ...], Function]] = {}
        self._definitions: dict[str, tuple[str, tuple[Definition, ...]]] = {}
        self._instances: dict[str, tuple[_InstanceBasis, Instance]] = {}
        self._chains: dict[str, tuple[list[tuple[str, str]], _Chain]] = {}
        self._destinations: dict[str, tuple[_DestinationBasis, Destination]] = {}
        self._suppressed: tuple[tuple[int, int], dict[tuple[str, str], Suppressed]] = ((-1, -1), {})

    def take(self, view: View) -> Snapshot:
        """The registry as *view* shows it."""
        bounds = quotas.listed(view)
        workspaces = {
            each.id: Workspace(
                each.id,
                each.slug,
                each.name,
                each.weight,
                each.egress_allow,
                each.egress_deny,
                bounds.get(each.id, NO_QUOTAS),
            )
            for each in tenants.listed(view)
        }
        functions = self._take_functions(view)
        bound = self._take_instances(view, functions)
        self._take_chains(view)
        mark = regulations.mark(view)
        if mark != self._suppressed[0]:
            self._suppressed = (mark, regulations.suppressed(view))
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
        """All functions, by id. Also loads the versions that may run: default ones, and those of instances."""
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
        facts = select(f.id, f.workspace_id, f.batch_max_count, f.isolation, f.time_ms)
        self._functions = _renewed(
            self._functions,
            (
                (name, (name, workspace, runs[name], *limits))
                for name, workspace, *limits in view.connection.execute(facts)
            ),
            lambda _, basis: Function(*basis),
        )
        return {name: function for name, (_, function) in self._functions.items()}

    def _take_instances(self, view: View, functions: dict[str, Function]) -> dict[str, Instance]:
        """All instances, by destination."""
        i = t.instances.c
        rows = view.connection.execute(
            select(
                i.id,
                i.name,
                i.enabled,
                i.settings,
                i.encrypted_settings,
                i.function_id,
                i.version_id,
                i.destination_id,
            )
        )
        kept = [_InstanceRow._make(row) for row in rows]
        self._instances = _renewed(
            self._instances,
            (
                (
                    row.id,
                    (
                        row,
                        functions[row.function],
                        self._versions[row.version][1],
                        self._definitions[row.version][1],
                    ),
                )
                for row in kept
            ),
            lambda _, basis: _instance(view, *basis),
        )
        return {row.destination: self._instances[row.id][1] for row in kept}

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
            select(d.id, d.source_id, d.name, d.kind, d.enabled, d.settings, d.encrypted_settings).order_by(
                d.created_at, d.id
            )
        )
        kept = [_DestinationRow._make(row) for row in rows]
        self._destinations = _renewed(
            self._destinations,
            (
                (
                    row.id,
                    (
                        row,
                        workspace[row.source],
                        self._chains.get(row.id, _NO_CHAIN)[1],
                        bound.get(row.id),
                    ),
                )
                for row in kept
            ),
            lambda _, basis: _destination(view, *basis, sinks=self._sinks),
        )
        of_source: dict[str, list[Destination]] = defaultdict(list)
        for row in kept:
            of_source[row.source].append(self._destinations[row.id][1])
        suppressed = self._suppressed[1]
        return {
            row.id: Source(
                row.id,
                row.slug,
                row.name,
                row.workspace_id,
                row.enabled,
                tuple(keys[row.id]),
                tuple(of_source[row.id]),
                suppressed.get((row.workspace_id, row.id)) or suppressed.get((row.workspace_id, ""), NOBODY),
            )
            for row in sources
        }


class _VersionBasis(NamedTuple):
    function: str
    language: Language


class _InstanceRow(NamedTuple):
    """Not SQLAlchemy's Row: named look-ups in ten thousands of those took as long as everything else."""

    id: str
    name: str
    enabled: bool
    settings: str
    encrypted_settings: str
    function: str
    version: str
    destination: str


class _DestinationRow(NamedTuple):
    id: str
    source: str
    name: str
    kind: DestinationKind
    enabled: bool
    settings: str
    encrypted_settings: str


_InstanceBasis: TypeAlias = "tuple[_InstanceRow, Function, Version, tuple[Definition, ...]]"
_DestinationBasis: TypeAlias = "tuple[_DestinationRow, str, _Chain, Instance | None]"


def _renewed(
    old: dict[str, tuple[_Basis, _Made]],
    wanted: Iterable[tuple[str, _Basis]],
    make: Callable[[str, _Basis], _Made],
) -> dict[str, tuple[_Basis, _Made]]:
    """Each of *wanted*: the existing object, if it was built from the same values, or else a new one."""
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


def _instance(
    view: View, row: _InstanceRow, function: Function, version: Version, known: tuple[Definition, ...]
) -> Instance:
    secret: dict[str, Any] = {}
    fault = None
    try:
        secret = instances.opened(view, row.id, row.encrypted_settings)
    except Undecryptable:
        fault = "a secret setting cannot be decrypted: set it again"
    values = settings.merged(known, canonical.read(row.settings), secret)
    return Instance(
        id=row.id,
        name=row.name,
        function=function.id,
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


def _destination(
    view: View, row: _DestinationRow, workspace: str, chain: _Chain, instance: Instance | None, sinks: Path
) -> Destination:
    secret: dict[str, str] = {}
    fault = chain.fault
    try:
        secret = destinations.opened(view, row.id, row.encrypted_settings)
    except Undecryptable:
        fault = "a secret of the destination cannot be decrypted: set it again"
    made = kinds.whole(row.kind, canonical.read(row.settings), secret)
    if row.kind == "sink":
        made["path"] = str(sinks / made["path"])
    return Destination(
        id=row.id,
        name=row.name,
        workspace=workspace,
        source=row.source,
        kind=row.kind,
        catalog_name=kinds.CATALOG_NAMES[row.kind],
        enabled=row.enabled,
        settings=MappingProxyType(made),
        filters=chain.filters,
        instance=instance,
        fault=fault,
    )


_NOTHING: Final = FilterChain([Rule("all", [{"type": "DROP"}])])
"""Drops everything: the chain for filters that cannot be read, which must fail closed (SPEC 9.1)."""
