"""What the store hands out: things of the registry as they are in one transaction. Times are ms since the epoch."""

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
"""SPEC 13.1. A member may nothing by that alone."""


class Resource(NamedTuple):
    """
    What a role is for.

    type      FUNCTION, SOURCE or WORKSPACE; the last stands for all there are, those to come included
    id        of the function, the source or the workspace
    labels    of sources: only those that have them all, as "key:value"; a SOURCE whose id is the workspace's is any
    """

    type: str
    id: str
    labels: frozenset[str] = frozenset()


class Grant(NamedTuple):
    """A role for *resources*."""

    role: Role
    resources: tuple[Resource, ...]


class Actor(NamedTuple):
    """Who changes something. *id* is that of a user or token, or a word for a part of the system."""

    type: Literal["user", "token", "system"]
    id: str


SYSTEM: Final = Actor("system", "__system__")


@dataclass(frozen=True, slots=True)
class Workspace:
    """*egress_allow* and *egress_deny*: hosts and networks, as headgate_runtime.fetch.Egress takes them."""

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
    JSON as the API shows it: *labels* a list of {key, value, description?}, *settings* and *schema_settings* objects.
    *metadata* holds the `id` of its entry in the catalog, if it was made from one.
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
    """Of a workspace. Sources have labels, and permissions may be for those that do."""

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
    """*settings* are those that are no secret; *secrets* names the others, as in "headers.Authorization"."""

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
    """*query* is FQL text or "all"; *actions* as on the wire (SPEC 9.1); *position* among those of the destination."""

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
    """Kept for clients. *trigger* is FQL text; *model_id* may be empty."""

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

    number         counts from 1 in each function
    is_deployed    whether any instance runs it
    deployed_at    when it was deployed first; None if never
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
    """A function class. *latest* is what was saved last, *deployed* the newest version ever deployed, if any."""

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
        """What a new instance is pinned to: the newest version ever deployed, or else LATEST."""
        return self.deployed or self.latest

    @property
    def is_latest_version(self) -> bool:
        """Whether what was saved last is deployed."""
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
    An access token of the management API. The token itself is shown once and kept nowhere.

    role      for the whole workspace; that of a user's token is "member", since it may what the user may
    user      whose it is; None: the workspace's
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
    """*is_invited* until there is a first token for them; they can do nothing before."""

    id: str
    workspace: str
    email: str
    name: str
    is_invited: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class Group:
    """*member_count* is without those who are only invited."""

    id: str
    workspace: str
    name: str
    member_count: int
    created_at: int


class Place(NamedTuple):
    """Of an event in the order of all: later ones have greater places. By time first, which is how they are looked for."""

    at: int
    rev: int
    position: int


@dataclass(frozen=True, slots=True)
class Regulation:
    """
    A request to delete or to suppress.

    source         "": all of the workspace
    finished_at    when its delete events were stored; None before
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
    SPEC 13.2. *before* and *after* are digests of the thing as the API shows it; None where there was none.
    *actor_email* is that of a user who is still there.
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
