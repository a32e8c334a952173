"""
What the event path knows of the registry: an immutable snapshot, replaced as a whole when anything changes. Nothing here
reads a database, and each event is handled with one snapshot from beginning to end.
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

    version      what it runs; None if there is nothing to run
    settings     JSON text of all values, decrypted: it contains secrets
    secrets      the texts of the sensitive values, to be redacted
    fault        why it cannot run, as a message for users (Invalid Settings, SPEC D5); None if it can
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
    """A function as it is invoked without an instance: *version* is the newest deployed one, or else the newest."""

    id: str
    workspace: str
    version: Version
    batch_max_count: int
    isolation: Isolation
    time_ms: int


@dataclass(frozen=True, slots=True)
class Destination:
    """
    Belongs to one source. *settings* are those of its kind, decrypted: they may contain secrets.

    catalog_name    its key in the integrations object (SPEC 9.4)
    filters         compiled, in the order of SPEC D23
    fault           why nothing can be delivered, as a message for users, such as an unreadable secret; None if it can
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
    """The ids of people whose events are not accepted: values of `userId` and of `anonymousId`."""

    users: frozenset[str] = frozenset()
    anonymous: frozenset[str] = frozenset()

    def covers(self, event: Mapping[str, Any]) -> bool:
        """Whether *event* is suppressed. Delete events never are."""
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
    What a workspace may use; None means no limit.

    functions       how many it may have
    events_per_s    how many events are accepted per second, over all its sources
    fuel_per_day    the fuel its functions may use per day, in UTC
    sandboxes       how many may be busy at a time
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

    weight                      its share of the processor, relative to other workspaces
    egress_allow, egress_deny   hosts and networks that its functions and webhooks may and may not reach, in addition to
                                the server's own rules
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
    """Everything at one *revision*, indexed the way the event path looks it up."""

    revision: int
    workspaces: Mapping[str, Workspace]
    sources: Mapping[str, Source]
    by_write_key: Mapping[str, Source] = field(repr=False)
    destinations: Mapping[str, Destination]
    versions: Mapping[str, Version]
    """By id of function: the version that `POST /v1/functions/{functionId}/invoke` runs, which is the newest deployed one or
    else the newest."""
    functions: Mapping[str, Function] = field(default_factory=dict)
    """By id, including functions without instances."""
