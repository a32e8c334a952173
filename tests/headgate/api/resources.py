"""A workspace with a resource of each kind, and a valid request for each operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from headgate.registry import (
    destinations,
    filters,
    functions,
    groups,
    instances,
    labels,
    records,
    regulations,
    sources,
    subscriptions,
    tokens,
    users,
)
from headgate.registry.functions import Code
from headgate.registry.store import Change

CODE: Final = "onTrack = (event) => event"


@dataclass(frozen=True)
class Resources:
    """
    Ids of things in *workspace*. *function* is bound to *destination* by *instance*; *source*, which has *destination*,
    *free* and the label, is not *other_source*, nor are *function* and *lone* *other_function*. *invited* is no user yet.
    """

    workspace: str
    function: str
    version: str
    lone: str
    other_function: str
    source: str
    write_key: str
    other_source: str
    key: str
    value: str
    destination: str
    free: str
    other_destination: str
    filter: str
    subscription: str
    instance: str
    user: str
    email: str
    stranger: str
    invited: str
    group: str
    token: str
    regulation: str


def create_resources(change: Change, workspace: str, name: str) -> Resources:
    """*name* tells the things of one workspace from those of another."""

    def source(slug: str, marks: Iterable[dict[str, str]] = ()) -> records.Source:
        return sources.create(change, workspace, slug=f"{name}-{slug}", labels=list(marks))

    def destination(of: records.Source, title: str) -> str:
        settings = {"url": "https://example.com/"}
        return destinations.create(change, of.id, kind="webhook", name=title, settings=settings).id

    def function(title: str) -> records.Function:
        code = Code(CODE, "javascript")
        return functions.create(change, workspace, display_name=f"{name} {title}", code=code)

    label = labels.create(change, workspace, key=f"{name}-env", value=f"{name}-dev")
    here = source("web", [label.as_json()])
    there = source("app")
    bound, free = destination(here, "Bound"), destination(here, "Free")
    runs, lone, other = function("runs"), function("lone"), function("other")
    people = [
        users.accept(change, users.invite(change, workspace, f"{who}@{name}.example"))
        for who in ("ada", "eve")
    ]
    invited = users.invite(change, workspace, f"bob@{name}.example")
    group = groups.create(change, workspace, name=f"{name} analysts")
    groups.add_members(change, group.id, [people[0].email, invited.email])
    return Resources(
        workspace=workspace,
        function=runs.id,
        version=runs.latest.id,
        lone=lone.id,
        other_function=other.id,
        source=here.id,
        write_key=here.write_keys[0],
        other_source=there.id,
        key=label.key,
        value=label.value,
        destination=bound,
        free=free,
        other_destination=destination(there, "Other"),
        filter=filters.create(
            change, bound, query="all", actions=[{"type": "SAMPLE", "percent": 0.5}], title="Half"
        ).id,
        subscription=subscriptions.create(
            change, bound, name="Mapped", action_id="a", trigger="type = 'track'", enabled=True
        ).id,
        instance=instances.create(
            change, function=runs.id, destination=bound, name="Instance", settings={}
        ).id,
        user=people[0].id,
        email=people[0].email,
        stranger=people[1].email,
        invited=invited.email,
        group=group.id,
        token=tokens.create(change, workspace, name=f"{name} scripts")[0].id,
        regulation=regulations.create(
            change, workspace, kind="SUPPRESS_ONLY", subject_type="USER_ID", subjects=["gone"], source=here.id
        ).id,
    )


@dataclass(frozen=True)
class Request:
    """*finds* is false where there is nothing to find, for anybody."""

    path: str
    body: dict[str, Any] | None = None
    query: dict[str, Any] = field(default_factory=dict)
    finds: bool = True


def _of(
    path: str, body: Callable[[Resources], dict[str, Any]] | None = None, **query: Any
) -> Callable[[Resources], Request]:
    """*path* names attributes of the resources in braces; values of *query* may be functions of it."""

    def made(resources: Resources) -> Request:
        return Request(
            path.format(w=resources),
            None if body is None else body(resources),
            {name: each(resources) if callable(each) else each for name, each in query.items()},
        )

    return made


def _setting(resources: Resources) -> dict[str, Any]:
    return {
        "permissions": [{"roleId": "source-admin", "resources": [{"id": resources.source, "type": "SOURCE"}]}]
    }


def _members(resources: Resources) -> dict[str, Any]:
    return {"emails": [resources.stranger]}


def _action() -> dict[str, Any]:
    return {"if": "all", "actions": [{"type": "DROP"}]}


_FORGET: Final = {"regulationType": "DELETE_ONLY", "subjectType": "USER_ID", "subjectIds": ["u"]}
_GROUP: Final = "/groups/{w.group}"
_SUBSCRIPTIONS: Final = "/destinations/{w.destination}/subscriptions"
_FILTERS: Final = "/destination/{w.destination}/filters"
_EVENT: Final = {"type": "track", "event": "E", "messageId": "m", "userId": "u"}

_JANUARY: Final[dict[str, Any]] = {
    "startTime": "2026-01-01T00:00:00Z",
    "endTime": "2026-01-31T00:00:00Z",
    "granularity": "DAY",
}

REQUESTS: Final[dict[str, Callable[[Resources], Request]]] = {
    "get_workspace": _of("/"),
    "echo": _of("/echo", message="hello"),
    "create_function": _of(
        "/functions",
        lambda _: {"code": CODE, "displayName": "New", "resourceType": "INSERT_DESTINATION"},
    ),
    "list_functions": _of("/functions", resourceType="INSERT_DESTINATION"),
    "get_function": _of("/functions/{w.function}"),
    "update_function": _of("/functions/{w.function}", lambda _: {"code": CODE + ";"}),
    "delete_function": _of("/functions/{w.lone}"),
    "create_function_deployment": _of(
        "/functions/{w.function}/deploy", lambda w: {"instanceIds": [w.instance]}
    ),
    "list_function_versions": _of("/functions/{w.function}/versions"),
    "get_function_version": _of("/functions/{w.function}/versions/{w.version}"),
    "restore_function_version": _of("/functions/{w.function}/versions", lambda w: {"versionId": w.version}),
    "restore_function_version_by_path": _of("/functions/{w.function}/versions/{w.version}/restore"),
    "preview_function": _of("/functions/preview", lambda _: {"code": CODE, "payload": _EVENT}),
    "preview_stored_function": _of("/functions/{w.function}/preview", lambda _: {"payload": _EVENT}),
    "create_insert_function_instance": _of(
        "/insert-function-instances",
        lambda w: {"functionId": w.function, "integrationId": w.free, "name": "New", "settings": {}},
    ),
    "list_insert_function_instances": _of("/insert-function-instances", functionId=lambda w: w.function),
    "get_insert_function_instance": _of("/insert-function-instances/{w.instance}"),
    "update_insert_function_instance": _of(
        "/insert-function-instances/{w.instance}", lambda _: {"settings": {}, "enabled": True}
    ),
    "delete_insert_function_instance": _of("/insert-function-instances/{w.instance}"),
    "list_sources": _of("/sources"),
    "create_source": _of("/sources", lambda _: {"slug": "new", "enabled": True, "metadataId": "javascript"}),
    "get_source": _of("/sources/{w.source}"),
    "update_source": _of("/sources/{w.source}", lambda _: {"name": "New"}),
    "delete_source": _of("/sources/{w.source}"),
    "list_connected_destinations_from_source": _of("/sources/{w.source}/connected-destinations"),
    "list_connected_warehouses_from_source": _of("/sources/{w.source}/connected-warehouses"),
    "add_labels_to_source": _of("/sources/{w.source}/labels", lambda _: {"labels": []}),
    "replace_labels_in_source": _of("/sources/{w.source}/labels", lambda _: {"labels": []}),
    "list_schema_settings_in_source": _of("/sources/{w.source}/settings"),
    "update_schema_settings_in_source": _of(
        "/sources/{w.source}/settings", lambda _: {"track": {"allowUnplannedEvents": False}}
    ),
    "create_write_key_for_source": _of("/sources/{w.source}/writekey"),
    "remove_write_key_from_source": _of("/sources/{w.source}/writekey/{w.write_key}"),
    "list_source_debugger_events": _of("/sources/{w.source}/debugger/events"),
    "list_destinations": _of("/destinations"),
    "create_destination": _of(
        "/destinations",
        lambda w: {
            "sourceId": w.source,
            "metadataId": "webhook",
            "settings": {"url": "https://example.com/"},
            "name": "New",
        },
    ),
    "get_destination": _of("/destinations/{w.destination}"),
    "update_destination": _of("/destinations/{w.destination}", lambda _: {"enabled": False}),
    "delete_destination": _of("/destinations/{w.destination}"),
    "list_delivery_samples": _of("/destinations/{w.destination}/samples"),
    "list_subscriptions_from_destination": _of(_SUBSCRIPTIONS),
    "create_destination_subscription": _of(
        _SUBSCRIPTIONS,
        lambda _: {"name": "New", "actionId": "a", "trigger": "type = 'track'", "enabled": True},
    ),
    "get_subscription_from_destination": _of(_SUBSCRIPTIONS + "/{w.subscription}"),
    "update_subscription_for_destination": _of(
        _SUBSCRIPTIONS + "/{w.subscription}", lambda _: {"input": {"name": "New"}}
    ),
    "remove_subscription_from_destination": _of(_SUBSCRIPTIONS + "/{w.subscription}"),
    "preview_destination_filter": _of(
        "/destination/filters/preview", lambda _: {"filter": _action(), "payload": _EVENT}
    ),
    "list_filters_from_destination": _of(_FILTERS),
    "create_filter_for_destination": _of(
        _FILTERS, lambda w: {"sourceId": w.source, **_action(), "title": "New", "enabled": True}
    ),
    "get_filter_in_destination": _of(_FILTERS + "/{w.filter}"),
    "update_filter_for_destination": _of(_FILTERS + "/{w.filter}", lambda _: {"title": "New"}),
    "remove_filter_from_destination": _of(_FILTERS + "/{w.filter}"),
    "list_labels": _of("/labels"),
    "create_label": _of("/labels", lambda _: {"label": {"key": "new", "value": "label"}}),
    "delete_label": _of("/labels/{w.key}/{w.value}"),
    "get_sources_catalog": _of("/catalog/sources"),
    "get_source_metadata": _of("/catalog/sources/javascript"),
    "get_destinations_catalog": _of("/catalog/destinations"),
    "get_destination_metadata": _of("/catalog/destinations/webhook"),
    "get_warehouses_catalog": _of("/catalog/warehouses"),
    "get_warehouse_metadata": lambda _: Request("/catalog/warehouses/any", finds=False),
    "get_daily_workspace_api_calls_usage": _of("/usage/api-calls/daily", period="2026-01-01"),
    "get_daily_per_source_api_calls_usage": _of("/usage/api-calls/sources/daily", period="2026-01-01"),
    "get_daily_functions_usage": _of("/usage/functions/daily", period="2026-01-01"),
    "list_users": _of("/users"),
    "get_user": _of("/users/{w.user}"),
    "delete_users": _of("/users", userIds=lambda w: w.user),
    "add_permissions_to_user": _of("/users/{w.user}/permissions", _setting),
    "replace_permissions_for_user": _of("/users/{w.user}/permissions", _setting),
    "list_user_groups_from_user": _of("/users/{w.user}/groups"),
    "list_invites": _of("/invites"),
    "create_invites": _of("/invites", lambda w: {"invites": [{"email": "new@example.com", **_setting(w)}]}),
    "delete_invites": _of("/invites", emails=lambda w: w.invited),
    "list_user_groups": _of("/groups"),
    "create_user_group": _of("/groups", lambda _: {"name": "New"}),
    "get_user_group": _of(_GROUP),
    "update_user_group": _of(_GROUP, lambda _: {"name": "New"}),
    "delete_user_group": _of(_GROUP),
    "list_users_from_user_group": _of(_GROUP + "/users"),
    "add_users_to_user_group": _of(_GROUP + "/users", _members),
    "replace_users_in_user_group": _of("/group/{w.group}/users", _members),
    "remove_users_from_user_group": _of("/group/{w.group}/users", emails=lambda w: w.email),
    "add_permissions_to_user_group": _of(_GROUP + "/permissions", _setting),
    "replace_permissions_for_user_group": _of(_GROUP + "/permissions", _setting),
    "list_invites_from_user_group": _of(_GROUP + "/invites"),
    "list_roles": _of("/roles"),
    "list_tokens": _of("/tokens"),
    "create_token": _of("/tokens", lambda w: {"name": "New", "email": w.email}),
    "delete_token": _of("/tokens/{w.token}"),
    **{
        f"get_{name}_metrics_from_delivery_overview": _of(
            f"/delivery-overview/{step}", sourceId=lambda w: w.source, **_JANUARY
        )
        for name, step in (
            ("ingress_success", "successfully-received"),
            ("ingress_failed", "failed-on-ingest"),
            ("filtered_at_source", "filtered-at-source"),
        )
    },
    **{
        f"get_{name}_metrics_from_delivery_overview": _of(
            f"/delivery-overview/{step}",
            sourceId=lambda w: w.source,
            destinationConfigId=lambda w: w.destination,
            **_JANUARY,
        )
        for name, step in (
            ("filtered_at_destination", "filtered-at-destination"),
            ("egress_failed", "failed-delivery"),
            ("egress_success", "successful-delivery"),
        )
    },
    "list_delivery_metrics_summary_from_destination": _of(
        "/destinations/{w.destination}/delivery-metrics", sourceId=lambda w: w.source
    ),
    "get_events_volume_from_workspace": _of("/events/volume", groupBy="source", **_JANUARY),
    "create_workspace_regulation": _of("/regulations", lambda _: _FORGET),
    "create_source_regulation": _of("/regulations/sources/{w.source}", lambda _: _FORGET),
    "list_workspace_regulations": _of("/regulations"),
    "list_regulations_from_source": _of("/regulations/sources/{w.source}"),
    "get_regulation": _of("/regulations/{w.regulation}"),
    "list_suppressions": _of("/suppressions"),
    "list_audit_events": _of("/audit-events"),
    "export_audit_events": _of("/audit-events.csv"),
}
"""By the name of the operation: a request that succeeds, for whoever may make it."""
