"""The audit trail: who did what, by pages that stand still, and as a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from headgate.api import audit as api
from headgate.registry import audit, limits
from headgate.service import retention
from tests.headgate.api.harness import START_MS, ApiHarness

DAY_MS = 24 * 3_600_000


def group(harness: ApiHarness, name: str) -> str:
    made: str = harness.owner.post("/groups", {"name": name}).data["userGroup"]["id"]
    return made


def names(answer: dict[str, Any]) -> list[str]:
    return [each["resourceName"] for each in answer["events"]]


def sheet(harness: ApiHarness, query: str = "") -> list[list[str]]:
    got = harness.fetch("GET", f"/audit-events.csv{query}", harness.owner.token)
    assert got.status_code == 200
    assert got.headers["content-type"] == "text/csv; charset=utf-8"
    assert got.headers["content-disposition"] == 'attachment; filename="audit-events.csv"'
    return list(csv.reader(io.StringIO(got.text)))


def test_an_event_tells_who_did_what(harness: ApiHarness) -> None:
    made = group(harness, "Analysts")
    harness.owner.patch(f"/groups/{made}", {"name": "Readers"})

    modified, created = harness.owner.get("/audit-events").data["events"][:2]

    assert (modified["type"], created["type"]) == ("User Group Modified", "User Group Created")
    assert modified["resourceType"] == "user_group"
    assert modified["resourceId"] == made
    assert modified["actorType"] == "token"
    assert "actorEmail" not in modified
    assert created["before"] is None
    assert modified["before"] == created["after"] != modified["after"]


def test_events_are_found(harness: ApiHarness) -> None:
    first = group(harness, "First")
    harness.clock.advance(DAY_MS)
    second = group(harness, "Second")
    harness.owner.delete(f"/groups/{first}")

    def found(**query: Any) -> list[str]:
        return names(harness.owner.get("/audit-events", **query).data)

    assert found(resourceId=first) == ["First", "First"]
    assert found(resourceId=first, type="User Group Deleted") == ["First"]
    assert found(resourceType="user_group") == ["First", "Second", "First"]
    assert found(startTime="2026-01-01T12:00:00Z") == ["First", "Second"]
    assert found(startTime="2026-01-01T14:00:00+02:00", resourceId=second) == ["Second"]
    assert found(endTime="2026-01-01T12:00:00.000Z", resourceType="user_group") == ["First"]
    assert found(endTime="2026-01-01") == []
    assert found(actor="nobody") == []
    assert harness.owner.get("/audit-events", startTime="yesterday").refusal[:2] == (422, "startTime")
    assert harness.rival.get("/audit-events", resourceId=first).data["events"] == []


def test_pages_stand_still_while_events_come(harness: ApiHarness) -> None:
    for number in range(6):
        group(harness, f"{number}")
    wanted = {"resourceType": "user_group"}
    first = harness.owner.get("/audit-events", **wanted, pagination={"count": 2}).data
    group(harness, "6")
    group(harness, "7")

    def turned(page: dict[str, Any], to: str) -> dict[str, Any]:
        pagination = {"count": 2, "cursor": page["pagination"][to]}
        return harness.owner.get("/audit-events", **wanted, pagination=pagination).data

    second = turned(first, "next")
    third = turned(second, "next")
    assert [names(each) for each in (first, second, third)] == [["5", "4"], ["3", "2"], ["1", "0"]]
    assert "next" not in third["pagination"]
    assert "previous" not in first["pagination"]
    assert names(turned(third, "previous")) == ["3", "2"]
    assert names(turned(turned(third, "previous"), "previous")) == ["5", "4"]
    assert names(turned(turned(second, "previous"), "previous")) == ["7", "6"]
    assert names(turned(third, "current")) == names(third)


@pytest.mark.parametrize("cursor", ["x", "MTA=", "MS4x", "MS4xLjEuMQ=="])
def test_a_cursor_is_one_of_ours(harness: ApiHarness, cursor: str) -> None:
    answer = harness.owner.get("/audit-events", pagination={"count": 2, "cursor": cursor})

    assert answer.refusal[:2] == (422, "pagination.cursor")


def test_a_spreadsheet_has_every_event_and_no_formula(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "ROWS", 3)
    strange = ['=cmd|" /C calc"!A0', "+1", "-1", "@SUM(A1)", "\uff1d1", 'plain, "quoted"']
    for name in strange:
        group(harness, name)

    head, *rows = sheet(harness)

    assert tuple(head) == api.COLUMNS
    listed = harness.owner.get("/audit-events").data["events"]
    assert [row[head.index("id")] for row in rows] == [each["id"] for each in listed]
    told = [row[head.index("resourceName")] for row in rows][: len(strange)]
    assert told == [strange[-1], *[f"'{each}" for each in reversed(strange[:-1])]]
    assert len(sheet(harness, "?resourceType=user_group")) == 1 + len(strange)
    assert sheet(harness, "?resourceType=none") == [head]


def test_a_spreadsheet_is_for_who_takes_one(harness: ApiHarness) -> None:
    def status(accept: str) -> int:
        return harness.send("GET", "/audit-events.csv", None, _headers(harness, accept)).status

    assert status("application/json") == 406
    assert harness.fetch("GET", "/audit-events.csv?startTime=x", harness.owner.token).json()["errors"][0] == {
        "type": "input-validation",
        "message": '"startTime" must be an ISO 8601 time, such as 2026-01-31T12:00:00Z',
        "field": "startTime",
    }


def test_old_events_are_forgotten(harness: ApiHarness) -> None:
    group(harness, "Old")
    before = len(harness.audited())
    harness.clock.advance(limits.AUDIT_MS - 1_000)
    group(harness, "New")

    assert retention.sweep(harness.registry) == 0
    revision = harness.registry.cell.value
    harness.clock.advance(DAY_MS)
    assert retention.sweep(harness.registry) >= before
    assert [each.resource_name for each in harness.audited()] == ["New"]
    assert harness.registry.cell.value == revision


def test_events_are_forgotten_by_and_by(harness: ApiHarness) -> None:
    for number in range(5):
        group(harness, f"{number}")
    with harness.registry.change() as change:
        change.now = START_MS + limits.AUDIT_MS + DAY_MS
        assert audit.sweep(change, most=3) == 3


def _headers(harness: ApiHarness, accept: str) -> dict[str, str]:
    return {"authorization": f"Bearer {harness.owner.token}", "accept": accept}
