"""The records that the registry returns, as of one transaction. Times are in ms since the epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.registry.settings import Definition
    from headgate.registry.snapshot import DestinationKind, Isolation, Language

Role = Literal[
    "owner", "member", "functions-admin", "functions-read-only", "source-admin", "source-read-only"
]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
"""SPEC 13.1. The role "member" grants no permission by itself."""


class Resource(NamedTuple):
    """
    What a role applies to.

    type      FUNCTION, SOURCE or WORKSPACE; the last stands for all functions or sources, including future ones
    id        of the function, the source or the workspace
    labels    limit it to sources that have all of them, as "key:value"; with labels, a SOURCE whose id is the
              workspace's stands for any source
    """

    type: str
    id: str
    labels: frozenset[str] = frozenset()


class Grant(NamedTuple):
    """A role for *resources*."""

    role: Role
    resources: tuple[Resource, ...]


class Actor(NamedTuple):
    """The author of a change. *id* is the id of a user or a token, or names a part of the system."""

    type: Literal["user", "token", "system"]
    id: str


SYSTEM: Final = Actor("system", "__system__")


@dataclass(frozen=True, slots=True)
class Workspace:
    """*egress_allow* and *egress_deny* list hosts and networks, as headgate_runtime.fetch.Egress takes them."""

    id: str
    slug: str
    name: str
    weight: float
    created_at: int
    egress_allow: tuple[str, ...] = ()
    egress_deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """
    *labels* are objects {key, value, description?}; *settings* and *schema_settings* are objects, as the API shows them.
    *metadata* has the `id` of its catalog entry, if it was created from one.
    """

    id: str
    workspace: str
    slug: str
    name: str
    enabled: bool
    metadata: Mapping[str, Any]
    labels: tuple[Mapping[str, Any], ...]
    settings: Mapping[str, Any]
    schema_settings: Mapping[str, Any]
    write_keys: tuple[str, ...] = field(repr=False)
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a workspace. Sources carry labels, and permissions may be limited to them."""

    id: str
    workspace: str
    key: str
    value: str
    description: str
    created_at: int

    def as_json(self) -> dict[str, str]:
        return {
            "key": self.key,
            "value": self.value,
            **({"description": self.description} if self.description else {}),
        }


@dataclass(frozen=True, slots=True)
class Destination:
    """*settings* are those that are not secret; *secrets* names the others, as in "headers.Authorization"."""

    id: str
    source: str
    name: str
    kind: DestinationKind
    enabled: bool
    settings: Mapping[str, Any]
    secrets: tuple[str, ...]
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Filter:
    """*query* is FQL text or "all"; *actions* are JSON (SPEC 9.1); *position* orders the destination's filters."""

    id: str
    destination: str
    position: int
    title: str
    description: str
    query: str
    actions: tuple[Mapping[str, Any], ...]
    enabled: bool
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """Stored for clients. *trigger* is FQL text; *model_id* may be empty."""

    id: str
    destination: str
    name: str
    action_id: str
    trigger: str
    enabled: bool
    settings: Mapping[str, Any]
    model_id: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Version:
    """
    A function's code as it was saved, with the definitions saved with it.

    number         counts from 1 within each function
    is_deployed    whether any instance runs it
    deployed_at    when it was first deployed; None if never
    """

    id: str
    function: str
    number: int
    code: str = field(repr=False)
    language: Language
    settings: tuple[Definition, ...]
    author: str
    created_at: int
    deployed_at: int | None
    is_deployed: bool


@dataclass(frozen=True, slots=True)
class Function:
    """A function class. *latest* is the version saved last, *deployed* the newest one ever deployed, if any."""

    id: str
    workspace: str
    display_name: str
    description: str
    logo_url: str
    batch_max_count: int
    isolation: Isolation
    time_ms: int
    created_at: int
    created_by: str
    updated_at: int
    latest: Version
    deployed: Version | None

    @property
    def settings(self) -> tuple[Definition, ...]:
        return self.latest.settings

    @property
    def running(self) -> Version:
        """The version a new instance is pinned to: the newest one ever deployed, or else LATEST."""
        return self.deployed or self.latest

    @property
    def is_latest_version(self) -> bool:
        """Whether the version saved last is deployed."""
        return self.deployed is not None and self.deployed.id == self.latest.id


@dataclass(frozen=True, slots=True)
class Instance:
    """A function bound to a destination. *encrypted_settings* are the sensitive values, masked."""

    id: str
    function: str
    destination: str
    version: str
    name: str
    enabled: bool
    settings: Mapping[str, Any]
    encrypted_settings: Mapping[str, str]
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Token:
    """
    An access token of the management API. The token itself is shown once and not stored.

    role      applies to the whole workspace; "member" for a user's token, which has the permissions of the user
    user      the user it belongs to; None if it belongs to the workspace
    """

    id: str
    workspace: str
    name: str
    role: Role
    created_at: int
    created_by: str
    user: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """*is_invited* is true until their first token is created; before, they cannot do anything."""

    id: str
    workspace: str
    email: str
    name: str
    is_invited: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class Group:
    """*member_count* leaves out people who are only invited."""

    id: str
    workspace: str
    name: str
    member_count: int
    created_at: int


class Place(NamedTuple):
    """The sort key of an audit event: by time first, since events are searched by time."""

    at: int
    rev: int
    position: int


@dataclass(frozen=True, slots=True)
class Regulation:
    """
    A request to delete or to suppress.

    source         its id; "" for all sources of the workspace
    finished_at    when its delete events were stored; None if they were not yet
    """

    id: str
    workspace: str
    source: str
    type: str
    subject_type: str
    created_at: int
    finished_at: int | None
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """
    SPEC 13.2. *before* and *after* are digests of the resource as the API shows it; None if there was none.
    *actor_email* is set if the actor is a user who still exists.
    """

    id: str
    workspace: str
    at: int
    type: str
    actor: Actor
    resource_type: str
    resource_id: str
    resource_name: str
    before: str | None
    after: str | None
    place: Place
    actor_email: str | None = None
