"""
Plans the changes that make the registry match a manifest.

Unless pruned, whatever the file does not name stays as it is: sources, functions and destinations; the filters or the
function of a destination without `filters` or `function`; write keys; secrets. Whatever it names becomes as the file says,
and attributes that are absent get their defaults.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from headgate.registry import functions, instances, lifecycle, sources, workspaces
from headgate.registry.functions import Code
from headgate.registry.manifest import diff
from headgate.registry.manifest.model import below
from headgate.registry.manifest.plan_destinations import add_destinations, prune_sources
from headgate.registry.manifest.steps import Planning
from headgate.registry.manifest.values import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.registry.manifest import model
    from headgate.registry.manifest.model import Manifest
    from headgate.registry.manifest.steps import Plan
    from headgate.registry.store import Change, View


def plan(
    view: View,
    manifest: Manifest,
    codes: Mapping[str, Code],
    environ: Mapping[str, str],
    *,
    prune: bool = False,
) -> Plan:
    """*codes* are by name of function. Raises ManifestError."""
    planning = Planning(view, manifest, codes, Environment(environ), prune=prune)
    _add_workspace(planning)
    if prune:
        prune_sources(planning)
    for number, function in enumerate(manifest.functions):
        _add_function(planning, function, f"functions[{number}]")
    for number, source in enumerate(manifest.sources):
        _add_source(planning, source, f"sources[{number}]")
    add_destinations(planning)
    if prune:
        _prune_functions(planning)
    planning.plan.kept = planning.environment.kept
    return planning.plan


def _add_workspace(planning: Planning) -> None:
    wanted, there = planning.manifest.workspace, planning.workspace
    what = f"workspace {wanted.slug}"
    if there is None:
        act = partial(
            workspaces.create,
            slug=wanted.slug,
            name=wanted.name,
            egress_allow=wanted.egress_allow,
            egress_deny=wanted.egress_deny,
        )
        lists = {
            "egress_allow": list(wanted.egress_allow) or None,
            "egress_deny": list(wanted.egress_deny) or None,
        }
        planning.plan.add(
            "+", what, "workspace", act, diff.new({"name": wanted.name or wanted.slug, **lists})
        )
        return
    pairs = {
        "name": (there.name, there.name if wanted.name is None else wanted.name),
        "egress_allow": (list(there.egress_allow), list(wanted.egress_allow)),
        "egress_deny": (list(there.egress_deny), list(wanted.egress_deny)),
    }
    lines = diff.changed(pairs)
    if lines:
        modify = partial(
            workspaces.modify,
            workspace=there.id,
            name=wanted.name,
            egress_allow=wanted.egress_allow,
            egress_deny=wanted.egress_deny,
        )
        planning.plan.add("~", what, "workspace", modify, lines)


def _add_source(planning: Planning, wanted: model.Source, place: str) -> None:
    there = planning.source(wanted.slug)
    keys = None
    if wanted.write_keys is not None:
        keys = [
            planning.environment.text(key, below(place, "write_keys", number))
            for number, key in enumerate(wanted.write_keys)
        ]
    if there is None:
        _add_new_source(planning, wanted, keys, place)
        return
    lines = diff.changed(
        {
            "name": (there.name, there.name if wanted.name is None else wanted.name),
            "enabled": (there.enabled, wanted.enabled),
        }
    )
    added = [key for key in keys or () if key not in there.write_keys]
    dropped = [key for key in there.write_keys if planning.prune and keys is not None and key not in keys]
    lines += [f"write key added: {diff.short_key(key)}" for key in added]
    lines += [f"write key removed: {diff.short_key(key)}" for key in dropped]

    def act(change: Change) -> None:
        sources.modify(change, there.id, name=wanted.name, enabled=wanted.enabled)
        for key in added:
            sources.add_key(change, there.id, key)
        for key in dropped:
            sources.remove_key(change, there.id, key)

    if lines:
        planning.plan.add("~", f"source {wanted.slug}", place, act, lines)


def _add_new_source(planning: Planning, wanted: model.Source, keys: list[str] | None, place: str) -> None:
    lines = diff.new({"name": wanted.name or wanted.slug, "enabled": wanted.enabled})
    lines += (
        ["write key: a new one"] if keys is None else [f"write key: {diff.short_key(key)}" for key in keys]
    )

    def act(change: Change) -> None:
        made = sources.create(
            change,
            planning.workspace_id(change),
            slug=wanted.slug,
            name=wanted.name,
            enabled=wanted.enabled,
            keys=keys,
        )
        if keys is None:
            planning.plan.made[made.slug] = made.write_keys[0]

    planning.plan.add("+", f"source {wanted.slug}", place, act, lines)


def _add_function(planning: Planning, wanted: model.Function, place: str) -> None:
    there = planning.functions.get(wanted.name)
    code = planning.codes[wanted.name]
    definitions = tuple(each.definition() for each in wanted.settings)
    facts: dict[str, Any] = {
        "description": wanted.description,
        "logo_url": wanted.logo_url,
        "batch_max_count": wanted.batch_max_count,
        "isolation": wanted.isolation,
        "time_ms": wanted.time_ms,
    }
    given = {key: value for key, value in facts.items() if value is not None}
    what = f"function {wanted.name}"
    if there is None:

        def create(change: Change) -> None:
            functions.create(
                change,
                planning.workspace_id(change),
                display_name=wanted.name,
                code=code,
                definitions=definitions,
                **given,
            )

        lines = [diff.size_of(code), *diff.new_definitions(definitions), *diff.new(given)]
        planning.plan.add("+", what, place, create, lines)
        return
    running = there.running
    lines = diff.changed_code(Code(running.code, running.language), code)
    lines += diff.changed_definitions(running.settings, definitions)
    saves = bool(lines)
    behind = [each for each in instances.listed(planning.view, there.id) if each.version != running.id]
    if behind and not saves:
        lines.append(f"deployed: version {running.number} to {len(behind)} more instances")
    lines += diff.changed({key: (getattr(there, key), value) for key, value in given.items()})

    def act(change: Change) -> None:
        functions.modify(change, there.id, **given)
        if saves:
            lifecycle.save(change, there.id, code=code, definitions=definitions)
            lifecycle.deploy(change, there.id)
        elif behind:
            lifecycle.deploy(change, there.id, version=running.id)

    if lines:
        planning.plan.add("~", what, place, act, lines)


def _prune_functions(planning: Planning) -> None:
    named = {each.name for each in planning.manifest.functions}
    if planning.workspace is None:
        return
    for function in functions.listed(planning.view, planning.workspace.id):
        if function.display_name not in named:
            act = partial(lifecycle.remove, function=function.id)
            planning.plan.add("-", f"function {function.display_name}", "functions", act)
