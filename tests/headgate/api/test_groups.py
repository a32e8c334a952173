"""Groups and who is in them."""

from __future__ import annotations

import pytest

from headgate.registry import users
from tests.headgate.api.house import House


def made(house: House, name: str = "Analysts") -> str:
    group: str = house.owner.post("/groups", {"name": name}).data["userGroup"]["id"]
    return group


@pytest.fixture
def people(house: House) -> list[str]:
    """Three who are users, and one who is invited."""
    with house.registry.change() as change:
        for name in ("ada", "bob", "eve"):
            users.accept(change, users.invite(change, house.workspace, f"{name}@x.org"))
    house.do(lambda change: users.invite(change, house.workspace, "new@x.org"))
    return ["ada@x.org", "bob@x.org", "eve@x.org", "new@x.org"]


def test_a_group_lives(house: House) -> None:
    group = made(house)
    path = f"/groups/{group}"
    shown = {"id": group, "name": "Analysts", "memberCount": 0, "permissions": []}

    assert house.owner.get(path).data == {"userGroup": shown}
    assert house.owner.get("/groups").data["userGroups"] == [shown]
    assert house.owner.patch(path, {"name": "Readers"}).data == {"userGroup": shown | {"name": "Readers"}}
    assert house.owner.post("/groups", {"name": "Readers"}).refusal[:2] == (409, "name")
    assert house.owner.post("/groups", {"name": " "}).refusal[:2] == (422, "name")
    assert house.rival.post("/groups", {"name": "Readers"}).status == 200
    assert house.owner.delete(path).data == {"status": "SUCCESS"}
    assert house.owner.get(path).status == 404
    assert [each.type for each in house.audited()[:3]] == [
        "User Group Deleted",
        "User Group Modified",
        "User Group Created",
    ]


def test_members_come_and_go(house: House, people: list[str]) -> None:
    group = made(house)
    path, singular = f"/groups/{group}/users", f"/group/{group}/users"

    def members() -> list[str]:
        return [each["email"] for each in house.owner.get(path).data["users"]]

    assert house.owner.post(path, {"emails": people[2:]}).data["userGroup"]["memberCount"] == 1
    assert members() == ["eve@x.org"]
    assert house.owner.get(f"/groups/{group}/invites").data["emails"] == ["new@x.org"]
    assert (
        house.owner.post(path, {"emails": ["EVE@x.org", "ada@x.org"]}).data["userGroup"]["memberCount"] == 2
    )
    assert house.owner.put(singular, {"emails": people[:2]}).data["userGroup"]["memberCount"] == 2
    assert members() == people[:2]
    assert house.owner.get(f"/groups/{group}/invites").data["emails"] == []
    assert house.owner.delete(singular, emails=people[2]).refusal[:2] == (404, "emails[0]")
    assert house.owner.delete(singular, emails=people[0]).status == 200
    assert members() == [people[1]]
    assert house.owner.put(singular, {"emails": []}).data["userGroup"]["memberCount"] == 0
    assert house.audited()[0].resource_name == "bob@x.org in Analysts"


def test_nobody_who_is_unknown_gets_in(house: House, people: list[str]) -> None:
    group = made(house)

    answer = house.owner.post(f"/groups/{group}/users", {"emails": [people[0], "typo@x.org"]})

    assert answer.refusal[:2] == (404, "emails[1]")
    assert house.owner.get(f"/groups/{group}").data["userGroup"]["memberCount"] == 0


def test_a_group_is_left_with_whoever_is_deleted(house: House, people: list[str]) -> None:
    group = made(house)
    house.owner.post(f"/groups/{group}/users", {"emails": people})
    ada = house.owner.get("/users").data["users"][0]["id"]
    assert house.owner.get(f"/users/{ada}/groups").data["groups"] == [{"id": group, "name": "Analysts"}]

    house.owner.delete("/users", userIds=ada)
    house.owner.delete("/invites", emails=people[3])

    assert house.owner.get(f"/groups/{group}").data["userGroup"]["memberCount"] == 2
    assert house.owner.get(f"/groups/{group}/invites").data["emails"] == []
    assert house.owner.delete(f"/groups/{group}").status == 200


def test_writes_of_members_are_few(house: House) -> None:
    """SPEC 12.1: 60 a minute."""
    answers = [house.owner.post("/groups", {"name": f"{number}"}) for number in range(61)]

    assert {each.status for each in answers[:60]} == {200}
    assert answers[60].status == 429
    assert answers[60].error["data"]["consumedPoints"] == 61
    assert house.owner.get("/groups").status == 200
    house.clock.advance(60_000)
    assert house.owner.post("/groups", {"name": "60"}).status == 200
