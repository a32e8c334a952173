"""Functions and their versions (SPEC 12.3, 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from headgate.api.errors import invalid, not_found
from headgate.api.operation import ALPHA, STABLE, Operation, Preparation
from headgate.api.pagination import page_of
from headgate.api.permissions import refused
from headgate.api.times import iso
from headgate.registry import functions, lifecycle, limits, settings
from headgate.registry.errors import NotFound
from headgate.registry.settings import Type  # noqa: TC001 - pydantic reads it
from headgate.registry.snapshot import Isolation, Language  # noqa: TC001 - pydantic reads them

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry import records

ResourceType = Literal[
    "DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE", "INSERT_TRANSFORMATION", "SOURCE"
]

RESOURCE_TYPE: Final = "INSERT_DESTINATION"
"""The only type of function Headgate has (SPEC 1.1)."""


class Setting(BaseModel):
    """The definition of a setting; all six keys are required (SPEC 5)."""

    model_config = ConfigDict(strict=True)

    name: str
    label: str
    description: str
    type: Type
    required: bool
    sensitive: bool


class CreateFunction(BaseModel):
    """*language*, *batchMaxCount*, *isolation* and *timeMs* are extensions of Headgate; the official clients omit them."""

    model_config = ConfigDict(strict=True)

    code: str
    displayName: str
    resourceType: ResourceType
    settings: list[Setting] = []
    logoUrl: str = ""
    description: str = ""
    language: Language = "javascript"
    batchMaxCount: int = limits.BATCH_COUNT_DEFAULT
    isolation: Isolation = "warm"
    timeMs: int = limits.TIME_MS_DEFAULT


class UpdateFunction(BaseModel):
    """Omitted fields keep their values. A new *language* without *code* is one for the code there is."""

    model_config = ConfigDict(strict=True)

    code: str | None = None
    displayName: str | None = None
    settings: list[Setting] | None = None
    logoUrl: str | None = None
    description: str | None = None
    language: Language | None = None
    batchMaxCount: int | None = None
    isolation: Isolation | None = None
    timeMs: int | None = None


class Deploy(BaseModel):
    """Deploys to all instances of the function, or only to *instanceIds* (SPEC D27)."""

    model_config = ConfigDict(strict=True)

    instanceIds: list[str] | None = None


class Restore(BaseModel):
    model_config = ConfigDict(strict=True)

    versionId: str


def create(call: Call) -> dict[str, Any]:
    body: CreateFunction = call.body
    _may_create(call)
    function = functions.create(
        call.change,
        call.workspace,
        display_name=body.displayName,
        code=call.prepared,
        definitions=_definitions(body.settings),
        description=body.description,
        logo_url=body.logoUrl,
        batch_max_count=body.batchMaxCount,
        isolation=body.isolation,
        time_ms=body.timeMs,
    )
    return {"function": shown(function)}


def listed(call: Call) -> dict[str, Any]:
    kind = call.query.get("resourceType")
    if kind is None:
        raise invalid("is required", "resourceType")
    if kind not in get_args(ResourceType):
        raise invalid(f"must be one of {', '.join(get_args(ResourceType))}", "resourceType")
    page = page_of(call.query.get("pagination"))
    among = call.readable_functions() if kind == RESOURCE_TYPE else []
    found = functions.summaries(call.view, call.workspace, among=among, span=page.span)
    total = functions.total(call.view, call.workspace, among=among)
    some, pagination = page.cut(found, lambda each: (each.id,), total)
    return {"functions": [_item(each) for each in some], "pagination": pagination}


def get(call: Call) -> dict[str, Any]:
    return {"function": shown(call.function(call.path["functionId"], "read"))}


def modify(call: Call) -> dict[str, Any]:
    body: UpdateFunction = call.body
    function = _administered(call)
    functions.modify(
        call.change,
        function.id,
        display_name=body.displayName,
        description=body.description,
        logo_url=body.logoUrl,
        batch_max_count=body.batchMaxCount,
        isolation=body.isolation,
        time_ms=body.timeMs,
    )
    if call.prepared is not None or body.settings is not None:
        definitions = None if body.settings is None else _definitions(body.settings)
        lifecycle.save(call.change, function.id, code=call.prepared, definitions=definitions)
    return {"function": shown(functions.get(call.view, function.id))}


def remove(call: Call) -> dict[str, Any]:
    """With `force`, its instances are deleted too, which requires permission to administer their sources."""
    function = _administered(call)
    force = call.query.get("force") == "true"
    if force:
        call.administer_destinations(function)
    lifecycle.remove(call.change, function.id, force=force)
    return {"status": "SUCCESS"}


def deploy(call: Call) -> dict[str, Any]:
    """Moves the instances to the latest version, which requires permission to administer their sources, too."""
    function = _administered(call)
    only = call.body.instanceIds
    call.administer_destinations(function, only)
    lifecycle.deploy(call.change, function.id, only)
    return {"functionDeployment": {"status": "SUCCESS"}}


def versions(call: Call) -> dict[str, Any]:
    function = call.function(call.path["functionId"], "read")
    page = page_of(call.query.get("pagination"), int)
    found = functions.versions(call.view, function.id, page.span)
    some, pagination = page.cut(found, lambda each: (each.number,), function.latest.number)
    return {"versions": [version_shown(each) for each in some], "pagination": pagination}


def version(call: Call) -> dict[str, Any]:
    function = call.function(call.path["functionId"], "read")
    return {"version": version_shown(_version(call, function.id, call.path["versionId"]))}


def restore(call: Call) -> dict[str, Any]:
    function = _administered(call)
    wanted = call.path.get("versionId") or call.body.versionId
    _version(call, function.id, wanted)
    return {"version": version_shown(lifecycle.restore(call.change, function.id, wanted).latest)}


def shown(function: records.Function) -> dict[str, Any]:
    return {
        **_item(function),
        "code": function.latest.code,
        "language": function.latest.language,
        "deployedAt": None if function.deployed is None else iso(function.deployed.deployed_at or 0),
        "settings": [each.as_json() for each in function.settings],
        "batchMaxCount": function.batch_max_count,
        "isolation": function.isolation,
        "timeMs": function.time_ms,
        "isLatestVersion": function.is_latest_version,
        "workspaceId": function.workspace,
        "buildpack": "boreal",
    }


def version_shown(each: records.Version) -> dict[str, Any]:
    return {
        "id": each.id,
        "author": each.author,
        "code": each.code,
        "isDeployed": each.is_deployed,
        "createdAt": iso(each.created_at),
        "updatedAt": iso(each.created_at),
        **({} if each.deployed_at is None else {"deployedAt": iso(each.deployed_at)}),
    }


def _item(function: records.Function | functions.Summary) -> dict[str, Any]:
    return {
        "id": function.id,
        "resourceType": RESOURCE_TYPE,
        "createdAt": iso(function.created_at),
        "createdBy": function.created_by,
        "displayName": function.display_name,
        "description": function.description,
        "logoUrl": function.logo_url,
        "catalogId": function.id,
    }


def _version(call: Call, function: str, name: str) -> records.Version:
    try:
        return functions.version(call.view, function, name)
    except NotFound:
        raise not_found("version") from None


def _definitions(given: list[Setting]) -> tuple[settings.Definition, ...]:
    return settings.definitions([each.model_dump() for each in given])


def _may_create(call: Call) -> None:
    if not call.principal.may_function(None, "admin"):
        raise refused()


def _administered(call: Call) -> records.Function:
    return call.function(call.path["functionId"], "admin")


def _checked_new(body: CreateFunction, _: None) -> functions.Code:
    if body.resourceType != RESOURCE_TYPE:
        raise invalid(f"must be {RESOURCE_TYPE}: Headgate has no other functions", "resourceType")
    return functions.checked(body.code, body.language, time_ms=body.timeMs)


def _checked_change(body: UpdateFunction, function: records.Function) -> functions.Code | None:
    """The new version's code; None if neither code nor language is given."""
    if body.code is None and body.language is None:
        return None
    return functions.checked(
        function.latest.code if body.code is None else body.code,
        body.language or function.latest.language,
        time_ms=function.time_ms if body.timeMs is None else body.timeMs,
    )


_ONE: Final = "/functions/{functionId}"

OPERATIONS = (
    Operation(
        "create_function",
        "POST",
        "/functions",
        STABLE,
        "functions admin of all",
        create,
        body=CreateFunction,
        prepare=Preparation(_may_create, _checked_new),
    ),
    Operation(
        "list_functions",
        "GET",
        "/functions",
        STABLE,
        "any token",
        listed,
        query=("resourceType*", "pagination"),
    ),
    Operation("get_function", "GET", _ONE, STABLE, "functions read-only", get),
    Operation(
        "update_function",
        "PATCH",
        _ONE,
        STABLE,
        "functions admin",
        modify,
        body=UpdateFunction,
        prepare=Preparation(_administered, _checked_change),
    ),
    Operation("delete_function", "DELETE", _ONE, STABLE, "functions admin", remove, query=("force",)),
    Operation(
        "create_function_deployment",
        "POST",
        _ONE + "/deploy",
        STABLE,
        "functions admin and source admin",
        deploy,
        body=Deploy,
    ),
    Operation(
        "list_function_versions",
        "GET",
        _ONE + "/versions",
        ALPHA,
        "functions read-only",
        versions,
        query=("pagination",),
    ),
    Operation(
        "get_function_version", "GET", _ONE + "/versions/{versionId}", ALPHA, "functions read-only", version
    ),
    Operation(
        "restore_function_version",
        "POST",
        _ONE + "/versions",
        ALPHA,
        "functions admin",
        restore,
        body=Restore,
    ),
    Operation(
        "restore_function_version_by_path",
        "POST",
        _ONE + "/versions/{versionId}/restore",
        ALPHA,
        "functions admin",
        restore,
    ),
)
