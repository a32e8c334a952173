"""
What the event path knows of the registry: an immutable snapshot, replaced whole when anything changes. Nothing here
reads a database, and an event is handled by one snapshot from beginning to end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.filters.chain import FilterChain

Language = Literal["javascript", "typescript"]
Isolation = Literal["warm", "hermetic"]
DestinationKind = Literal["webhook", "sink"]


@dataclass(frozen=True, slots=True)
class Version:
    """A function's immutable code."""

    id: str
    function: str
    code: str = field(repr=False)
    language: Language


@dataclass(frozen=True, slots=True)
class Instance:
    """
    A function bound to a destination (SPEC 1.1).

    settings     JSON text of the merged, decrypted values: it holds secrets
    secrets      the sensitive values by themselves, to be redacted
    fault        why it cannot run, for people (Invalid Settings, SPEC D5); None when it can
    version      None when there is none to run
    """

    id: str
    name: str
    function: str
    enabled: bool
    version: Version | None
    settings: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    batch_max_count: int
    isolation: Isolation
    time_ms: int
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """A function by itself, as it is invoked without an instance: *version* is the newest deployed, or the newest."""

    id: str
    workspace: str
    version: Version
    batch_max_count: int
    isolation: Isolation
    time_ms: int


@dataclass(frozen=True, slots=True)
class Destination:
    """
    Belongs to one source. *settings* are those of its kind, decrypted: they may hold secrets.

    catalog_name    the key in the integrations object (SPEC 9.4)
    filters         compiled, in the order of SPEC D23
    fault           why nothing can be delivered, for people: a secret or a filter that cannot be read; None when it can
    """

    id: str
    name: str
    workspace: str
    source: str
    kind: DestinationKind
    catalog_name: str
    enabled: bool
    settings: Mapping[str, object] = field(repr=False)
    filters: FilterChain
    instance: Instance | None = None
    fault: str | None = None


class Suppressed(NamedTuple):
    """Ids of people no more of whom is taken: values of `userId` and of `anonymousId`."""

    users: frozenset[str] = frozenset()
    anonymous: frozenset[str] = frozenset()

    def covers(self, event: Mapping[str, Any]) -> bool:
        """Deletions of them are wanted, though."""
        return event.get("type") != "delete" and (
            event.get("userId") in self.users or event.get("anonymousId") in self.anonymous
        )


NOBODY = Suppressed()


@dataclass(frozen=True, slots=True)
class Source:
    id: str
    slug: str
    name: str
    workspace: str
    enabled: bool
    write_keys: tuple[str, ...] = field(repr=False)
    destinations: tuple[Destination, ...] = ()
    suppressed: Suppressed = field(default=NOBODY, repr=False)


@dataclass(frozen=True, slots=True)
class Quotas:
    """
    What a workspace may use; None: as much as there is.

    functions       there may be
    events_per_s    accepted, over all its sources
    fuel_per_day    of its functions; those days are UTC's
    sandboxes       busy at once
    """

    functions: int | None = None
    events_per_s: float | None = None
    fuel_per_day: int | None = None
    sandboxes: int | None = None


NO_QUOTAS = Quotas()


@dataclass(frozen=True, slots=True)
class Workspace:
    """
    A tenant.

    weight                      share of the processor, to those of the others
    egress_allow, egress_deny   hosts and networks that its functions and webhooks may and may not reach, beside what the
                                server says
    """

    id: str
    slug: str
    name: str
    weight: float = 1.0
    egress_allow: tuple[str, ...] = ()
    egress_deny: tuple[str, ...] = ()
    quotas: Quotas = NO_QUOTAS


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one *revision*, indexed by what the event path asks for."""

    revision: int
    workspaces: Mapping[str, Workspace]
    sources: Mapping[str, Source]
    by_write_key: Mapping[str, Source] = field(repr=False)
    destinations: Mapping[str, Destination]
    versions: Mapping[str, Version]
    """Of each function, by the function's id: the version that `POST /v1/functions/{functionId}/invoke` runs, its newest
    deployed one or else its newest."""
    functions: Mapping[str, Function] = field(default_factory=dict)
    """By id, those that no instance uses as well."""
