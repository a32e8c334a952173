"""Applies a manifest: from the file to the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from headgate.registry import functions, workspaces
from headgate.registry.errors import Conflict, Invalid
from headgate.registry.functions import Code, Refusal
from headgate.registry.manifest.model import ManifestError, parse
from headgate.registry.manifest.plan import plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from headgate.registry.manifest import model
    from headgate.registry.manifest.model import Manifest
    from headgate.registry.manifest.steps import Plan
    from headgate.registry.records import Actor
    from headgate.registry.snapshot import Language
    from headgate.registry.store import Registry, View
    from headgate_runtime import CompileError


class CodeRefused(Exception):
    """Functions do not compile. *errors* pairs the file of each with its error."""

    def __init__(self, errors: Sequence[tuple[str, CompileError]]) -> None:
        super().__init__("\n".join(f"{name}: {error}" for name, error in errors))
        self.errors = tuple(errors)


class Loaded(NamedTuple):
    """A manifest, with the code of its functions by name."""

    manifest: Manifest
    codes: Mapping[str, Code]


class _Rehearsed(Exception):
    """Raised to roll a rehearsal back."""


def load(path: Path) -> Loaded:
    """Raises ManifestError, and OSError for the manifest itself."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ManifestError(["not UTF-8"]) from None
    manifest = parse(text)
    return Loaded(
        manifest,
        {
            each.name: _source(each, path.parent, f"functions[{number}]")
            for number, each in enumerate(manifest.functions)
        },
    )


def compiled(registry: Registry, loaded: Loaded) -> None:
    """Compiles every function whose code the registry does not have yet. Raises CodeRefused, ManifestError."""
    with registry.view() as view:
        known = _codes_there(view, loaded.manifest)
    errors = []
    for number, function in enumerate(loaded.manifest.functions):
        code = loaded.codes[function.name]
        if code in known:
            continue
        try:
            functions.checked(code.text, code.language, time_ms=function.time_ms)
        except Refusal as error:
            errors.append((function.path or f"functions[{number}].code", error.error))
        except Invalid as error:
            raise ManifestError([f"functions[{number}].{error}"]) from None
    if errors:
        raise CodeRefused(errors)


def rehearse(
    registry: Registry, loaded: Loaded, environ: Mapping[str, str], actor: Actor, *, prune: bool = False
) -> Plan:
    """The plan, after carrying it out and rolling it back. Raises ManifestError, Conflict, Unavailable."""
    try:
        with registry.change(actor) as change:
            made = plan(change, loaded.manifest, loaded.codes, environ, prune=prune)
            made.carry_out(change)
            _undo()
    except _Rehearsed:
        return made


def carry_out(
    registry: Registry,
    loaded: Loaded,
    environ: Mapping[str, str],
    actor: Actor,
    rehearsed: Plan,
    *,
    prune: bool = False,
) -> Plan:
    """
    Applies the manifest in one change. Raises Conflict if the registry has changed so that the plan is no longer the one
    *rehearsed*; otherwise as `rehearse`.
    """
    with registry.change(actor) as change:
        made = plan(change, loaded.manifest, loaded.codes, environ, prune=prune)
        if made.shown() != rehearsed.shown():
            raise Conflict("the registry has changed in the meantime: review the differences again")
        made.carry_out(change)
    return made


def _undo() -> NoReturn:
    raise _Rehearsed


def _source(function: model.Function, directory: Path, place: str) -> Code:
    if function.path is None:
        return Code(function.code or "", function.language or "javascript")
    path = directory / function.path
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ManifestError([f"{place}.path: {path}: {(error.strerror or str(error)).lower()}"]) from None
    except UnicodeDecodeError:
        raise ManifestError([f"{place}.path: {path}: not UTF-8"]) from None
    language: Language = "typescript" if path.suffix.lower() == ".ts" else "javascript"
    return Code(text, language)


def _codes_there(view: View, manifest: Manifest) -> set[Code]:
    workspace = workspaces.find(view, manifest.workspace.slug)
    if workspace is None:
        return set()
    versions = [
        version
        for each in functions.listed(view, workspace.id)
        for version in (each.latest, each.deployed)
        if version is not None
    ]
    return {Code(version.code, version.language) for version in versions}
