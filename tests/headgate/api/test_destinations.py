"""Destinations and their subscriptions."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.api.permissions import Resource
from headgate.registry import destinations
from headgate.registry.settings import MASK
from headgate.registry.snapshot_store import SnapshotStore
from tests.headgate.api.harness import ApiHarness, Caller

URL = "https://example.com/hook"


@pytest.fixture
def source(harness: ApiHarness) -> str:
    return made_source(harness.owner)


def made_source(caller: Caller, slug: str = "web") -> str:
    body = {"slug": slug, "enabled": True, "metadataId": "javascript"}
    return str(caller.post("/sources", body).data["source"]["id"])


def made(caller: Caller, source: str, **facts: Any) -> dict[str, Any]:
    body = {"sourceId": source, "metadataId": "webhook", "settings": {"url": URL}} | facts
    destination: dict[str, Any] = caller.post("/destinations", body).data["destination"]
    return destination


def test_a_destination_lives(harness: ApiHarness, source: str) -> None:
    destination = made(harness.owner, source, name="Hook", enabled=False)
    path = f"/destinations/{destination['id']}"

    assert (destination["name"], destination["enabled"], destination["sourceId"]) == ("Hook", False, source)
    assert destination["metadata"]["name"] == "Webhook"
    assert destination["settings"]["url"] == URL
    assert destination["settings"]["batch_max_count"] == 1
    assert harness.owner.get(path).data == {"destination": destination}
    assert harness.owner.get("/destinations").data["destinations"] == [destination]
    assert harness.owner.get(f"/sources/{source}/connected-destinations").data["destinations"] == [
        destination
    ]

    changed = harness.owner.patch(path, {"enabled": True, "settings": {"url": URL, "method": "PUT"}})
    assert changed.data["destination"]["enabled"] is True
    assert changed.data["destination"]["settings"] == destination["settings"] | {"method": "PUT"}
    assert harness.owner.patch(path, {"name": None}).data["destination"]["name"] == "Webhook"
    assert harness.owner.delete(path).data == {"status": "SUCCESS"}
    assert harness.owner.get(path).status == 404
    assert [each.type for each in harness.audited()[:4]] == [
        "Integration Deleted",
        "Integration Modified",
        "Integration Enabled",
        "Integration Created",
    ]


def test_a_destination_has_the_name_of_its_kind_until_it_is_taken(harness: ApiHarness, source: str) -> None:
    assert made(harness.owner, source)["name"] == "Webhook"
    again = {"sourceId": source, "metadataId": "webhook", "settings": {"url": URL}}
    assert harness.owner.post("/destinations", again).status == 409
    assert made(harness.owner, source, name="Second")["enabled"] is True


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"metadataId": "warehouse"}, "metadataId"),
        ({"settings": {}}, "settings.url"),
        ({"settings": {"url": "ftp://example.com"}}, "settings.url"),
        ({"settings": {"url": URL, "batch_max_count": "many"}}, "settings.batch_max_count"),
        ({"settings": {"url": URL, "colour": "red"}}, "settings.colour"),
        ({"settings": {"url": URL, "signing_secret": MASK}}, "settings.signing_secret"),
        ({"name": "two\nlines"}, "name"),
        ({"settings": None}, "settings"),
    ],
)
def test_a_destination_that_breaks_a_rule_is_refused(
    harness: ApiHarness, source: str, facts: dict[str, Any], field: str
) -> None:
    body = {"sourceId": source, "metadataId": "webhook", "settings": {"url": URL}} | facts

    answer = harness.owner.post("/destinations", body)

    assert (answer.status, answer.error["field"]) == (422, field)
    assert harness.owner.get("/destinations").data["destinations"] == []


def test_secrets_are_never_told(harness: ApiHarness, source: str) -> None:
    secret = {"headers": {"Authorization": "Bearer horse"}, "signing_secret": "battery"}
    destination = made(harness.owner, source, settings={"url": URL, **secret})
    path = f"/destinations/{destination['id']}"
    masked = {"headers": {"Authorization": MASK}, "signing_secret": MASK}

    assert destination["settings"] | masked == destination["settings"]
    harness.owner.patch(path, {"settings": {"url": URL, "timeout_ms": 500}})
    harness.owner.patch(path, {"settings": harness.owner.get(path).data["destination"]["settings"]})
    stored = SnapshotStore(harness.registry).snapshot.destinations[destination["id"]].settings
    assert {name: stored[name] for name in secret} == secret
    harness.owner.patch(path, {"settings": {"url": URL, "signing_secret": None, "headers": {}}})
    assert harness.owner.get(path).data["destination"]["settings"]["signing_secret"] is None


def test_a_sink_writes_where_its_workspace_may(harness: ApiHarness, source: str) -> None:
    sink = made(harness.owner, source, metadataId="sink", settings={"path": "out.jsonl"})
    other = made(harness.rival, made_source(harness.rival), metadataId="sink", settings={"path": "out.jsonl"})

    assert sink["settings"] == {"path": "acme/out.jsonl"}
    assert other["settings"] == {"path": "rival/out.jsonl"}
    stored = SnapshotStore(harness.registry).snapshot.destinations[sink["id"]].settings
    assert stored["path"] == str(harness.registry.directory.sinks / "acme" / "out.jsonl")
    path = f"/destinations/{sink['id']}"
    assert harness.owner.patch(path, {"settings": sink["settings"]}).data["destination"] == sink


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../x",
        "acme/../rival/out.jsonl",
        "rival/out.jsonl",
        "acme/a/b",
        ".hidden",
        "",
        "a/",
        "a\0b",
    ],
)
def test_a_sink_writes_nowhere_else(harness: ApiHarness, source: str, path: str) -> None:
    sink = made(harness.owner, source, metadataId="sink", settings={"path": "out.jsonl"})
    body = {"sourceId": source, "metadataId": "sink", "name": "Else", "settings": {"path": path}}

    answer = harness.owner.post("/destinations", body)

    assert (answer.status, answer.error["field"]) == (422, "settings.path")
    answer = harness.owner.patch(f"/destinations/{sink['id']}", {"settings": {"path": path}})
    assert (answer.status, answer.error["field"]) == (422, "settings.path")


def test_a_sink_of_the_command_line_stays_where_it_is(harness: ApiHarness, source: str) -> None:
    there = {"path": "/var/log/events.jsonl"}
    sink = harness.do(
        lambda change: destinations.create(change, source, kind="sink", name="Log", settings=there)
    )

    changed = harness.owner.patch(f"/destinations/{sink.id}", {"settings": there, "enabled": False})

    assert changed.data["destination"]["settings"] == there
    moved = harness.owner.patch(f"/destinations/{sink.id}", {"settings": {"path": "/var/log/other"}})
    assert moved.status == 422


def test_lists_hold_what_one_may_read(harness: ApiHarness, source: str) -> None:
    app = made_source(harness.owner, "app")
    hook = made(harness.owner, source)
    made(harness.owner, app)
    made(harness.rival, made_source(harness.rival))
    reader = harness.granted(("source-read-only", [Resource("SOURCE", source)]))

    data = reader.get("/destinations").data

    assert (data["destinations"], data["pagination"]["totalEntries"]) == ([hook], 1)
    assert harness.owner.get("/destinations").data["pagination"]["totalEntries"] == 2
    data = harness.owner.get("/destinations", pagination={"count": 1}).data
    assert (len(data["destinations"]), "next" in data["pagination"]) == (1, True)
    assert harness.caller("functions-admin").get("/destinations").data["destinations"] == []


def test_who_may_not_is_refused(harness: ApiHarness, source: str) -> None:
    destination = made(harness.owner, source)
    path = f"/destinations/{destination['id']}"
    reader = harness.caller("source-read-only")
    body = {"sourceId": source, "metadataId": "webhook", "settings": {"url": URL}, "name": "New"}

    assert reader.get(path).status == 200
    assert [
        reader.post("/destinations", body).status,
        reader.patch(path, {}).status,
        reader.delete(path).status,
    ] == [401, 401, 401]
    assert harness.caller("functions-admin").get(path).status == 401
    assert harness.caller("source-admin").patch(path, {"enabled": False}).status == 200
    for answer in (
        harness.rival.get(path),
        harness.rival.patch(path, {"enabled": True}),
        harness.rival.delete(path),
        harness.rival.get(path + "/subscriptions"),
    ):
        assert answer.refusal == (404, "", "there is no such destination")
    assert harness.rival.post("/destinations", body).refusal == (404, "", "there is no such source")


SUBSCRIPTION = {"name": "Send", "actionId": "send", "trigger": 'type = "track"', "enabled": True}


def test_a_subscription_is_kept(harness: ApiHarness, source: str) -> None:
    reader = harness.caller("source-read-only")
    all_ = f"/destinations/{made(harness.owner, source)['id']}/subscriptions"

    made_one = harness.owner.post(all_, {**SUBSCRIPTION, "settings": {"to": {"@path": "$.userId"}}})
    subscription = made_one.data["destinationSubscription"]
    path = f"{all_}/{subscription['id']}"

    assert harness.owner.get(path).data == {"subscription": subscription}
    assert harness.owner.get(all_).data["subscriptions"] == [subscription]
    changed = harness.owner.patch(path, {"input": {"enabled": False, "trigger": "all"}})
    assert changed.data["subscription"] == subscription | {"enabled": False, "trigger": "all"}
    assert harness.owner.patch(path, {"input": {"trigger": "type ="}}).error["field"] == "trigger"
    scheduled = harness.owner.patch(path, {"input": {"reverseETLSchedule": {"strategy": "MANUAL"}}})
    assert scheduled.error["field"] == "input.reverseETLSchedule"
    assert reader.patch(path, {"input": {}}).status == 401
    assert harness.owner.delete(path).data == {"status": "SUCCESS"}
    assert harness.owner.get(path).status == 404
    assert [each.type for each in harness.audited()[:3]] == [
        "Destination Subscription Deleted",
        "Destination Subscription Disabled",
        "Destination Subscription Created",
    ]


def test_a_subscription_is_found_at_its_destination_only(harness: ApiHarness, source: str) -> None:
    first, second = (
        f"/destinations/{made(harness.owner, source, name=name)['id']}/subscriptions" for name in "ab"
    )
    name = harness.owner.post(first, SUBSCRIPTION).data["destinationSubscription"]["id"]

    assert harness.owner.get(f"{second}/{name}").status == 404
    assert harness.owner.delete(f"{second}/{name}").status == 404
    assert harness.rival.get(f"{first}/{name}").status == 404


def test_a_source_goes_with_all_that_belongs_to_it(harness: ApiHarness, source: str) -> None:
    destination = made(harness.owner, source)
    harness.owner.post(f"/destinations/{destination['id']}/subscriptions", SUBSCRIPTION)
    harness.owner.patch(f"/sources/{source}/settings", {"track": {"allowUnplannedEvents": False}})

    assert harness.owner.delete(f"/sources/{source}").status == 200
    assert harness.owner.get("/destinations").data["destinations"] == []
