"""Destinations and their subscriptions."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.api.permissions import Resource
from headgate.registry import destinations
from headgate.registry.settings import MASK
from headgate.registry.snapshot_store import SnapshotStore
from tests.headgate.api.house import Caller, House

URL = "https://example.com/hook"


@pytest.fixture
def source(house: House) -> str:
    return made_source(house.owner)


def made_source(caller: Caller, slug: str = "web") -> str:
    body = {"slug": slug, "enabled": True, "metadataId": "javascript"}
    return str(caller.post("/sources", body).data["source"]["id"])


def made(caller: Caller, source: str, **facts: Any) -> dict[str, Any]:
    body = {"sourceId": source, "metadataId": "webhook", "settings": {"url": URL}} | facts
    destination: dict[str, Any] = caller.post("/destinations", body).data["destination"]
    return destination


def test_a_destination_lives(house: House, source: str) -> None:
    destination = made(house.owner, source, name="Hook", enabled=False)
    path = f"/destinations/{destination['id']}"

    assert (destination["name"], destination["enabled"], destination["sourceId"]) == ("Hook", False, source)
    assert destination["metadata"]["name"] == "Webhook"
    assert destination["settings"]["url"] == URL
    assert destination["settings"]["batch_max_count"] == 1
    assert house.owner.get(path).data == {"destination": destination}
    assert house.owner.get("/destinations").data["destinations"] == [destination]
    assert house.owner.get(f"/sources/{source}/connected-destinations").data["destinations"] == [destination]

    changed = house.owner.patch(path, {"enabled": True, "settings": {"url": URL, "method": "PUT"}})
    assert changed.data["destination"]["enabled"] is True
    assert changed.data["destination"]["settings"] == destination["settings"] | {"method": "PUT"}
    assert house.owner.patch(path, {"name": None}).data["destination"]["name"] == "Webhook"
    assert house.owner.delete(path).data == {"status": "SUCCESS"}
    assert house.owner.get(path).status == 404
    assert [each.type for each in house.audited()[:4]] == [
        "Integration Deleted",
        "Integration Modified",
        "Integration Enabled",
        "Integration Created",
    ]


def test_a_destination_has_the_name_of_its_kind_until_it_is_taken(house: House, source: str) -> None:
    assert made(house.owner, source)["name"] == "Webhook"
    again = {"sourceId": source, "metadataId": "webhook", "settings": {"url": URL}}
    assert house.owner.post("/destinations", again).status == 409
    assert made(house.owner, source, name="Second")["enabled"] is True


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
    house: House, source: str, facts: dict[str, Any], field: str
) -> None:
    body = {"sourceId": source, "metadataId": "webhook", "settings": {"url": URL}} | facts

    answer = house.owner.post("/destinations", body)

    assert (answer.status, answer.error["field"]) == (422, field)
    assert house.owner.get("/destinations").data["destinations"] == []


def test_secrets_are_never_told(house: House, source: str) -> None:
    secret = {"headers": {"Authorization": "Bearer horse"}, "signing_secret": "battery"}
    destination = made(house.owner, source, settings={"url": URL, **secret})
    path = f"/destinations/{destination['id']}"
    masked = {"headers": {"Authorization": MASK}, "signing_secret": MASK}

    assert destination["settings"] | masked == destination["settings"]
    house.owner.patch(path, {"settings": {"url": URL, "timeout_ms": 500}})
    house.owner.patch(path, {"settings": house.owner.get(path).data["destination"]["settings"]})
    stored = SnapshotStore(house.registry).snapshot.destinations[destination["id"]].settings
    assert {name: stored[name] for name in secret} == secret
    house.owner.patch(path, {"settings": {"url": URL, "signing_secret": None, "headers": {}}})
    assert house.owner.get(path).data["destination"]["settings"]["signing_secret"] is None


def test_a_sink_writes_where_its_workspace_may(house: House, source: str) -> None:
    sink = made(house.owner, source, metadataId="sink", settings={"path": "out.jsonl"})
    other = made(house.rival, made_source(house.rival), metadataId="sink", settings={"path": "out.jsonl"})

    assert sink["settings"] == {"path": "acme/out.jsonl"}
    assert other["settings"] == {"path": "rival/out.jsonl"}
    stored = SnapshotStore(house.registry).snapshot.destinations[sink["id"]].settings
    assert stored["path"] == str(house.registry.directory.sinks / "acme" / "out.jsonl")
    path = f"/destinations/{sink['id']}"
    assert house.owner.patch(path, {"settings": sink["settings"]}).data["destination"] == sink


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
def test_a_sink_writes_nowhere_else(house: House, source: str, path: str) -> None:
    sink = made(house.owner, source, metadataId="sink", settings={"path": "out.jsonl"})
    body = {"sourceId": source, "metadataId": "sink", "name": "Else", "settings": {"path": path}}

    answer = house.owner.post("/destinations", body)

    assert (answer.status, answer.error["field"]) == (422, "settings.path")
    answer = house.owner.patch(f"/destinations/{sink['id']}", {"settings": {"path": path}})
    assert (answer.status, answer.error["field"]) == (422, "settings.path")


def test_a_sink_of_the_command_line_stays_where_it_is(house: House, source: str) -> None:
    there = {"path": "/var/log/events.jsonl"}
    sink = house.do(
        lambda change: destinations.create(change, source, kind="sink", name="Log", settings=there)
    )

    changed = house.owner.patch(f"/destinations/{sink.id}", {"settings": there, "enabled": False})

    assert changed.data["destination"]["settings"] == there
    moved = house.owner.patch(f"/destinations/{sink.id}", {"settings": {"path": "/var/log/other"}})
    assert moved.status == 422


def test_lists_hold_what_one_may_read(house: House, source: str) -> None:
    app = made_source(house.owner, "app")
    hook = made(house.owner, source)
    made(house.owner, app)
    made(house.rival, made_source(house.rival))
    reader = house.granted(("source-read-only", [Resource("SOURCE", source)]))

    data = reader.get("/destinations").data

    assert (data["destinations"], data["pagination"]["totalEntries"]) == ([hook], 1)
    assert house.owner.get("/destinations").data["pagination"]["totalEntries"] == 2
    data = house.owner.get("/destinations", pagination={"count": 1}).data
    assert (len(data["destinations"]), "next" in data["pagination"]) == (1, True)
    assert house.caller("functions-admin").get("/destinations").data["destinations"] == []


def test_who_may_not_is_refused(house: House, source: str) -> None:
    destination = made(house.owner, source)
    path = f"/destinations/{destination['id']}"
    reader = house.caller("source-read-only")
    body = {"sourceId": source, "metadataId": "webhook", "settings": {"url": URL}, "name": "New"}

    assert reader.get(path).status == 200
    assert [
        reader.post("/destinations", body).status,
        reader.patch(path, {}).status,
        reader.delete(path).status,
    ] == [401, 401, 401]
    assert house.caller("functions-admin").get(path).status == 401
    assert house.caller("source-admin").patch(path, {"enabled": False}).status == 200
    for answer in (
        house.rival.get(path),
        house.rival.patch(path, {"enabled": True}),
        house.rival.delete(path),
        house.rival.get(path + "/subscriptions"),
    ):
        assert answer.refusal == (404, "", "there is no such destination")
    assert house.rival.post("/destinations", body).refusal == (404, "", "there is no such source")


SUBSCRIPTION = {"name": "Send", "actionId": "send", "trigger": 'type = "track"', "enabled": True}


def test_a_subscription_is_kept(house: House, source: str) -> None:
    reader = house.caller("source-read-only")
    all_ = f"/destinations/{made(house.owner, source)['id']}/subscriptions"

    made_one = house.owner.post(all_, {**SUBSCRIPTION, "settings": {"to": {"@path": "$.userId"}}})
    subscription = made_one.data["destinationSubscription"]
    path = f"{all_}/{subscription['id']}"

    assert house.owner.get(path).data == {"subscription": subscription}
    assert house.owner.get(all_).data["subscriptions"] == [subscription]
    changed = house.owner.patch(path, {"input": {"enabled": False, "trigger": "all"}})
    assert changed.data["subscription"] == subscription | {"enabled": False, "trigger": "all"}
    assert house.owner.patch(path, {"input": {"trigger": "type ="}}).error["field"] == "trigger"
    scheduled = house.owner.patch(path, {"input": {"reverseETLSchedule": {"strategy": "MANUAL"}}})
    assert scheduled.error["field"] == "input.reverseETLSchedule"
    assert reader.patch(path, {"input": {}}).status == 401
    assert house.owner.delete(path).data == {"status": "SUCCESS"}
    assert house.owner.get(path).status == 404
    assert [each.type for each in house.audited()[:3]] == [
        "Destination Subscription Deleted",
        "Destination Subscription Disabled",
        "Destination Subscription Created",
    ]


def test_a_subscription_is_found_at_its_destination_only(house: House, source: str) -> None:
    first, second = (
        f"/destinations/{made(house.owner, source, name=name)['id']}/subscriptions" for name in "ab"
    )
    name = house.owner.post(first, SUBSCRIPTION).data["destinationSubscription"]["id"]

    assert house.owner.get(f"{second}/{name}").status == 404
    assert house.owner.delete(f"{second}/{name}").status == 404
    assert house.rival.get(f"{first}/{name}").status == 404


def test_a_source_goes_with_all_that_belongs_to_it(house: House, source: str) -> None:
    destination = made(house.owner, source)
    house.owner.post(f"/destinations/{destination['id']}/subscriptions", SUBSCRIPTION)
    house.owner.patch(f"/sources/{source}/settings", {"track": {"allowUnplannedEvents": False}})

    assert house.owner.delete(f"/sources/{source}").status == 200
    assert house.owner.get("/destinations").data["destinations"] == []
