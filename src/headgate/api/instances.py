"""Insert function instances: functions connected to destinations (SPEC 12.3, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from headgate.api.errors import invalid
from headgate.api.operation import ALPHA, Operation
from headgate.api.pagination import page_of
from headgate.api.times import iso
from headgate.registry import functions, instances

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry import records


class CreateInstance(BaseModel):
    model_config = ConfigDict(strict=True)

    functionId: str
    integrationId: str
    name: str
    settings: dict[str, Any]
    enabled: bool = False


class UpdateInstance(BaseModel):
    """*settings* replaces the values, except that sensitive ones which are omitted, or sent as their mask, are kept (SPEC 5)."""

    model_config = ConfigDict(strict=True)

    settings: dict[str, Any]
    name: str | None = None
    enabled: bool | None = None


def create(call: Call) -> dict[str, Any]:
    body: CreateInstance = call.body
    function = call.function(body.functionId, "read")
    destination = call.destination(body.integrationId, "admin")
    instance = instances.create(
        call.change,
        function=function.id,
        destination=destination.id,
        name=body.name,
        settings=body.settings,
        enabled=body.enabled,
    )
    return {"insertFunctionInstance": shown(instance)}


def listed(call: Call) -> dict[str, Any]:
    wanted = call.query.get("functionId")
    if not isinstance(wanted, str) or not wanted:
        raise invalid("is required", "functionId")
    function = call.function(wanted, "read")
    page = page_of(call.query.get("pagination"))
    found = instances.listed(call.view, function.id, page.span)
    some, pagination = page.cut(found, lambda each: (each.id,))
    return {"instances": [shown(each) for each in some], "pagination": pagination}


def get(call: Call) -> dict[str, Any]:
    return {"insertFunctionInstance": shown(call.instance(call.path["instanceId"]))}


def modify(call: Call) -> dict[str, Any]:
    body: UpdateInstance = call.body
    instance = _administered(call)
    new = instances.modify(
        call.change, instance.id, name=body.name, settings=body.settings, enabled=body.enabled
    )
    return {"insertFunctionInstance": shown(new)}


def remove(call: Call) -> dict[str, Any]:
    instances.remove(call.change, _administered(call).id)
    return {"status": "SUCCESS"}


def _administered(call: Call) -> records.Instance:
    instance = call.instance(call.path["instanceId"])
    call.destination(instance.destination, "admin")
    return instance


def shown(instance: records.Instance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "name": instance.name,
        "integrationId": instance.destination,
        "classId": functions.bare_id(instance.function),
        "enabled": instance.enabled,
        "createdAt": iso(instance.created_at),
        "updatedAt": iso(instance.updated_at),
        "settings": dict(instance.settings),
        "encryptedSettings": dict(instance.encrypted_settings),
    }


_ALL = "/insert-function-instances"
_ONE = _ALL + "/{instanceId}"
_BOTH: Final = "functions read-only and source admin"

OPERATIONS = (
    Operation("create_insert_function_instance", "POST", _ALL, ALPHA, _BOTH, create, body=CreateInstance),
    Operation(
        "list_insert_function_instances",
        "GET",
        _ALL,
        ALPHA,
        "functions read-only",
        listed,
        query=("functionId*", "pagination"),
    ),
    Operation("get_insert_function_instance", "GET", _ONE, ALPHA, "functions read-only", get),
    Operation("update_insert_function_instance", "PATCH", _ONE, ALPHA, _BOTH, modify, body=UpdateInstance),
    Operation("delete_insert_function_instance", "DELETE", _ONE, ALPHA, _BOTH, remove),
)
