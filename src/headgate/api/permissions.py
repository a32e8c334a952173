"""Who may do what (SPEC 13.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from headgate.api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.registry.records import Actor, Role

Level = Literal["read", "admin"]

_LEVELS: Final[dict[Role, tuple[str, Level]]] = {
    "functions-admin": ("FUNCTION", "admin"),
    "functions-read-only": ("FUNCTION", "read"),
    "source-admin": ("SOURCE", "admin"),
    "source-read-only": ("SOURCE", "read"),
}


class Resource(NamedTuple):
    """
    type      FUNCTION, SOURCE or WORKSPACE; the last stands for all there are
    id        of a function or a source
    labels    of a SOURCE: any source that has them all, as "key:value"; empty: the very one of *id*
    """

    type: str
    id: str
    labels: frozenset[str] = frozenset()


class Grant(NamedTuple):
    """A role for *resources*."""

    role: Role
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a token, or a user through one. Grants add up."""

    actor: Actor
    workspace: str
    grants: tuple[Grant, ...]

    @property
    def is_owner(self) -> bool:
        return any(grant.role == "owner" for grant in self.grants)

    def may_function(self, function: str | None, level: Level) -> bool:
        """*function* None: all of them, those to come included."""
        return self.is_owner or any(
            resource.type == "WORKSPACE" or (resource.type == "FUNCTION" and resource.id == function)
            for resource in self._resources("FUNCTION", level)
        )

    def may_source(self, source: str | None, labels: Iterable[str], level: Level) -> bool:
        """*labels* are those of the source, as "key:value"; *source* None: all of them."""
        there = frozenset(labels)
        return self.is_owner or any(
            resource.type == "WORKSPACE"
            or (
                resource.type == "SOURCE"
                and source is not None
                and (resource.labels <= there if resource.labels else resource.id == source)
            )
            for resource in self._resources("SOURCE", level)
        )

    def _resources(self, kind: str, level: Level) -> Iterable[Resource]:
        for grant in self.grants:
            granted = _LEVELS.get(grant.role)
            if granted is not None and granted[0] == kind and level in ("read", granted[1]):
                yield from grant.resources


def refused() -> ApiError:
    """The hosted API answers so for a token that may not, too."""
    return ApiError(401, "this token may not do that")
