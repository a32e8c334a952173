"""Sources, their labels, settings and write keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.api.permissions import Resource
from headgate.registry import sources
from tests.headgate.api.harness import ApiHarness, Caller


def made(caller: Caller, slug: str = "web", **facts: Any) -> dict[str, Any]:
    body = {"slug": slug, "enabled": True, "metadataId": "javascript"} | facts
    source: dict[str, Any] = caller.post("/sources", body).data["source"]
    return source


def label(harness: ApiHarness, key: str, value: str) -> dict[str, str]:
    wanted = {"key": key, "value": value}
    assert harness.owner.post("/labels", {"label": wanted}).data["label"] == wanted
    return wanted


def test_a_source_lives(harness: ApiHarness) -> None:
    source = made(harness.owner, settings={"site": "https://example.com"}, disconnectAllWarehouses=True)

    assert source["slug"] == source["name"] == "web"
    assert source["enabled"] is True
    assert source["workspaceId"] == harness.workspace
    assert source["metadata"]["name"] == "Javascript"
    assert source["settings"] == {"site": "https://example.com"}
    assert source["labels"] == []
    assert len(source["writeKeys"]) == 1

    path = f"/sources/{source['id']}"
    assert harness.owner.get(path).data == {"source": source, "trackingPlanId": None}
    changed = harness.owner.patch(path, {"name": "Site", "slug": "site", "enabled": False, "settings": {}})
    assert changed.data["source"] == source | {
        "name": "Site",
        "slug": "site",
        "enabled": False,
        "settings": {},
    }
    assert harness.owner.patch(path, {}).data == changed.data
    assert harness.owner.delete(path).data == {"status": "SUCCESS"}
    assert harness.owner.get(path).status == 404
    assert [(each.type, each.resource_name) for each in harness.audited()[:3]] == [
        ("Source Deleted", "Site"),
        ("Source Disabled", "Site"),
        ("Source Created", "web"),
    ]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"enabled": True, "metadataId": "python"}, "slug", "is required"),
        ({"slug": "web", "enabled": "yes", "metadataId": "python"}, "enabled", "valid boolean"),
        ({"slug": "two words", "enabled": True, "metadataId": "python"}, "slug", "is not a slug"),
        ({"slug": "web", "enabled": True, "metadataId": "cobol"}, "metadataId", "is not in the catalog"),
        (
            {"slug": "web", "enabled": True, "metadataId": "python", "settings": {"a": "x" * 70_000}},
            "settings",
            "at most 65536",
        ),
    ],
)
def test_a_source_that_breaks_a_rule_is_refused(
    harness: ApiHarness, body: dict[str, Any], field: str, message: str
) -> None:
    answer = harness.owner.post("/sources", body)

    assert (answer.status, answer.error["type"], answer.error["field"]) == (422, "input-validation", field)
    assert answer.error["message"].startswith(f'"{field}" ')
    assert message in answer.error["message"]
    assert harness.owner.get("/sources").data["sources"] == []


def test_what_is_nested_too_deep_to_be_written_is_refused(harness: ApiHarness) -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}

    body = {"slug": "web", "enabled": True, "metadataId": "python", "settings": deep}
    answer = harness.owner.post("/sources", json.dumps(body).encode())

    assert answer.refusal == (422, "settings", '"settings" is nested more than 32 deep')


def test_slugs_are_unique_in_a_workspace(harness: ApiHarness) -> None:
    source = made(harness.owner)
    made(harness.rival)
    other = made(harness.owner, "app")

    assert (
        harness.owner.post("/sources", {"slug": "web", "enabled": True, "metadataId": "python"}).status == 409
    )
    assert harness.owner.patch(f"/sources/{other['id']}", {"slug": "web"}).status == 409
    assert harness.owner.patch(f"/sources/{source['id']}", {"slug": "web"}).status == 200


def test_a_source_that_the_command_line_made_is_shown(harness: ApiHarness) -> None:
    harness.do(lambda change: sources.create(change, harness.workspace, slug="cli"))

    (source,) = harness.owner.get("/sources").data["sources"]

    assert (source["metadata"]["id"], source["settings"], source["labels"]) == ("http-api", {}, [])


def test_sources_come_in_pages(harness: ApiHarness) -> None:
    names = [f"s{number}" for number in range(5)]
    for name in names:
        made(harness.owner, name)

    seen: list[str] = []
    pagination: dict[str, Any] | None = {"count": 2}
    while pagination:
        data = harness.owner.get("/sources", pagination=pagination).data
        assert data["pagination"]["totalEntries"] == 5
        seen += [each["slug"] for each in data["sources"]]
        next_one = data["pagination"].get("next")
        pagination = {"count": 2, "cursor": next_one} if next_one else None

    assert seen == names
    assert [each["slug"] for each in harness.owner.get("/sources").data["sources"]] == names


def test_lists_hold_what_one_may_read(harness: ApiHarness) -> None:
    web, app, server = (made(harness.owner, slug) for slug in ("web", "app", "server"))
    harness.owner.put(f"/sources/{server['id']}/labels", {"labels": [label(harness, "env", "prod")]})
    by_label = Resource("SOURCE", harness.workspace, frozenset({"env:prod"}))
    reader = harness.granted(("source-read-only", [Resource("SOURCE", app["id"]), by_label]))

    data = reader.get("/sources").data

    assert [each["slug"] for each in data["sources"]] == ["app", "server"]
    assert data["pagination"]["totalEntries"] == 2
    assert reader.get(f"/sources/{server['id']}").status == 200
    assert reader.get(f"/sources/{web['id']}").status == 401
    assert harness.caller("functions-admin").get("/sources").data["sources"] == []


def test_write_keys_are_for_administrators(harness: ApiHarness) -> None:
    source = made(harness.owner)
    path = f"/sources/{source['id']}"

    more = harness.owner.post(path + "/writekey").data["source"]["writeKeys"]

    assert more[:1] == source["writeKeys"]
    assert len(set(more)) == 2
    reader = harness.caller("source-read-only")
    assert reader.get(path).data["source"]["writeKeys"] == []
    assert reader.get("/sources").data["sources"][0]["writeKeys"] == []
    assert reader.post(path + "/writekey").status == 401
    assert reader.delete(f"{path}/writekey/{more[0]}").status == 401
    assert harness.caller("source-admin").get(path).data["source"]["writeKeys"] == more
    assert harness.owner.delete(f"{path}/writekey/{more[0]}").data == {"status": "SUCCESS"}
    assert harness.owner.get(path).data["source"]["writeKeys"] == more[1:]
    assert harness.owner.delete(f"{path}/writekey/{more[0]}").status == 404


def test_labels_of_a_source_are_labels_of_the_workspace(harness: ApiHarness) -> None:
    source = made(harness.owner)
    path = f"/sources/{source['id']}/labels"
    prod, team = label(harness, "env", "prod"), label(harness, "team", "shop")

    assert harness.owner.post(path, {"labels": [prod]}).data == {"labels": [prod]}
    assert harness.owner.post(path, {"labels": [team, prod]}).data == {"labels": [prod, team]}
    assert harness.owner.put(path, {"labels": [team]}).data == {"labels": [team]}
    refused = harness.owner.put(path, {"labels": [team, {"key": "env", "value": "test"}]})
    assert refused.refusal == (
        422,
        "labels[1]",
        '"labels[1]" is not a label of this workspace: create it first',
    )
    assert harness.owner.get(f"/sources/{source['id']}").data["source"]["labels"] == [team]
    assert harness.owner.put(path, {"labels": []}).data == {"labels": []}


def test_schema_settings_are_kept(harness: ApiHarness) -> None:
    source, other = made(harness.owner), made(harness.owner, "violations")
    path = f"/sources/{source['id']}/settings"

    before = harness.owner.get(path).data
    assert before["sourceId"] == source["id"]
    assert before["settings"]["track"]["allowUnplannedEvents"] is True

    harness.owner.patch(
        path, {"track": {"allowUnplannedEvents": False}, "forwardingViolationsTo": other["id"]}
    )
    after = harness.owner.patch(path, {"track": {"commonEventOnViolations": "BLOCK"}}).data
    assert after["settings"] == before["settings"] | {
        "forwardingViolationsTo": other["id"],
        "track": before["settings"]["track"]
        | {"allowUnplannedEvents": False, "commonEventOnViolations": "BLOCK"},
    }
    assert harness.owner.get(path).data == after
    assert harness.audited()[0].type == "Source Settings Modified"
    assert (
        "forwardingViolationsTo"
        not in harness.owner.patch(path, {"forwardingViolationsTo": None}).data["settings"]
    )
    foreign = made(harness.rival)["id"]
    assert harness.owner.patch(path, {"forwardingViolationsTo": foreign}).status == 422
    assert harness.owner.patch(path, {"track": {"allow": True}}).status == 422
    assert harness.caller("source-read-only").patch(path, {}).status == 401


def test_nobody_sees_or_changes_the_sources_of_another_workspace(harness: ApiHarness) -> None:
    source = made(harness.owner)
    path, key = f"/sources/{source['id']}", source["writeKeys"][0]

    assert harness.rival.get("/sources").data["sources"] == []
    for answer in (
        harness.rival.get(path),
        harness.rival.patch(path, {"enabled": False}),
        harness.rival.delete(path),
        harness.rival.get(path + "/settings"),
        harness.rival.patch(path + "/settings", {}),
        harness.rival.get(path + "/connected-destinations"),
        harness.rival.post(path + "/labels", {"labels": []}),
        harness.rival.put(path + "/labels", {"labels": []}),
        harness.rival.post(path + "/writekey"),
        harness.rival.delete(f"{path}/writekey/{key}"),
    ):
        assert answer.refusal == (404, "", "there is no such source")
    assert harness.owner.get(path).data["source"] == source


def test_who_administers_one_source_makes_no_others(harness: ApiHarness) -> None:
    source = made(harness.owner)
    admin = harness.granted(("source-admin", [Resource("SOURCE", source["id"])]))

    assert admin.patch(f"/sources/{source['id']}", {"name": "Mine"}).status == 200
    assert admin.post("/sources", {"slug": "x", "enabled": True, "metadataId": "python"}).status == 401
    assert made(harness.caller("source-admin"), "x")["slug"] == "x"
    assert harness.caller("source-read-only").delete(f"/sources/{source['id']}").status == 401
