"""What an operation's handler receives: the request, its caller, and the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from headgate.api.errors import not_found
from headgate.api.permissions import refused
from headgate.registry import destinations, functions, instances, sources
from headgate.registry.errors import NotFound
from headgate.registry.store import Change

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pydantic import BaseModel

    from headgate.api.permissions import Level, Principal
    from headgate.registry import records
    from headgate.registry.store import View

    Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """
    path        the path parameters, by name
    query       the nested query, as `query.parsed` reads it
    body        an instance of the operation's model
    prepared    the result of the operation's `prepare`
    view        the registry, in the call's one transaction: a Change for operations that change it

    The methods look things up in the principal's workspace. They raise ApiError 404 for what is not there, and 401 for
    what the principal may not see or do.
    """

    principal: Principal
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    prepared: Any
    view: View

    @property
    def workspace(self) -> str:
        return self.principal.workspace

    @property
    def change(self) -> Change:
        assert isinstance(self.view, Change)
        return self.view

    def owner(self) -> None:
        if not self.principal.is_owner:
            raise refused()

    def function(self, function_id: str, level: Level) -> records.Function:
        try:
            found = functions.get(self.view, functions.full_id(function_id), workspace=self.workspace)
        except NotFound:
            raise not_found("function") from None
        if not self.principal.may_function(found.id, level):
            raise refused()
        return found

    def readable_functions(self) -> list[str] | None:
        """The ids of the functions the principal may read, in order of creation; None if it may read all."""
        if self.principal.may_function(None, "read"):
            return None
        return [
            name
            for name in functions.ids(self.view, self.workspace)
            if self.principal.may_function(name, "read")
        ]

    def source(self, source_id: str, level: Level) -> records.Source:
        try:
            found = sources.get(self.view, source_id, workspace=self.workspace)
        except NotFound:
            raise not_found("source") from None
        if not self.may_source(found, level):
            raise refused()
        return found

    def may_source(self, source: records.Source, level: Level) -> bool:
        return self.principal.may_source(source.id, _texts(source.labels), level)

    def readable_sources(self) -> list[str] | None:
        """The ids of the sources the principal may read, in order of creation; None if it may read all."""
        if self.principal.may_source(None, (), "read"):
            return None
        return [
            name
            for name, labels in sources.labelled(self.view, self.workspace)
            if self.principal.may_source(name, _texts(labels), "read")
        ]

    def destination(self, destination_id: str, level: Level) -> records.Destination:
        try:
            found = destinations.get(self.view, destination_id, workspace=self.workspace)
        except NotFound:
            raise not_found("destination") from None
        self.source(found.source, level)
        return found

    def administer_destinations(
        self, function: records.Function, only: Collection[str] | None = None
    ) -> None:
        """Requires permission to administer the destinations of *function*'s instances: of all, or those in *only*."""
        if self.principal.may_source(None, (), "admin"):
            return
        for instance in instances.listed(self.view, function.id):
            if only is None or instance.id in only:
                self.destination(instance.destination, "admin")

    def instance(self, instance_id: str) -> records.Instance:
        """Requires permission to read its function."""
        try:
            found = instances.get(self.view, instance_id, workspace=self.workspace)
        except NotFound:
            raise not_found("insert function instance") from None
        self.function(found.function, "read")
        return found


def _texts(labels: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{label['key']}:{label['value']}" for label in labels]
