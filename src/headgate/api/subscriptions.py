"""
Destination subscriptions (SPEC 12.3). Headgate's destinations have no mappings: subscriptions are stored for the clients
that manage them, and have no effect on events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from headgate.api.errors import invalid
from headgate.api.operation import ALPHA, Operation
from headgate.api.pagination import page_of
from headgate.registry import subscriptions

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.api.permissions import Level
    from headgate.registry import records


class CreateSubscription(BaseModel):
    """*trigger* is FQL."""

    model_config = ConfigDict(strict=True)

    name: str
    actionId: str
    trigger: str
    enabled: bool
    settings: dict[str, Any] | None = None
    modelId: str | None = None


class SubscriptionInput(BaseModel):
    """Omitted fields keep their values; *settings* is replaced as a whole. Headgate has no reverse ETL to schedule."""

    model_config = ConfigDict(strict=True)

    name: str | None = None
    trigger: str | None = None
    enabled: bool | None = None
    settings: dict[str, Any] | None = None
    reverseETLModelId: str | None = None
    reverseETLSchedule: dict[str, Any] | None = None


class UpdateSubscription(BaseModel):
    model_config = ConfigDict(strict=True)

    input: SubscriptionInput


def create(call: Call) -> dict[str, Any]:
    body: CreateSubscription = call.body
    made = subscriptions.create(
        call.change,
        call.destination(call.path["destinationId"], "admin").id,
        name=body.name,
        action_id=body.actionId,
        trigger=body.trigger,
        enabled=body.enabled,
        settings=body.settings,
        model_id=body.modelId or "",
    )
    return {"destinationSubscription": shown(made)}


def listed(call: Call) -> dict[str, Any]:
    destination = call.destination(call.path["destinationId"], "read")
    page = page_of(call.query.get("pagination"))
    found = subscriptions.listed(call.view, destination.id, page.span)
    total = subscriptions.total(call.view, destination.id)
    some, pagination = page.cut(found, lambda each: (each.id,), total)
    return {"subscriptions": [shown(each) for each in some], "pagination": pagination}


def get(call: Call) -> dict[str, Any]:
    return {"subscription": shown(_subscription(call, "read"))}


def modify(call: Call) -> dict[str, Any]:
    body: SubscriptionInput = call.body.input
    old = _subscription(call, "admin")
    if body.reverseETLSchedule is not None:
        raise invalid("must be left out: Headgate has no reverse ETL", "input.reverseETLSchedule")
    new = subscriptions.modify(
        call.change,
        old.id,
        name=body.name,
        trigger=body.trigger,
        enabled=body.enabled,
        settings=body.settings,
        model_id=body.reverseETLModelId,
    )
    return {"subscription": shown(new)}


def remove(call: Call) -> dict[str, Any]:
    subscriptions.remove(call.change, _subscription(call, "admin").id)
    return {"status": "SUCCESS"}


def shown(subscription: records.Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "name": subscription.name,
        "actionId": subscription.action_id,
        "actionSlug": subscription.action_id,
        "destinationId": subscription.destination,
        "enabled": subscription.enabled,
        "settings": subscription.settings,
        "trigger": subscription.trigger,
        **({"modelId": subscription.model_id} if subscription.model_id else {}),
    }


def _subscription(call: Call, level: Level) -> records.Subscription:
    destination = call.destination(call.path["destinationId"], level)
    return subscriptions.get(call.view, call.path["id"], destination=destination.id)


_ALL: Final = "/destinations/{destinationId}/subscriptions"
_ONE: Final = _ALL + "/{id}"

OPERATIONS = (
    Operation(
        "list_subscriptions_from_destination",
        "GET",
        _ALL,
        ALPHA,
        "source read-only",
        listed,
        query=("pagination",),
    ),
    Operation(
        "create_destination_subscription",
        "POST",
        _ALL,
        ALPHA,
        "source admin",
        create,
        body=CreateSubscription,
    ),
    Operation("get_subscription_from_destination", "GET", _ONE, ALPHA, "source read-only", get),
    Operation(
        "update_subscription_for_destination",
        "PATCH",
        _ONE,
        ALPHA,
        "source admin",
        modify,
        body=UpdateSubscription,
    ),
    Operation("remove_subscription_from_destination", "DELETE", _ONE, ALPHA, "source admin", remove),
)
