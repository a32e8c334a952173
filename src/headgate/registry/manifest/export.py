"""Exports a workspace as a manifest. Applying it to the same registry changes nothing."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import tomlkit

from headgate.registry import destinations, filters, functions, instances, kinds, limits, sources, workspaces
from headgate.registry.manifest.model import Setting
from headgate.registry.manifest.values import written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tomlkit.items import AbstractTable, InlineTable

    from headgate.registry import records
    from headgate.registry.settings import Definition
    from headgate.registry.store import View

_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_ENDINGS: Final = {"javascript": ".js", "typescript": ".ts"}


class Exported(NamedTuple):
    """
    text         the manifest
    files        the source code of functions, by path relative to the manifest
    variables    the environment variables from which the manifest takes secrets
    """

    text: str
    files: dict[str, str]
    variables: list[str]


def export(view: View, workspace: str, *, inline: bool) -> Exported:
    """*inline* puts the code of functions into the manifest instead of files. Raises NotFound."""
    return _Export(view, workspace, inline=inline).run()


class _Export:
    def __init__(self, view: View, workspace: str, *, inline: bool) -> None:
        self.view = view
        self.workspace = workspaces.get(view, workspace)
        self.inline = inline
        self.files: dict[str, str] = {}
        self.variables: list[str] = []

    def run(self) -> Exported:
        view, document = self.view, tomlkit.document()
        head = tomlkit.table()
        head.update({"slug": self.workspace.slug, "name": self.workspace.name})
        for key in ("egress_allow", "egress_deny"):
            if entries := getattr(self.workspace, key):
                head.add(key, list(entries))
        document.add("workspace", head)
        there = sources.listed(view, self.workspace.id)
        parts: dict[str, list[AbstractTable]] = {
            "sources": [self.source(each) for each in there],
            "functions": [self.function(each) for each in functions.listed(view, self.workspace.id)],
            "destinations": [
                self.destination(source, each)
                for source in there
                for each in destinations.listed(view, source=source.id)
            ],
        }
        for name, tables in parts.items():
            if tables:
                array = tomlkit.aot()
                for table in tables:
                    array.append(table)
                document.add(name, array)
        text = tomlkit.dumps(document)
        if self.variables:
            text = f"# Takes secrets from these environment variables: {', '.join(self.variables)}\n\n{text}"
        return Exported(text, self.files, self.variables)

    def source(self, source: records.Source) -> AbstractTable:
        return _table(
            {
                "slug": source.slug,
                "name": source.name,
                "enabled": None if source.enabled else False,
                "write_keys": list(source.write_keys),
            }
        )

    def function(self, function: records.Function) -> AbstractTable:
        code = function.running
        table = _table({"name": function.display_name})
        if self.inline:
            table.add("language", code.language)
            table.add("code", _multiline(code.code))
        else:
            table.add("path", self.file(function.display_name, code.code, _ENDINGS[code.language]))
        for key, value, default in (
            ("description", function.description, ""),
            ("logo_url", function.logo_url, ""),
            ("batch_max_count", function.batch_max_count, limits.BATCH_COUNT_DEFAULT),
            ("isolation", function.isolation, "warm"),
            ("time_ms", function.time_ms, limits.TIME_MS_DEFAULT),
        ):
            if value != default:
                table.add(key, _item(value))
        if code.settings:
            table.add("settings", _lines([_inline(_definition(each)) for each in code.settings]))
        return table

    def file(self, name: str, code: str, ending: str) -> str:
        """Adds a file with *code*, and returns its path."""
        stem = "-".join(word.lower() for word in _WORD.findall(name))[:60] or "function"
        path, count = f"functions/{stem}{ending}", 1
        while path in self.files:
            count += 1
            path = f"functions/{stem}-{count}{ending}"
        self.files[path] = code
        return path

    def destination(self, source: records.Source, destination: records.Destination) -> AbstractTable:
        headers = {
            name.removeprefix(f"{kinds.HEADERS}."): self.variable(source.slug, destination.name, name)
            for name in sorted(destination.secrets)
            if name != kinds.SIGNING_SECRET
        }
        table = _table(
            {
                "name": destination.name,
                "source": source.slug,
                "kind": destination.kind,
                "enabled": None if destination.enabled else False,
                **destination.settings,
                "headers": headers or None,
            }
        )
        if kinds.SIGNING_SECRET in destination.secrets:
            variable = self.variable(source.slug, destination.name, kinds.SIGNING_SECRET)
            table.add(kinds.SIGNING_SECRET, _item(variable))
        rules = [_inline(_filter(each)) for each in filters.listed(self.view, destination.id)]
        if rules:
            table.add("filters", _lines(rules))
        bound = instances.of_destination(self.view, destination.id)
        if bound is not None:
            table.add("function", self.attachment(source, destination, bound))
        return table

    def attachment(
        self, source: records.Source, destination: records.Destination, bound: records.Instance
    ) -> AbstractTable:
        function = functions.get(self.view, bound.function)
        values: dict[str, Any] = {}
        for each in function.running.settings:
            if each.name in bound.encrypted_settings:
                values[each.name] = self.variable(source.slug, destination.name, each.name)
            elif each.name in bound.settings:
                values[each.name] = written(bound.settings[each.name], each)
        return _table(
            {
                "name": function.display_name,
                "enabled": None if bound.enabled else False,
                "settings": values or None,
            }
        )

    def variable(self, *parts: str) -> dict[str, str]:
        """A reference to a new environment variable named after *parts*."""
        words = [
            word.upper()
            for part in parts
            for word in _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", part))
        ]
        name = "_".join(words) or "SECRET"
        name = name if name[0].isalpha() else f"_{name}"
        chosen, count = name, 1
        while chosen in self.variables:
            count += 1
            chosen = f"{name}_{count}"
        self.variables.append(chosen)
        return {"env": chosen}


def _definition(each: Definition) -> dict[str, Any]:
    """The shortest form that reads back as the same definition."""
    facts = {key: value for key, value in each.as_json().items() if value not in ("", False)}
    if each.type == "STRING":
        del facts["type"]
    for key in ("label", "name"):
        shorter = {name: value for name, value in facts.items() if name != key}
        if shorter.keys() & {"label", "name"}:
            try:
                same = Setting(**shorter).definition() == each
            except ValueError:
                same = False
            if same:
                return shorter
    return {"name": each.name, "label": each.label} | facts


def _filter(each: records.Filter) -> dict[str, Any]:
    return {
        "if": each.query,
        "actions": [dict(action) for action in each.actions],
        "title": each.title,
        **({"description": each.description} if each.description else {}),
        **({} if each.enabled else {"enabled": False}),
    }


def _table(values: Mapping[str, Any]) -> AbstractTable:
    table = tomlkit.table()
    for key, value in values.items():
        if value is not None:
            table.add(key, _item(value))
    return table


def _inline(values: Mapping[str, Any]) -> InlineTable:
    table = tomlkit.inline_table()
    for key, value in values.items():
        table.add(key, _item(value))
    return table


def _item(value: Any) -> Any:
    """*value* as a TOML item; nested tables are inline."""
    if isinstance(value, dict):
        return _inline(value)
    if isinstance(value, list | tuple):
        array = tomlkit.array()
        for each in value:
            array.append(_item(each))
        return array
    return tomlkit.item(value)


def _lines(items: list[Any]) -> Any:
    """An array with one item per line."""
    array = tomlkit.array().multiline(True)
    for each in items:
        array.append(each)
    return array


def _multiline(text: str) -> Any:
    """*text* as a multi-line string, if it reads back unchanged."""
    candidate = tomlkit.string(text, multiline=True)
    try:
        same = tomllib.loads(f"it = {candidate.as_string()}")["it"] == text
    except tomllib.TOMLDecodeError:
        same = False
    return candidate if same else tomlkit.string(text)


def write(exported: Exported, directory: Path) -> list[Path]:
    """Writes the manifest and its files to *directory*, which is created if needed. Raises OSError."""
    paths = []
    for name, text in {"headgate.toml": exported.text, **exported.files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        paths.append(path)
    return paths
