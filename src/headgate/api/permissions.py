"""Principals and their permissions (SPEC 13.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from headgate.api.errors import ApiError
from headgate.registry.records import Grant, Resource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headgate.registry.records import Actor, Role

__all__ = ["Grant", "Level", "Principal", "Resource", "refused"]

Level = Literal["read", "admin"]

_LEVELS: Final[dict[Role, tuple[str, Level]]] = {
    "functions-admin": ("FUNCTION", "admin"),
    "functions-read-only": ("FUNCTION", "read"),
    "source-admin": ("SOURCE", "admin"),
    "source-read-only": ("SOURCE", "read"),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: a token, or the user it belongs to. Grants add up."""

    actor: Actor
    workspace: str
    grants: tuple[Grant, ...]

    @property
    def is_owner(self) -> bool:
        return any(grant.role == "owner" for grant in self.grants)

    def may_function(self, function: str | None, level: Level) -> bool:
        """*function* None stands for all functions, including future ones."""
        return self.is_owner or any(
            (resource.type == "WORKSPACE" or (resource.type == "FUNCTION" and resource.id == function))
            and not resource.labels
            for resource in self._resources("FUNCTION", level)
        )

    def may_source(self, source: str | None, labels: Iterable[str], level: Level) -> bool:
        """*labels* are the source's, as "key:value"; *source* None stands for all sources, including future ones."""
        held = frozenset(labels)
        return self.is_owner or any(
            _covers(resource, self.workspace, source, held) for resource in self._resources("SOURCE", level)
        )

    def _resources(self, kind: str, level: Level) -> Iterable[Resource]:
        for grant in self.grants:
            granted = _LEVELS.get(grant.role)
            if granted is not None and granted[0] == kind and level in ("read", granted[1]):
                yield from grant.resources


def _covers(resource: Resource, workspace: str, source: str | None, labels: frozenset[str]) -> bool:
    """Whether a grant for *resource* covers the *source* with these *labels*, or all sources if that is None."""
    if not resource.labels:
        return resource.type == "WORKSPACE" or (resource.type == "SOURCE" and resource.id == source)
    return source is not None and resource.id in (source, workspace) and resource.labels <= labels


def refused() -> ApiError:
    """The hosted API, too, answers 401 to a token that lacks the permission."""
    return ApiError(401, "this token does not have the permission")
