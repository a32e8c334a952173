"""How many events a workspace accepted (SPEC 12.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headgate.api.operation import STABLE, Operation
from headgate.api.overview import names, reported
from headgate.api.pagination import page_of
from headgate.api.query import strings
from headgate.api.ranges import range_of
from headgate.api.series import groups, kinds_of, place, points
from headgate.api.times import iso
from headgate.queue.model import Step
from headgate.queue.reports import Question
from headgate.registry import sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.api.call import Call
    from headgate.api.pagination import Page
    from headgate.api.services import Services
    from headgate.queue.reports import Column, Reports, Window
    from headgate.registry.records import Source

COLUMNS: Final[dict[str, Column]] = {
    "source": "source",
    "sourceId": "source",
    "eventName": "event_name",
    "eventType": "event_type",
    "appVersion": "app_version",
}
"""The dimensions to group by. A source may be given by the name in the response or by that of the parameter."""

_FILTERS: Final = ("eventName", "eventType", "appVersion")


@dataclass(frozen=True, slots=True)
class Asked:
    window: Window
    question: Question
    by: tuple[str, ...]
    page: Page
    sources: Mapping[str, Source]
    query: dict[str, Any]


def handler(call: Call) -> Asked:
    """The report of the named sources, or of all that the caller may read."""
    range_ = range_of(call.query, call.view.now)
    by = names(call.query.get("groupBy"), "groupBy", tuple(COLUMNS))
    # Not split at commas, which event names may contain: a single string is a single value.
    given = {name: call.query.get(name) for name in _FILTERS}
    among = {
        name: tuple(strings([each] if isinstance(each, str) else each, name))
        for name, each in given.items()
        if each
    }
    ids = dict.fromkeys(strings(call.query.get("sourceId"), "sourceId"))
    if ids:
        seen = [call.source(id_, "read") for id_ in ids]
    else:
        seen = [each for each in sources.listed(call.view, call.workspace) if call.may_source(each, "read")]
    query = {
        "workspaceId": call.workspace,
        "granularity": range_.granularity,
        "startTime": iso(range_.start_ms),
        "endTime": iso(range_.end_ms),
        **({"groupBy": list(by)} if by else {}),
        **({"sourceId": list(ids)} if ids else {}),
        **{name: list(values) for name, values in among.items()},
    }
    return Asked(
        range_.window,
        Question(
            (Step.RECEIVED,),
            tuple(each.id for each in seen),
            among=tuple((COLUMNS[name], values) for name, values in among.items()),
        ),
        by,
        page_of(call.query.get("pagination"), *kinds_of(by)),
        {each.id: each for each in seen},
        query,
    )


async def run(asked: Asked, services: Services) -> dict[str, Any]:
    return await reported(_report, asked, services)


def _report(asked: Asked, reports: Reports) -> dict[str, Any]:
    found = groups(reports.events(asked.window, asked.question, tuple(COLUMNS[name] for name in asked.by)))
    some, pagination = asked.page.of(found, place)
    return {
        "path": "/events/volume",
        "query": asked.query,
        "result": [
            _about(asked, group.key) | {"total": group.counts.total(), "series": points(group)}
            for group in some
        ],
        "pagination": pagination,
    }


def _about(asked: Asked, key: tuple[str, ...]) -> dict[str, Any]:
    about: dict[str, Any] = {}
    for name, value in zip(asked.by, key, strict=True):
        if COLUMNS[name] == "source":
            source = asked.sources[value]
            about["source"] = {"id": source.id, "name": source.name, "slug": source.slug}
        elif value:
            about[name] = value
    return about


OPERATIONS: Final = (
    Operation(
        "get_events_volume_from_workspace",
        "GET",
        "/events/volume",
        STABLE,
        "any token",
        handler,
        query=(
            "granularity*",
            "startTime*",
            "endTime*",
            "groupBy",
            "sourceId",
            *_FILTERS,
            "pagination",
        ),
        rate="scarce",
        runs=run,
    ),
)
