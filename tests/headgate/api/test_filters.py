"""Filters of destinations, and their preview."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.registry import filters
from tests.headgate.api.harness import ApiHarness

DROP = [{"type": "DROP"}]


class Hook:
    """A destination of the harness's owner."""

    def __init__(self, harness: ApiHarness, name: str = "Hook") -> None:
        self.harness = harness
        source = {"slug": name, "enabled": True, "metadataId": "javascript"}
        self.source = harness.owner.post("/sources", source).data["source"]["id"]
        body = {"sourceId": self.source, "metadataId": "webhook", "settings": {"url": "https://example.com"}}
        self.id = harness.owner.post("/destinations", body).data["destination"]["id"]
        self.path = f"/destination/{self.id}/filters"

    def body(self, **facts: Any) -> dict[str, Any]:
        return {
            "sourceId": self.source,
            "if": "type = 'track'",
            "actions": DROP,
            "title": "No tracks",
            "enabled": True,
        } | facts

    def made(self, **facts: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.harness.owner.post(self.path, self.body(**facts)).data["filter"]
        return made


@pytest.fixture
def hook(harness: ApiHarness) -> Hook:
    return Hook(harness)


def test_a_filter_lives(harness: ApiHarness, hook: Hook) -> None:
    made = hook.made(description="none at all")
    path = f"{hook.path}/{made['id']}"

    assert (made["sourceId"], made["destinationId"]) == (hook.source, hook.id)
    assert (made["if"], made["actions"], made["title"], made["enabled"]) == (
        "type = 'track'",
        DROP,
        "No tracks",
        True,
    )
    assert harness.owner.get(path).data == {"filter": made}
    changed = harness.owner.patch(path, {"if": "all", "enabled": False}).data["filter"]
    assert changed == made | {"if": "all", "enabled": False, "updatedAt": changed["updatedAt"]}
    assert changed["updatedAt"] > made["updatedAt"]
    assert harness.owner.patch(path, {"title": "T"}).data["filter"]["description"] == "none at all"
    assert harness.owner.patch(path, {"description": None}).data["filter"]["description"] == ""
    assert harness.owner.delete(path).data == {"status": "SUCCESS"}
    assert harness.owner.get(path).status == 404
    assert [each.type for each in harness.audited()[:5]] == [
        "Destination Filter Deleted",
        "Destination Filter Modified",
        "Destination Filter Modified",
        "Destination Filter Disabled",
        "Destination Filter Created",
    ]


def test_filters_are_listed_in_their_order(harness: ApiHarness, hook: Hook) -> None:
    made = [hook.made(title=str(number)) for number in range(10)]

    assert harness.owner.get(hook.path).data["filters"] == made
    first = harness.owner.get(hook.path, pagination={"count": 3}).data
    assert first["pagination"].keys() == {"current", "next", "totalEntries"}
    page = harness.owner.get(hook.path, pagination={"count": 3, "cursor": first["pagination"]["next"]}).data
    assert page["filters"] == made[3:6]
    assert page["pagination"].keys() == {"current", "next", "previous", "totalEntries"}
    assert page["pagination"]["totalEntries"] == 10
    one_more = harness.owner.post(hook.path, hook.body())
    assert (one_more.status, "at most 10" in one_more.error["message"]) == (409, True)


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"if": "type ="}, "if"),
        ({"if": "type = '" + "x" * 6_000 + "'"}, "if"),
        ({"title": "x" * 65}, "title"),
        ({"actions": []}, "actions"),
        ({"enabled": None}, "enabled"),
        ({"if": None}, "if"),
        ({"actions": [{"type": 1}]}, "actions[0].type"),
    ],
)
def test_a_filter_that_breaks_a_rule_is_refused(
    harness: ApiHarness, hook: Hook, facts: dict[str, Any], field: str
) -> None:
    answer = harness.owner.post(hook.path, hook.body(**facts))

    assert (answer.status, answer.error["field"]) == (422, field)


def test_a_filter_names_the_source_of_its_destination(harness: ApiHarness, hook: Hook) -> None:
    other = Hook(harness, "Other")

    answer = harness.owner.post(hook.path, hook.body(sourceId=other.source))

    assert (answer.status, answer.error["field"]) == (422, "sourceId")


@pytest.mark.parametrize(
    "action",
    [{"type": "EXPLODE"}, {"type": "SAMPLE"}, {"type": "SAMPLE", "percent": 2}, {"type": "DROP_PROPERTIES"}],
)
def test_an_action_that_means_nothing_is_refused(
    harness: ApiHarness, hook: Hook, action: dict[str, Any]
) -> None:
    assert harness.owner.post(hook.path, hook.body(actions=[action])).status == 422


def test_an_action_too_large_to_keep_is_refused(harness: ApiHarness, hook: Hook) -> None:
    deep: Any = {}
    for _ in range(240):
        deep = {"a": deep}
    many = {"properties": [str(number) for number in range(20_000)]}

    for fields in (deep, many):
        body = hook.body(actions=[{"type": "DROP", "fields": fields}])
        answer = harness.owner.post(hook.path, json.dumps(body).encode())
        assert (answer.status, answer.error["field"]) == (422, "actions")


def test_actions_are_told_by_the_names_that_clients_know(harness: ApiHarness, hook: Hook) -> None:
    fields = {"properties": ["a"]}
    actions = [
        {"type": "drop_event", "fields": None},
        {"type": "sample_event", "percent": 0.5, "path": "userId"},
        {"type": "whitelist_fields", "fields": fields},
        {"type": "drop_properties", "fields": fields},
    ]
    wanted = [
        {"type": "DROP"},
        {"type": "SAMPLE", "percent": 0.5, "path": "userId"},
        {"type": "ALLOW_PROPERTIES", "fields": fields},
        {"type": "DROP_PROPERTIES", "fields": fields},
    ]

    assert hook.made(actions=actions)["actions"] == wanted
    harness.do(
        lambda change: filters.create(
            change, hook.id, query="all", title="From the command line", actions=[{"type": "drop"}]
        )
    )
    assert harness.owner.get(hook.path).data["filters"][1]["actions"] == DROP


def test_who_may_not_is_refused(harness: ApiHarness, hook: Hook) -> None:
    path = f"{hook.path}/{hook.made()['id']}"
    reader = harness.caller("source-read-only")

    assert reader.get(path).status == reader.get(hook.path).status == 200
    assert [
        reader.post(hook.path, hook.body()).status,
        reader.patch(path, {}).status,
        reader.delete(path).status,
    ] == [401, 401, 401]
    for answer in (
        harness.rival.get(hook.path),
        harness.rival.post(hook.path, hook.body()),
        harness.rival.get(path),
        harness.rival.patch(path, {"if": "all"}),
        harness.rival.delete(path),
    ):
        assert answer.refusal == (404, "", "there is no such destination")


def test_a_filter_is_found_at_its_destination_only(harness: ApiHarness, hook: Hook) -> None:
    name = hook.made()["id"]
    other = Hook(harness, "Other")

    assert harness.owner.get(f"{other.path}/{name}").status == 404
    assert harness.owner.patch(f"{other.path}/{name}", {"if": "all"}).status == 404
    assert harness.owner.delete(f"{other.path}/{name}").status == 404


EVENT = {"type": "track", "event": "Bought", "properties": {"price": 3, "card": "4111"}}


@pytest.mark.parametrize(
    ("query", "actions", "result"),
    [
        ("type = 'track'", DROP, None),
        ("type = 'page'", DROP, EVENT),
        (
            "all",
            [{"type": "DROP_PROPERTIES", "fields": {"properties": ["card"]}}],
            {**EVENT, "properties": {"price": 3}},
        ),
        (
            "all",
            [{"type": "allow_properties", "fields": {"properties": ["card"]}}],
            {**EVENT, "properties": {"card": "4111"}},
        ),
        ("all", [{"type": "SAMPLE", "percent": 0}], None),
        ("all", [{"type": "SAMPLE", "percent": 1}], EVENT),
    ],
)
def test_a_preview_tells_what_becomes_of_an_event(
    harness: ApiHarness, query: str, actions: list[dict[str, Any]], result: dict[str, Any] | None
) -> None:
    before = len(harness.audited())

    answer = harness.owner.post(
        "/destination/filters/preview", {"filter": {"if": query, "actions": actions}, "payload": EVENT}
    )

    assert answer.data == {"inputPayload": EVENT, "result": result}
    assert len(harness.audited()) == before


def test_a_preview_of_what_is_no_filter_is_refused(harness: ApiHarness) -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    path = "/destination/filters/preview"

    assert harness.owner.post(path, {"filter": {"if": "(", "actions": DROP}, "payload": {}}).status == 422
    assert harness.owner.post(path, {"filter": {"if": "all", "actions": DROP}}).error["field"] == "payload"
    body = {"filter": {"if": "all", "actions": DROP}, "payload": deep}
    answer = harness.owner.post(path, json.dumps(body).encode())
    assert (answer.status, answer.error["field"]) == (422, "payload")
