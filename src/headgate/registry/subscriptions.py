"""
Destination subscriptions: which events a destination with mappings acts on, and how. Headgate's destinations have no
mappings; subscriptions are stored for the clients that manage them, and have no effect on events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from headgate.fql import FqlError, Query
from headgate.registry import audit, canonical, checks, limits, ownership
from headgate.registry.errors import Full, Invalid, NotFound
from headgate.registry.records import Subscription
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import subscriptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import RowMapping

    from headgate.registry.store import Change, View


def create(
    change: Change,
    destination: str,
    *,
    name: str,
    action_id: str,
    trigger: str,
    enabled: bool,
    settings: Mapping[str, Any] | None = None,
    model_id: str = "",
) -> Subscription:
    """Raises NotFound, Invalid, Conflict."""
    workspace = ownership.workspace_of(change, destination)
    if total(change, destination) >= limits.SUBSCRIPTIONS_PER_DESTINATION:
        raise Full("destination", limits.SUBSCRIPTIONS_PER_DESTINATION, "subscriptions")
    subscription = change.new_id()
    change.connection.execute(
        insert(subscriptions).values(
            id=subscription,
            destination_id=destination,
            name=checks.name(name),
            action_id=checks.name(action_id, "actionId"),
            trigger=_trigger(trigger),
            enabled=enabled,
            settings=canonical.written_object(settings or {}, "settings"),
            model_id=_model(model_id),
            created_at=change.now,
            updated_at=change.now,
        )
    )
    made = get(change, subscription)
    audit.record(change, workspace, "Destination Subscription Created", _resource(made), after=_shown(made))
    return made


def modify(
    change: Change,
    subscription: str,
    *,
    name: str | None = None,
    trigger: str | None = None,
    enabled: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    model_id: str | None = None,
) -> Subscription:
    """Arguments that are None keep their values. Raises NotFound, Invalid."""
    old = get(change, subscription)
    values = {
        "name": None if name is None else checks.name(name),
        "trigger": None if trigger is None else _trigger(trigger),
        "enabled": enabled,
        "settings": None if settings is None else canonical.written_object(settings, "settings"),
        "model_id": None if model_id is None else _model(model_id),
    }
    row = subscriptions.c.id == subscription
    given = {key: value for key, value in values.items() if value is not None}
    if given:
        change.connection.execute(update(subscriptions).where(row).values(**given))
    if get(change, subscription) == old:
        return old
    change.connection.execute(update(subscriptions).where(row).values(updated_at=change.now))
    new = get(change, subscription)
    action = audit.change_of(old.enabled, new.enabled)
    workspace = ownership.workspace_of(change, new.destination)
    audit.record(
        change, workspace, f"Destination Subscription {action}", _resource(new), _shown(old), _shown(new)
    )
    return new


def remove(change: Change, subscription: str) -> None:
    """Raises NotFound."""
    old = get(change, subscription)
    change.connection.execute(delete(subscriptions).where(subscriptions.c.id == subscription))
    workspace = ownership.workspace_of(change, old.destination)
    audit.record(change, workspace, "Destination Subscription Deleted", _resource(old), before=_shown(old))


def get(view: View, subscription: str, *, destination: str | None = None) -> Subscription:
    """Raises NotFound, also for a subscription of another destination than *destination*."""
    query = select(subscriptions).where(subscriptions.c.id == subscription)
    row = view.connection.execute(query).mappings().one_or_none()
    if row is None or destination not in (None, row["destination_id"]):
        raise NotFound("subscription", subscription)
    return _subscription(row)


def listed(view: View, destination: str, span: Span = ALL) -> list[Subscription]:
    """In order of creation (by id)."""
    query = select(subscriptions).where(subscriptions.c.destination_id == destination)
    return [_subscription(row) for row in read(view, query, [subscriptions.c.id], span)]


def total(view: View, destination: str) -> int:
    """The length of `listed`."""
    return view.count(subscriptions, subscriptions.c.destination_id == destination)


def _trigger(trigger: str) -> str:
    """Raises Invalid if *trigger* is not valid FQL."""
    checks.query(trigger, "trigger")
    try:
        Query(trigger)
    except FqlError as error:
        raise Invalid(str(error), "trigger") from None
    return trigger


def _model(model_id: str) -> str:
    return checks.text(model_id, "modelId", limits.DISPLAY_NAME_CHARS)


def _subscription(row: RowMapping) -> Subscription:
    return Subscription(
        id=row["id"],
        destination=row["destination_id"],
        name=row["name"],
        action_id=row["action_id"],
        trigger=row["trigger"],
        enabled=row["enabled"],
        settings=canonical.read(row["settings"]),
        model_id=row["model_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _resource(each: Subscription) -> tuple[str, str, str]:
    return "destination_subscription", each.id, each.name


def _shown(each: Subscription) -> audit.Shown:
    return {
        "id": each.id,
        "destinationId": each.destination,
        "name": each.name,
        "actionId": each.action_id,
        "trigger": each.trigger,
        "enabled": each.enabled,
        "settings": each.settings,
        "modelId": each.model_id,
    }
