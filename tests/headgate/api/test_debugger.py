"""The last events of a source, for whoever may read it."""

from __future__ import annotations

from headgate.registry import sources
from tests.headgate.api.harness import ApiHarness
from tests.headgate.pipeline.harness import arrival


def test_the_last_events_are_listed(harness: ApiHarness) -> None:
    source = harness.do(lambda change: sources.create(change, harness.workspace, slug="web")).id
    path = f"/sources/{source}/debugger/events"
    assert harness.owner.get(path).data == {
        "events": [],
        "pagination": {"current": "MA==", "totalEntries": 0},
    }
    harness.debugger.saw(source, [arrival(1), arrival(2, {"type": "page", "name": "Home"})])
    page = harness.owner.get(path, pagination={"count": 1}).data
    (newest,) = page["events"]

    assert (newest["messageId"], newest["type"]) == ("m2", "page")
    assert newest["payload"] == arrival(2, {"type": "page", "name": "Home"}).event
    assert newest["receivedAt"].startswith("2026-01-01T00:00:00.")
    assert page["pagination"]["next"]
    preview = {"code": "function onPage(e) { return e }", "payload": newest["payload"]}
    assert harness.owner.post("/functions/preview", preview).data["result"]["output"] == newest["payload"]


def test_they_are_for_those_who_may_read_the_source(harness: ApiHarness) -> None:
    source = harness.do(lambda change: sources.create(change, harness.workspace, slug="web")).id
    path = f"/sources/{source}/debugger/events"

    assert harness.caller("source-read-only").get(path).status == 200
    assert harness.caller("functions-admin").get(path).status == 401
    assert harness.rival.get(path).status == 404
