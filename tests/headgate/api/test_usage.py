"""What a workspace used, by day."""

from __future__ import annotations

import pytest

from headgate.api.permissions import Resource
from headgate.samples.file import DAY_MS, CallKey, SampleFile, Usage, UsageKey
from tests.headgate.api.harness import START_MS, ApiHarness

TODAY = START_MS // DAY_MS
"""The first of January."""


def use(harness: ApiHarness, usage: dict[UsageKey, Usage], calls: dict[CallKey, int]) -> None:
    for worker in (0, 1):
        file = SampleFile(harness.data.samples(worker))
        file.write([], usage, START_MS, calls)
        file.close()


def test_events_accepted_are_counted_by_day_and_source(harness: ApiHarness) -> None:
    harness.clock.advance(2 * DAY_MS)
    calls = {
        CallKey(TODAY - 1, harness.workspace, "a"): 5,
        CallKey(TODAY, harness.workspace, "a"): 1,
        CallKey(TODAY, harness.workspace, "b"): 2,
        CallKey(TODAY + 2, harness.workspace, "b"): 4,
        CallKey(TODAY, harness.rivals, "c"): 100,
    }
    use(harness, {}, calls)
    days = [f"2026-01-0{day}T00:00:00.000Z" for day in (1, 2, 3)]

    whole = harness.owner.get("/usage/api-calls/daily", period="2026-01-01").data
    assert whole["dailyWorkspaceAPICallsUsage"] == [
        {"apiCalls": calls, "timestamp": day} for calls, day in zip(("6", "0", "8"), days, strict=True)
    ]
    each = harness.owner.get("/usage/api-calls/sources/daily", period="2026-01-31T23:00:00Z").data
    assert each["dailyPerSourceAPICallsUsage"] == [
        {"sourceId": "a", "apiCalls": "2", "timestamp": days[0]},
        {"sourceId": "b", "apiCalls": "4", "timestamp": days[0]},
        {"sourceId": "b", "apiCalls": "8", "timestamp": days[2]},
    ]
    path = "/usage/api-calls/sources/daily"
    paged = harness.owner.get(path, period="2026-01-01", pagination={"count": 1}).data
    rest = {"count": 9, "cursor": paged["pagination"]["next"]}
    paged = harness.owner.get(path, period="2026-01-01", pagination=rest).data
    assert paged["dailyPerSourceAPICallsUsage"] == each["dailyPerSourceAPICallsUsage"][1:]
    before = harness.owner.get("/usage/api-calls/daily", period="2025-12-25").data
    assert len(before["dailyWorkspaceAPICallsUsage"]) == 31
    assert before["dailyWorkspaceAPICallsUsage"][-1]["apiCalls"] == "10"


def test_the_page_before_today_is_the_same_while_today_goes_on(harness: ApiHarness) -> None:
    harness.clock.advance(2 * DAY_MS)

    def page(**cursor: str) -> tuple[list[str], dict[str, str]]:
        pagination = {"count": 1, **cursor}
        data = harness.owner.get("/usage/api-calls/daily", period="2026-01-01", pagination=pagination).data
        days = [each["timestamp"][:10] for each in data["dailyWorkspaceAPICallsUsage"]]
        return days, data["pagination"]

    today = CallKey(TODAY + 2, harness.workspace, "a")
    use(harness, {}, {today: 4})
    _, first = page()
    yesterday, second = page(cursor=first["next"])
    assert page(cursor=second["next"])[0] == ["2026-01-03"]
    last = page(cursor=second["next"])[1]
    use(harness, {}, {today: 1})

    assert page(cursor=last["previous"])[0] == yesterday == ["2026-01-02"]


def test_functions_are_metered_for_those_who_may_read_them(harness: ApiHarness) -> None:
    body = {"code": "function onTrack(e) { return e }", "resourceType": "INSERT_DESTINATION"}
    first, second = (
        harness.owner.post("/functions", body | {"displayName": name}).data["function"]["id"] for name in "ab"
    )
    key = UsageKey(TODAY, harness.workspace, first)
    use(harness, {key: Usage(3, 1_000, 2.5, 70), key._replace(function=second): Usage(1, 1, 1.0, 1)}, {})
    path = "/usage/functions/daily"
    of_first = {
        "functionId": first,
        "executions": 6,
        "fuel": 2_000,
        "durationMs": 5.0,
        "bytesOut": 140,
        "timestamp": "2026-01-01T00:00:00.000Z",
    }
    reader = harness.granted(("functions-read-only", [Resource("FUNCTION", first)]))

    assert reader.get(path, period="2026-01-01").data["dailyFunctionsUsage"] == [of_first]
    assert len(harness.owner.get(path, period="2026-01-01").data["dailyFunctionsUsage"]) == 2
    asked = harness.owner.get(path, period="2026-01-01", functionId=first).data
    assert asked["dailyFunctionsUsage"] == [of_first]
    assert reader.get(path, period="2026-01-01", functionId=second).status == 401
    assert harness.rival.get(path, period="2026-01-01", functionId=first).status == 404
    assert harness.rival.get(path, period="2026-01-01").data["dailyFunctionsUsage"] == []


@pytest.mark.parametrize(
    "period", ["", "soon", "2026-13-01", "9999-12-31", "0001-01-01T00:00:00+23:00", "[]", "{}"]
)
def test_a_period_is_a_day(harness: ApiHarness, period: str) -> None:
    assert harness.owner.get("/usage/api-calls/daily", period=period).refusal[:2] == (422, "period")


def test_usage_is_for_owners(harness: ApiHarness) -> None:
    assert harness.owner.get("/usage/api-calls/daily").refusal == (422, "period", '"period" is required')
    for path in ("/usage/api-calls/daily", "/usage/api-calls/sources/daily"):
        assert harness.caller("source-admin").get(path, period="2026-01-01").status == 401
