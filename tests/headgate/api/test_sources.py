"""Sources, their labels, settings and write keys."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.api.permissions import Resource
from headgate.registry import sources
from tests.headgate.api.house import Caller, House


def made(caller: Caller, slug: str = "web", **facts: Any) -> dict[str, Any]:
    body = {"slug": slug, "enabled": True, "metadataId": "javascript"} | facts
    source: dict[str, Any] = caller.post("/sources", body).data["source"]
    return source


def label(house: House, key: str, value: str) -> dict[str, str]:
    wanted = {"key": key, "value": value}
    assert house.owner.post("/labels", {"label": wanted}).data["label"] == wanted
    return wanted


def test_a_source_lives(house: House) -> None:
    source = made(house.owner, settings={"site": "https://example.com"}, disconnectAllWarehouses=True)

    assert source["slug"] == source["name"] == "web"
    assert source["enabled"] is True
    assert source["workspaceId"] == house.workspace
    assert source["metadata"]["name"] == "Javascript"
    assert source["settings"] == {"site": "https://example.com"}
    assert source["labels"] == []
    assert len(source["writeKeys"]) == 1

    path = f"/sources/{source['id']}"
    assert house.owner.get(path).data == {"source": source, "trackingPlanId": None}
    changed = house.owner.patch(path, {"name": "Site", "slug": "site", "enabled": False, "settings": {}})
    assert changed.data["source"] == source | {
        "name": "Site",
        "slug": "site",
        "enabled": False,
        "settings": {},
    }
    assert house.owner.patch(path, {}).data == changed.data
    assert house.owner.delete(path).data == {"status": "SUCCESS"}
    assert house.owner.get(path).status == 404
    assert [(each.type, each.resource_name) for each in house.audited()[:3]] == [
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
    house: House, body: dict[str, Any], field: str, message: str
) -> None:
    answer = house.owner.post("/sources", body)

    assert (answer.status, answer.error["type"], answer.error["field"]) == (422, "input-validation", field)
    assert answer.error["message"].startswith(f'"{field}" ')
    assert message in answer.error["message"]
    assert house.owner.get("/sources").data["sources"] == []


def test_what_is_nested_too_deep_to_be_written_is_refused(house: House) -> None:
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}

    body = {"slug": "web", "enabled": True, "metadataId": "python", "settings": deep}
    answer = house.owner.post("/sources", json.dumps(body).encode())

    assert answer.refusal == (422, "settings", '"settings" is nested more than 32 deep')


def test_slugs_are_unique_in_a_workspace(house: House) -> None:
    source = made(house.owner)
    made(house.rival)
    other = made(house.owner, "app")

    assert (
        house.owner.post("/sources", {"slug": "web", "enabled": True, "metadataId": "python"}).status == 409
    )
    assert house.owner.patch(f"/sources/{other['id']}", {"slug": "web"}).status == 409
    assert house.owner.patch(f"/sources/{source['id']}", {"slug": "web"}).status == 200


def test_a_source_that_the_command_line_made_is_shown(house: House) -> None:
    house.do(lambda change: sources.create(change, house.workspace, slug="cli"))

    (source,) = house.owner.get("/sources").data["sources"]

    assert (source["metadata"]["id"], source["settings"], source["labels"]) == ("http-api", {}, [])


def test_sources_come_in_pages(house: House) -> None:
    names = [f"s{number}" for number in range(5)]
    for name in names:
        made(house.owner, name)

    seen: list[str] = []
    pagination: dict[str, Any] | None = {"count": 2}
    while pagination:
        data = house.owner.get("/sources", pagination=pagination).data
        assert data["pagination"]["totalEntries"] == 5
        seen += [each["slug"] for each in data["sources"]]
        next_one = data["pagination"].get("next")
        pagination = {"count": 2, "cursor": next_one} if next_one else None

    assert seen == names
    assert [each["slug"] for each in house.owner.get("/sources").data["sources"]] == names


def test_lists_hold_what_one_may_read(house: House) -> None:
    web, app, server = (made(house.owner, slug) for slug in ("web", "app", "server"))
    house.owner.put(f"/sources/{server['id']}/labels", {"labels": [label(house, "env", "prod")]})
    by_label = Resource("SOURCE", house.workspace, frozenset({"env:prod"}))
    reader = house.granted(("source-read-only", [Resource("SOURCE", app["id"]), by_label]))

    data = reader.get("/sources").data

    assert [each["slug"] for each in data["sources"]] == ["app", "server"]
    assert data["pagination"]["totalEntries"] == 2
    assert reader.get(f"/sources/{server['id']}").status == 200
    assert reader.get(f"/sources/{web['id']}").status == 401
    assert house.caller("functions-admin").get("/sources").data["sources"] == []


def test_write_keys_are_for_administrators(house: House) -> None:
    source = made(house.owner)
    path = f"/sources/{source['id']}"

    more = house.owner.post(path + "/writekey").data["source"]["writeKeys"]

    assert more[:1] == source["writeKeys"]
    assert len(set(more)) == 2
    reader = house.caller("source-read-only")
    assert reader.get(path).data["source"]["writeKeys"] == []
    assert reader.get("/sources").data["sources"][0]["writeKeys"] == []
    assert reader.post(path + "/writekey").status == 401
    assert reader.delete(f"{path}/writekey/{more[0]}").status == 401
    assert house.caller("source-admin").get(path).data["source"]["writeKeys"] == more
    assert house.owner.delete(f"{path}/writekey/{more[0]}").data == {"status": "SUCCESS"}
    assert house.owner.get(path).data["source"]["writeKeys"] == more[1:]
    assert house.owner.delete(f"{path}/writekey/{more[0]}").status == 404


def test_labels_of_a_source_are_labels_of_the_workspace(house: House) -> None:
    source = made(house.owner)
    path = f"/sources/{source['id']}/labels"
    prod, team = label(house, "env", "prod"), label(house, "team", "shop")

    assert house.owner.post(path, {"labels": [prod]}).data == {"labels": [prod]}
    assert house.owner.post(path, {"labels": [team, prod]}).data == {"labels": [prod, team]}
    assert house.owner.put(path, {"labels": [team]}).data == {"labels": [team]}
    refused = house.owner.put(path, {"labels": [team, {"key": "env", "value": "test"}]})
    assert refused.refusal == (
        422,
        "labels[1]",
        '"labels[1]" is not a label of this workspace: create it first',
    )
    assert house.owner.get(f"/sources/{source['id']}").data["source"]["labels"] == [team]
    assert house.owner.put(path, {"labels": []}).data == {"labels": []}


def test_schema_settings_are_kept(house: House) -> None:
    source, other = made(house.owner), made(house.owner, "violations")
    path = f"/sources/{source['id']}/settings"

    before = house.owner.get(path).data
    assert before["sourceId"] == source["id"]
    assert before["settings"]["track"]["allowUnplannedEvents"] is True

    house.owner.patch(path, {"track": {"allowUnplannedEvents": False}, "forwardingViolationsTo": other["id"]})
    after = house.owner.patch(path, {"track": {"commonEventOnViolations": "BLOCK"}}).data
    assert after["settings"] == before["settings"] | {
        "forwardingViolationsTo": other["id"],
        "track": before["settings"]["track"]
        | {"allowUnplannedEvents": False, "commonEventOnViolations": "BLOCK"},
    }
    assert house.owner.get(path).data == after
    assert house.audited()[0].type == "Source Settings Modified"
    assert (
        "forwardingViolationsTo"
        not in house.owner.patch(path, {"forwardingViolationsTo": None}).data["settings"]
    )
    foreign = made(house.rival)["id"]
    assert house.owner.patch(path, {"forwardingViolationsTo": foreign}).status == 422
    assert house.owner.patch(path, {"track": {"allow": True}}).status == 422
    assert house.caller("source-read-only").patch(path, {}).status == 401


def test_nobody_sees_or_changes_the_sources_of_another_workspace(house: House) -> None:
    source = made(house.owner)
    path, key = f"/sources/{source['id']}", source["writeKeys"][0]

    assert house.rival.get("/sources").data["sources"] == []
    for answer in (
        house.rival.get(path),
        house.rival.patch(path, {"enabled": False}),
        house.rival.delete(path),
        house.rival.get(path + "/settings"),
        house.rival.patch(path + "/settings", {}),
        house.rival.get(path + "/connected-destinations"),
        house.rival.post(path + "/labels", {"labels": []}),
        house.rival.put(path + "/labels", {"labels": []}),
        house.rival.post(path + "/writekey"),
        house.rival.delete(f"{path}/writekey/{key}"),
    ):
        assert answer.refusal == (404, "", "there is no such source")
    assert house.owner.get(path).data["source"] == source


def test_who_administers_one_source_makes_no_others(house: House) -> None:
    source = made(house.owner)
    admin = house.granted(("source-admin", [Resource("SOURCE", source["id"])]))

    assert admin.patch(f"/sources/{source['id']}", {"name": "Mine"}).status == 200
    assert admin.post("/sources", {"slug": "x", "enabled": True, "metadataId": "python"}).status == 401
    assert made(house.caller("source-admin"), "x")["slug"] == "x"
    assert house.caller("source-read-only").delete(f"/sources/{source['id']}").status == 401
