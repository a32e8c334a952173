"""The daily usage of a workspace, in UTC (SPEC 12.3): events accepted, and the work of its functions."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headgate.api.errors import invalid
from headgate.api.operation import ALPHA, STABLE, Operation
from headgate.api.pagination import Page, page_of

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.api.services import Services

_EPOCH: Final = date(1970, 1, 1)


class _Wanted(NamedTuple):
    """Days count from the epoch; the range includes *last_day*. *functions* None stands for all."""

    workspace: str
    first_day: int
    last_day: int
    page: Page
    functions: frozenset[str] | None = None


def wanted(call: Call) -> _Wanted:
    """Requires an owner."""
    call.owner()
    return _asked(call)


def of_functions(call: Call) -> _Wanted:
    asked = _asked(call)
    wanted = call.query.get("functionId")
    if wanted is not None and not isinstance(wanted, str):
        raise invalid("must be one id", "functionId")
    if wanted:
        return asked._replace(functions=frozenset({call.function(wanted, "read").id}))
    readable = call.readable_functions()
    return asked if readable is None else asked._replace(functions=frozenset(readable))


def _asked(call: Call) -> _Wanted:
    page = page_of(call.query.get("pagination"), str, str)
    return _Wanted(call.workspace, *_days(call.query.get("period")), page)


def _days(period: Any) -> tuple[int, int]:
    """The first and last day of the month that contains *period*, a date or time."""
    if period is None:
        raise invalid("is required", "period")
    try:
        moment = datetime.fromisoformat(period)
    except (TypeError, ValueError):
        raise invalid("must be an ISO 8601 date, such as 2026-01-01", "period") from None
    if moment.tzinfo is not None:
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            raise invalid("is too far away", "period") from None
    first = moment.date().replace(day=1)
    if first.year >= 9999:
        raise invalid("is too far away", "period")
    following = (first + timedelta(days=31)).replace(day=1)
    return (first - _EPOCH).days, (following - _EPOCH).days - 1


def _timestamp(day: int) -> str:
    return f"{_EPOCH + timedelta(days=day)}T00:00:00.000Z"


async def of_workspace(asked: _Wanted, services: Services) -> dict[str, Any]:
    """Has an entry for every day of the period so far."""
    calls = await asyncio.to_thread(services.samples.calls, asked.workspace, asked.first_day, asked.last_day)
    today = int(services.clock.wall_ms() // 86_400_000)
    days = dict.fromkeys(range(asked.first_day, min(today, asked.last_day) + 1), 0)
    for key, events in calls.items():
        days[key.day] = days.get(key.day, 0) + events
    entries = [
        {"apiCalls": str(events), "timestamp": _timestamp(day)} for day, events in sorted(days.items())
    ]
    return _page("dailyWorkspaceAPICallsUsage", entries, asked.page)


async def of_sources(asked: _Wanted, services: Services) -> dict[str, Any]:
    """Has entries only for days and sources with events."""
    calls = await asyncio.to_thread(services.samples.calls, asked.workspace, asked.first_day, asked.last_day)
    entries = [
        {"sourceId": key.source, "apiCalls": str(events), "timestamp": _timestamp(key.day)}
        for key, events in calls.items()
    ]
    return _page("dailyPerSourceAPICallsUsage", entries, asked.page, "sourceId")


async def listed_of_functions(asked: _Wanted, services: Services) -> dict[str, Any]:
    """
    Has entries only for days and functions that ran. Callers who may read all functions also see deleted ones, and
    previews of code that was never saved (headgate.pipeline.admission.UNSAVED).
    """
    found = await asyncio.to_thread(services.samples.usage, asked.workspace, asked.first_day, asked.last_day)
    entries = [
        {
            "functionId": key.function,
            "executions": used.executions,
            "fuel": used.fuel,
            "durationMs": round(used.wall_ms, 3),
            "bytesOut": used.bytes_out,
            "timestamp": _timestamp(key.day),
        }
        for key, used in found.items()
        if asked.functions is None or key.function in asked.functions
    ]
    return _page("dailyFunctionsUsage", entries, asked.page, "functionId")


def _page(name: str, entries: list[dict[str, Any]], page: Page, of: str = "") -> dict[str, Any]:
    """A page of *entries*, sorted by day, and then by *of* if a day may have several."""
    some, pagination = page.of(entries, lambda each: (each["timestamp"], each.get(of, "")))
    return {name: some, "pagination": pagination}


OPERATIONS = (
    Operation(
        "get_daily_workspace_api_calls_usage",
        "GET",
        "/usage/api-calls/daily",
        STABLE,
        "owner",
        wanted,
        query=("period*", "pagination"),
        runs=of_workspace,
    ),
    Operation(
        "get_daily_per_source_api_calls_usage",
        "GET",
        "/usage/api-calls/sources/daily",
        STABLE,
        "owner",
        wanted,
        query=("period*", "pagination"),
        runs=of_sources,
    ),
    Operation(
        "get_daily_functions_usage",
        "GET",
        "/usage/functions/daily",
        ALPHA,
        "any token",
        of_functions,
        query=("period*", "functionId", "pagination"),
        runs=listed_of_functions,
    ),
)
