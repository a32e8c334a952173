"""Plans, their steps, and the context in which they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from headgate.registry import functions, sources, workspaces
from headgate.registry.errors import Refused
from headgate.registry.manifest.model import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headgate.registry import records
    from headgate.registry.functions import Code
    from headgate.registry.manifest.model import Manifest
    from headgate.registry.manifest.values import Environment
    from headgate.registry.store import Change, View

Sign = Literal["+", "~", "-"]


@dataclass(slots=True)
class Step:
    """
    One thing to create (+), change (~) or remove (-).

    place     where in the manifest it comes from
    act       makes the change
    lines     the differences, to show to users; they contain no secrets
    """

    sign: Sign
    what: str
    place: str
    act: Callable[[Change], object] = field(repr=False)
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """
    Steps, in the order in which to carry them out.

    kept      secrets that stay because their environment variable is not set: from place to variable
    made      write keys of new sources by slug, once the plan has been carried out
    """

    steps: list[Step] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    def shown(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """The plan in comparable form."""
        return [(step.sign, step.what, tuple(step.lines)) for step in self.steps]

    def add(
        self,
        sign: Sign,
        what: str,
        place: str,
        act: Callable[[Change], object],
        lines: list[str] | None = None,
    ) -> None:
        self.steps.append(Step(sign, what, place, act, lines or []))

    def carry_out(self, change: Change) -> None:
        """Raises ManifestError for the first step that is refused."""
        for step in self.steps:
            try:
                step.act(change)
            except Refused as error:
                raise refused(error, step.place) from None


def refused(error: Refused, place: str) -> ManifestError:
    """*error*, as one of the manifest at *place*, where the settings of a destination are keys of the destination."""
    where = error.field if place.endswith(".function") else error.field.removeprefix("settings.")
    return ManifestError([f"{'.'.join(filter(None, (place, where)))}: {error.message}"])


class Planning:
    """
    The context in which a plan is made. Plans are made from what *view* shows; steps look things up again when they run,
    since earlier steps may have created them.

    workspace    the workspace in the registry; None if it does not exist yet
    functions    its functions, by name
    """

    def __init__(
        self,
        view: View,
        manifest: Manifest,
        codes: Mapping[str, Code],
        environment: Environment,
        *,
        prune: bool,
    ) -> None:
        self.view = view
        self.manifest = manifest
        self.codes = codes
        self.environment = environment
        self.prune = prune
        self.plan = Plan()
        self.workspace = workspaces.find(view, manifest.workspace.slug)
        self.functions = self._functions_there()

    def workspace_id(self, view: View) -> str:
        there = workspaces.find(view, self.manifest.workspace.slug)
        assert there is not None
        return there.id

    def source(self, slug: str) -> records.Source | None:
        return None if self.workspace is None else sources.find(self.view, self.workspace.id, slug)

    def source_id(self, view: View, slug: str) -> str:
        there = sources.find(view, self.workspace_id(view), slug)
        assert there is not None
        return there.id

    def _functions_there(self) -> dict[str, records.Function]:
        if self.workspace is None:
            return {}
        there: dict[str, records.Function] = {}
        twice = set()
        for function in functions.listed(self.view, self.workspace.id):
            if function.display_name in there:
                twice.add(function.display_name)
            there[function.display_name] = function
        named = {each.name for each in self.manifest.functions}
        named |= {each.function.name for each in self.manifest.destinations if each.function is not None}
        if ambiguous := sorted(twice & named):
            raise ManifestError(
                [f"the workspace has two functions {ambiguous[0]!r}: rename one of them first"]
            )
        return there
