"""Deletion and suppression (SPEC 2.5, 12.3)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from headgate.api.errors import ApiError, invalid, not_found
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.api.times import iso
from headgate.registry import regulations
from headgate.registry.errors import Unavailable

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.api.services import Services
    from headgate.registry.records import Regulation

STATUSES: Final = (
    "FAILED",
    "FINISHED",
    "INITIALIZED",
    "INVALID",
    "NOT_SUPPORTED",
    "PARTIAL_SUCCESS",
    "RUNNING",
)
"""The statuses of the hosted API, of which Headgate uses two."""


class CreateRegulation(BaseModel):
    model_config = ConfigDict(strict=True)

    regulationType: str
    subjectType: str
    subjectIds: list[str]


def create(call: Call) -> Regulation:
    call.owner()
    return _create(call, "")


def create_for_source(call: Call) -> Regulation:
    call.owner()
    return _create(call, call.source(call.path["sourceId"], "admin").id)


def _create(call: Call, source: str) -> Regulation:
    body: CreateRegulation = call.body
    return regulations.create(
        call.change,
        call.workspace,
        kind=body.regulationType,
        subject_type=body.subjectType,
        subjects=body.subjectIds,
        source=source,
    )


async def delete(regulation: Regulation, services: Services) -> dict[str, Any]:
    """Stores the delete events before the response. If that fails, repeating the request resumes it."""
    try:
        await services.deletions(regulation)
    except Unavailable as error:
        raise ApiError(503, str(error)) from None
    return {"regulateId": regulation.id}


def get(call: Call) -> dict[str, Any]:
    call.owner()
    found = regulations.find(call.view, call.workspace, call.path["regulateId"])
    if found is None:
        raise not_found("regulation")
    return {
        "regulation": {
            "id": found.id,
            "workspaceId": found.workspace,
            "overallStatus": _status(found),
            "createdAt": iso(found.created_at),
            # The outcome at each destination is in the delivery overview, like that of all events.
            "streamStatus": [{"id": found.source, "destinationStatus": []}] if found.source else [],
            **_finished(found),
        }
    }


def listed(call: Call) -> dict[str, Any]:
    call.owner()
    return _listed(call, None)


def listed_of_source(call: Call) -> dict[str, Any]:
    """Only those that apply to this source alone."""
    call.owner()
    return _listed(call, call.source(call.path["sourceId"], "read").id)


def _listed(call: Call, source: str | None) -> dict[str, Any]:
    page = page_of(call.query.get("pagination"))
    status, types = call.query.get("status"), call.query.get("regulationTypes")
    if status is not None and status not in STATUSES:
        raise invalid(f"must be one of {', '.join(STATUSES)}", "status")
    if isinstance(types, str):
        types = types.split(",")
    known = (*regulations.TYPES, *regulations.ARCHIVES)
    if types is not None and not (isinstance(types, list) and all(each in known for each in types)):
        raise invalid(f"must be a list of {', '.join(known)}", "regulationTypes")
    found: list[Regulation] = []
    if status in (None, "FINISHED", "RUNNING"):
        found = regulations.listed(
            call.view,
            call.workspace,
            source=source,
            finished=None if status is None else status == "FINISHED",
            types=types,
            span=page.span,
        )
    some, pagination = page.cut(found, lambda each: (each.id,))
    return {"regulations": [_entry(each) for each in some], "pagination": pagination}


def suppressed(call: Call) -> dict[str, Any]:
    """The page size counts ids. *sourceId*, an extension, marks ids that are suppressed at one source only."""
    call.owner()
    page = page_of(call.query.get("pagination"), str, str, str)
    found = regulations.suppressions_of(call.view, call.workspace, page.span)
    some, pagination = page.cut(found, tuple)
    alike = itertools.groupby(some, key=lambda each: (each.source, each.subject_type))
    return {
        "suppressed": [
            {
                "subjectType": subject_type,
                "subjectIds": [each.subject for each in group],
                **({"sourceId": source} if source else {}),
            }
            for (source, subject_type), group in alike
        ],
        "pagination": pagination,
    }


def _entry(found: Regulation) -> dict[str, Any]:
    return {
        "id": found.id,
        "subjectType": found.subject_type,
        "subjects": list(found.subjects),
        "status": _status(found),
        "createdAt": iso(found.created_at),
        "regulationType": found.type,
        **_finished(found),
    }


def _status(found: Regulation) -> str:
    return "RUNNING" if found.finished_at is None else "FINISHED"


def _finished(found: Regulation) -> dict[str, str]:
    return {} if found.finished_at is None else {"finishedAt": iso(found.finished_at)}


_QUERY: Final = ("status", "regulationTypes", "pagination")
_OF_SOURCE: Final = "/regulations/sources/{sourceId}"

OPERATIONS: Final = (
    Operation(
        "create_workspace_regulation",
        "POST",
        "/regulations",
        STABLE,
        "owner",
        create,
        body=CreateRegulation,
        runs=delete,
    ),
    Operation(
        "create_source_regulation",
        "POST",
        _OF_SOURCE,
        STABLE,
        "owner",
        create_for_source,
        body=CreateRegulation,
        runs=delete,
    ),
    Operation("list_workspace_regulations", "GET", "/regulations", STABLE, "owner", listed, query=_QUERY),
    Operation(
        "list_regulations_from_source", "GET", _OF_SOURCE, STABLE, "owner", listed_of_source, query=_QUERY
    ),
    Operation("get_regulation", "GET", "/regulations/{regulateId}", STABLE, "owner", get),
    Operation(
        "list_suppressions", "GET", "/suppressions", STABLE, "owner", suppressed, query=("pagination",)
    ),
)
