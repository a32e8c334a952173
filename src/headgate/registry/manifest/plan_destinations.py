"""The part of a plan that concerns destinations: their settings, filters and functions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from headgate.registry import destinations, filters, functions, instances, kinds, settings, sources
from headgate.registry.errors import Refused
from headgate.registry.manifest import diff
from headgate.registry.manifest.model import ManifestError, below
from headgate.registry.manifest.steps import refused
from headgate.registry.secrets import Undecryptable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from headgate.registry import records
    from headgate.registry.manifest import model
    from headgate.registry.manifest.steps import Planning, Sign
    from headgate.registry.settings import Definition
    from headgate.registry.store import Change, View


def add_destinations(planning: Planning) -> None:
    """Raises ManifestError."""
    for number, wanted in enumerate(planning.manifest.destinations):
        _Destination(planning, wanted, f"destinations[{number}]").add()


def prune_sources(planning: Planning) -> None:
    """Plans the removal of sources and destinations that the file does not name."""
    named = {each.slug for each in planning.manifest.sources}
    kept = {(each.source, each.name) for each in planning.manifest.destinations}
    if planning.workspace is None:
        return
    for source in sources.listed(planning.view, planning.workspace.id):
        if source.slug not in named:
            act = partial(sources.remove, source=source.id)
            planning.plan.add("-", f"source {source.slug}, with its destinations", "sources", act)
            continue
        for destination in destinations.listed(planning.view, source=source.id):
            if (source.slug, destination.name) not in kept:
                what = f"destination {source.slug} / {destination.name}"
                remove = partial(destinations.remove, destination=destination.id)
                planning.plan.add("-", what, "destinations", remove)


class _Destination:
    """A destination of the manifest, and its counterpart in the registry, if any."""

    def __init__(self, planning: Planning, wanted: model.Destination, place: str) -> None:
        self.planning = planning
        self.wanted = wanted
        self.place = place
        self.what = f"destination {wanted.source} / {wanted.name}"
        source = planning.source(wanted.source)
        is_named = any(each.slug == wanted.source for each in planning.manifest.sources)
        if not is_named and (source is None or planning.prune):
            raise ManifestError([f"{place}.source: there is no source {wanted.source!r}"])
        self.there = None if source is None else destinations.find(planning.view, source.id, wanted.name)

    def add(self) -> None:
        given = self._settings()
        try:
            parts = kinds.parts(self.wanted.kind, given, () if self.there is None else self.there.secrets)
        except Refused as error:
            raise refused(error, self.place) from None
        if self.there is None:
            self._create(given, parts)
        else:
            self._change(self.there, given, parts)
        self._add_filters()
        self._add_function()

    def id(self, view: View) -> str:
        there = destinations.find(view, self.planning.source_id(view, self.wanted.source), self.wanted.name)
        assert there is not None
        return there.id

    # ---- settings ----

    def _settings(self) -> dict[str, Any]:
        """The settings in the form that kinds.parts takes."""
        stored = () if self.there is None else self.there.secrets
        given = self.wanted.settings
        if kinds.HEADERS in given:
            given[kinds.HEADERS] = {
                name: self.planning.environment.text(
                    value, below(self.place, kinds.HEADERS, name), stored=f"{kinds.HEADERS}.{name}" in stored
                )
                for name, value in given[kinds.HEADERS].items()
            }
        if kinds.SIGNING_SECRET in given:
            given[kinds.SIGNING_SECRET] = self.planning.environment.text(
                given[kinds.SIGNING_SECRET],
                below(self.place, kinds.SIGNING_SECRET),
                stored=kinds.SIGNING_SECRET in stored,
            )
        if self.planning.prune and self.wanted.kind == "webhook":
            return {kinds.HEADERS: {}, kinds.SIGNING_SECRET: None} | given
        return given

    def _create(self, given: dict[str, Any], parts: kinds.Parts) -> None:
        wanted = self.wanted

        def act(change: Change) -> None:
            destinations.create(
                change,
                self.planning.source_id(change, wanted.source),
                kind=wanted.kind,
                settings=given,
                name=wanted.name,
                enabled=wanted.enabled,
            )

        lines = diff.new({"kind": wanted.kind, "enabled": wanted.enabled} | parts.plain)
        lines += diff.changed_secrets((), {}, parts.seal, ())
        self.planning.plan.add("+", self.what, self.place, act, lines)

    def _change(self, there: records.Destination, given: dict[str, Any], parts: kinds.Parts) -> None:
        wanted = self.wanted
        if wanted.kind != there.kind:
            what = f"cannot change from {there.kind} to {wanted.kind}; choose another name for the new destination"
            raise ManifestError([f"{self.place}.kind: {what}"])
        try:
            secret = destinations.secrets_of(self.planning.view, there.id)
        except Undecryptable:
            secret = {}
        old, new = (kinds.whole(there.kind, plain, {}) for plain in (there.settings, parts.plain))
        lines = diff.changed({"enabled": (there.enabled, wanted.enabled)})
        lines += diff.changed({key: (old[key], new[key]) for key in new})
        lines += diff.changed_secrets(there.secrets, secret, parts.seal, parts.keep)
        if lines:
            act = partial(destinations.modify, destination=there.id, enabled=wanted.enabled, settings=given)
            self.planning.plan.add("~", self.what, self.place, act, lines)

    # ---- filters ----

    def _add_filters(self) -> None:
        """The order of filters matters, so they are compared, and changed, position by position."""
        if self.wanted.filters is None and not self.planning.prune:
            return
        old = [] if self.there is None else filters.listed(self.planning.view, self.there.id)
        new = self.wanted.filters or []
        for number, each in enumerate(new):
            place = below(self.place, "filters", number)
            values: dict[str, Any] = {
                "query": each.query,
                "actions": tuple(each.actions),
                "title": each.heading,
                "description": each.description,
                "enabled": each.enabled,
            }
            if number < len(old):
                self._change_filter(old[number], values, place)
            else:
                self._create_filter(values, place)
        for surplus in old[len(new) :]:
            act = partial(filters.remove, name=surplus.id)
            self.planning.plan.add("-", f"{self.what}, filter {surplus.title}", self.place, act)

    def _create_filter(self, values: dict[str, Any], place: str) -> None:
        def act(change: Change) -> None:
            filters.create(change, self.id(change), **values)

        lines = diff.new({"if": values["query"], "actions": values["actions"], "enabled": values["enabled"]})
        self.planning.plan.add("+", f"{self.what}, filter {values['title']}", place, act, lines)

    def _change_filter(self, old: records.Filter, values: dict[str, Any], place: str) -> None:
        lines = diff.changed(
            {"if" if key == "query" else key: (getattr(old, key), value) for key, value in values.items()}
        )
        if lines:
            act = partial(filters.modify, name=old.id, **values)
            self.planning.plan.add("~", f"{self.what}, filter {old.title}", place, act, lines)

    # ---- the function ----

    def _add_function(self) -> None:
        view, attached, place = self.planning.view, self.wanted.function, f"{self.place}.function"
        bound = None if self.there is None else instances.of_destination(view, self.there.id)
        if attached is None:
            if bound is not None and self.planning.prune:
                act = partial(instances.remove, instance=bound.id)
                self.planning.plan.add("-", f"{self.what}, its function", self.place, act)
            return
        there = self.planning.functions.get(attached.name)
        definitions = self._definitions(attached, there, place)
        if bound is not None and there is not None and bound.function == there.id:
            self._change_instance(attached, bound, definitions, place)
        else:
            self._create_instance(attached, bound, definitions, place)

    def _definitions(
        self, attached: model.Attachment, there: records.Function | None, place: str
    ) -> Sequence[Definition]:
        """The definitions of the attached function, as it will be."""
        for each in self.planning.manifest.functions:
            if each.name == attached.name:
                return [setting.definition() for setting in each.settings]
        if there is None or self.planning.prune:
            raise ManifestError([f"{place}.name: there is no function {attached.name!r}"])
        return there.settings

    def _given(
        self,
        attached: model.Attachment,
        definitions: Sequence[Definition],
        stored: Mapping[str, object],
        place: str,
    ) -> dict[str, Any]:
        by_name = {each.name: each for each in definitions}
        given = {
            name: self.planning.environment.setting(
                value, by_name.get(name), below(place, "settings", name), stored
            )
            for name, value in attached.settings.items()
        }
        if self.planning.prune:
            given |= {name: None for name in stored if name in by_name and name not in given}
        return given

    def _create_instance(
        self,
        attached: model.Attachment,
        bound: records.Instance | None,
        definitions: Sequence[Definition],
        place: str,
    ) -> None:
        given = self._given(attached, definitions, {}, place)

        def act(change: Change) -> None:
            if bound is not None:
                instances.remove(change, bound.id)
            there = functions.summaries(change, self.planning.workspace_id(change))
            instances.create(
                change,
                function=next(each.id for each in there if each.display_name == attached.name),
                destination=self.id(change),
                name=attached.name,
                settings=given,
                enabled=attached.enabled,
            )

        secret = [each.name for each in definitions if each.sensitive]
        lines = diff.new({"enabled": attached.enabled} | diff.new_settings(given, secret))
        if bound is not None:
            lines.insert(0, "in place of the function that is there")
        sign: Sign = "+" if bound is None else "~"
        self.planning.plan.add(sign, f"{self.what}, function {attached.name}", place, act, lines)

    def _change_instance(
        self,
        attached: model.Attachment,
        bound: records.Instance,
        definitions: Sequence[Definition],
        place: str,
    ) -> None:
        names = {each.name for each in definitions}
        secret = {each.name for each in definitions if each.sensitive}
        # Values of settings that become sensitive are sealed when the function is saved, before this step.
        moving = {name: value for name, value in bound.settings.items() if name in secret}
        stored = [name for name in (*bound.encrypted_settings, *moving) if name in names]
        given = self._given(attached, definitions, dict.fromkeys(stored), place)
        try:
            update = settings.update(definitions, stored, given)
        except Refused as error:
            raise refused(error, place) from None
        plain = {name: value for name, value in bound.settings.items() if name in names - secret}
        pairs = {
            f"settings.{name}": (plain.get(name), update.plain.get(name))
            for name in sorted(plain.keys() | update.plain.keys())
        }
        lines = diff.changed({"enabled": (bound.enabled, attached.enabled), **pairs})
        secrets = diff.changed_secrets(stored, self._opened(bound) | moving, update.seal, update.keep)
        lines += [f"settings.{line}" for line in secrets]
        if lines:
            act = partial(instances.modify, instance=bound.id, enabled=attached.enabled, settings=given)
            self.planning.plan.add("~", f"{self.what}, function {attached.name}", place, act, lines)

    def _opened(self, bound: records.Instance) -> dict[str, Any]:
        try:
            return instances.secrets_of(self.planning.view, bound.id)
        except Undecryptable:
            return {}
