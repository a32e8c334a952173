"""Groups and who is in them."""

from __future__ import annotations

import pytest

from headgate.registry import users
from tests.headgate.api.harness import ApiHarness


def made(harness: ApiHarness, name: str = "Analysts") -> str:
    group: str = harness.owner.post("/groups", {"name": name}).data["userGroup"]["id"]
    return group


@pytest.fixture
def people(harness: ApiHarness) -> list[str]:
    """Three who are users, and one who is invited."""
    with harness.registry.change() as change:
        for name in ("ada", "bob", "eve"):
            users.accept(change, users.invite(change, harness.workspace, f"{name}@x.org"))
    harness.do(lambda change: users.invite(change, harness.workspace, "new@x.org"))
    return ["ada@x.org", "bob@x.org", "eve@x.org", "new@x.org"]


def test_a_group_lives(harness: ApiHarness) -> None:
    group = made(harness)
    path = f"/groups/{group}"
    shown = {"id": group, "name": "Analysts", "memberCount": 0, "permissions": []}

    assert harness.owner.get(path).data == {"userGroup": shown}
    assert harness.owner.get("/groups").data["userGroups"] == [shown]
    assert harness.owner.patch(path, {"name": "Readers"}).data == {"userGroup": shown | {"name": "Readers"}}
    assert harness.owner.post("/groups", {"name": "Readers"}).refusal[:2] == (409, "name")
    assert harness.owner.post("/groups", {"name": " "}).refusal[:2] == (422, "name")
    assert harness.rival.post("/groups", {"name": "Readers"}).status == 200
    assert harness.owner.delete(path).data == {"status": "SUCCESS"}
    assert harness.owner.get(path).status == 404
    assert [each.type for each in harness.audited()[:3]] == [
        "User Group Deleted",
        "User Group Modified",
        "User Group Created",
    ]


def test_members_come_and_go(harness: ApiHarness, people: list[str]) -> None:
    group = made(harness)
    path, singular = f"/groups/{group}/users", f"/group/{group}/users"

    def members() -> list[str]:
        return [each["email"] for each in harness.owner.get(path).data["users"]]

    assert harness.owner.post(path, {"emails": people[2:]}).data["userGroup"]["memberCount"] == 1
    assert members() == ["eve@x.org"]
    assert harness.owner.get(f"/groups/{group}/invites").data["emails"] == ["new@x.org"]
    assert (
        harness.owner.post(path, {"emails": ["EVE@x.org", "ada@x.org"]}).data["userGroup"]["memberCount"] == 2
    )
    assert harness.owner.put(singular, {"emails": people[:2]}).data["userGroup"]["memberCount"] == 2
    assert members() == people[:2]
    assert harness.owner.get(f"/groups/{group}/invites").data["emails"] == []
    assert harness.owner.delete(singular, emails=people[2]).refusal[:2] == (404, "emails[0]")
    assert harness.owner.delete(singular, emails=people[0]).status == 200
    assert members() == [people[1]]
    assert harness.owner.put(singular, {"emails": []}).data["userGroup"]["memberCount"] == 0
    assert harness.audited()[0].resource_name == "bob@x.org in Analysts"


def test_nobody_who_is_unknown_gets_in(harness: ApiHarness, people: list[str]) -> None:
    group = made(harness)

    answer = harness.owner.post(f"/groups/{group}/users", {"emails": [people[0], "typo@x.org"]})

    assert answer.refusal[:2] == (404, "emails[1]")
    assert harness.owner.get(f"/groups/{group}").data["userGroup"]["memberCount"] == 0


def test_a_group_is_left_with_whoever_is_deleted(harness: ApiHarness, people: list[str]) -> None:
    group = made(harness)
    harness.owner.post(f"/groups/{group}/users", {"emails": people})
    ada = harness.owner.get("/users").data["users"][0]["id"]
    assert harness.owner.get(f"/users/{ada}/groups").data["groups"] == [{"id": group, "name": "Analysts"}]

    harness.owner.delete("/users", userIds=ada)
    harness.owner.delete("/invites", emails=people[3])

    assert harness.owner.get(f"/groups/{group}").data["userGroup"]["memberCount"] == 2
    assert harness.owner.get(f"/groups/{group}/invites").data["emails"] == []
    assert harness.owner.delete(f"/groups/{group}").status == 200


def test_writes_of_members_are_few(harness: ApiHarness) -> None:
    """SPEC 12.1: 60 a minute."""
    answers = [harness.owner.post("/groups", {"name": f"{number}"}) for number in range(61)]

    assert {each.status for each in answers[:60]} == {200}
    assert answers[60].status == 429
    assert answers[60].error["data"]["consumedPoints"] == 61
    assert harness.owner.get("/groups").status == 200
    harness.clock.advance(60_000)
    assert harness.owner.post("/groups", {"name": "60"}).status == 200
