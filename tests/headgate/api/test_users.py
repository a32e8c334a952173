"""Users, what they may, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.registry import users
from tests.headgate.api.house import Caller, House


def joined(house: House, email: str) -> str:
    """The id of a new user."""
    made: str = house.do(lambda change: users.accept(change, users.invite(change, house.workspace, email))).id
    return made


def permission(role: str, kind: str, name: str, *labels: tuple[str, str]) -> dict[str, Any]:
    resource: dict[str, Any] = {"id": name, "type": kind}
    if labels:
        resource["labels"] = [{"key": key, "value": value} for key, value in labels]
    return {"roleId": role, "resources": [resource]}


def source(house: House, slug: str) -> str:
    body = {"slug": slug, "enabled": True, "metadataId": "javascript"}
    made: str = house.owner.post("/sources", body).data["source"]["id"]
    return made


def token_of(house: House, email: str) -> Caller:
    return Caller(house, house.owner.post("/tokens", {"name": "laptop", "email": email}).data["value"])


def test_users_are_listed_by_pages(house: House) -> None:
    made = [joined(house, f"{name}@x.org") for name in ("ada", "bob", "eve")]
    house.do(lambda change: users.invite(change, house.workspace, "invited@x.org"))

    first = house.owner.get("/users", pagination={"count": 2}).data
    second = house.owner.get("/users", pagination={"count": 2, "cursor": first["pagination"]["next"]}).data

    assert [each["id"] for each in first["users"] + second["users"]] == made
    assert "next" not in second["pagination"]
    assert house.owner.get(f"/users/{made[0]}").data["user"] == {
        "id": made[0],
        "name": "ada@x.org",
        "email": "ada@x.org",
        "permissions": [],
    }


def test_permissions_add_up_and_are_replaced(house: House) -> None:
    user, web, app = joined(house, "ada@x.org"), source(house, "web"), source(house, "app")
    path = f"/users/{user}/permissions"

    def given(*permissions: dict[str, Any]) -> dict[str, Any]:
        return {"permissions": list(permissions)}

    house.owner.post(path, given(permission("source-admin", "SOURCE", web)))
    got = house.owner.post(
        path,
        given(
            permission("source-admin", "SOURCE", app),
            permission("source-admin", "SOURCE", web),
            permission("functions-read-only", "WORKSPACE", house.workspace),
        ),
    ).data["permissions"]

    assert [(each["roleId"], each["roleName"]) for each in got] == [
        ("source-admin", "Source Admin"),
        ("functions-read-only", "Functions Read-only"),
    ]
    assert [each["id"] for each in got[0]["resources"]] == [web, app]
    assert house.owner.get(f"/users/{user}").data["user"]["permissions"] == got

    narrowed = permission("source-read-only", "WORKSPACE", house.workspace, ("env", "dev"), ("a", "b:c"))
    got = house.owner.put(path, given(narrowed)).data["permissions"]
    assert got[0]["resources"][0]["labels"] == [
        {"key": "a", "value": "b:c"},
        {"key": "env", "value": "dev"},
    ]
    assert house.owner.put(path, given()).data["permissions"] == []
    assert [each.type for each in house.audited() if each.resource_type == "user"] == [
        "Policy Deleted",
        "Policy Deleted",
        "Policy Created",
        "Policy Created",
        "Policy Created",
        "Invite Accepted",
        "User Invited",
    ]


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (permission("king", "WORKSPACE", "@"), (422, "permissions[0].roleId")),
        (permission("owner", "SOURCE", "@"), (422, "permissions[0].resources[0].type")),
        (permission("source-admin", "FUNCTION", "@"), (422, "permissions[0].resources[0].type")),
        (permission("functions-admin", "WAREHOUSE", "@"), (422, "permissions[0].resources[0].type")),
        (permission("functions-admin", "PLANET", "@"), (422, "permissions[0].resources[0].type")),
        (
            permission("functions-admin", "WORKSPACE", "@", ("a", "b")),
            (422, "permissions[0].resources[0].labels"),
        ),
        (
            permission("source-admin", "WORKSPACE", "@", ("a:b", "c")),
            (422, "permissions[0].resources[0].labels[0].key"),
        ),
        (permission("source-admin", "SOURCE", "nowhere"), (404, "permissions[0].resources[0].id")),
        (permission("source-admin", "WORKSPACE", "nowhere"), (404, "permissions[0].resources[0].id")),
        ({"roleId": "owner", "resources": []}, (422, "permissions[0].resources")),
        ({"roleId": "owner"}, (422, "permissions[0].resources")),
    ],
)
def test_what_is_no_permission_is_refused(
    house: House, given: dict[str, Any], refusal: tuple[int, str]
) -> None:
    user = joined(house, "ada@x.org")
    for resource in given.get("resources", ()):
        resource["id"] = house.workspace if resource["id"] == "@" else resource["id"]

    answer = house.owner.post(f"/users/{user}/permissions", {"permissions": [given]})

    assert (answer.status, answer.error["field"]) == refusal
    assert house.owner.get(f"/users/{user}").data["user"]["permissions"] == []


def test_permissions_are_for_so_many_resources(house: House) -> None:
    user, web = joined(house, "ada@x.org"), source(house, "web")
    path = f"/users/{user}/permissions"
    body = [permission("source-admin", "SOURCE", web) for _ in range(1_001)]

    assert house.owner.put(path, {"permissions": body}).refusal[:2] == (422, "permissions")
    assert house.owner.put(path, {"permissions": body[:1_000]}).data["permissions"] == [
        body[0] | {"roleName": "Source Admin"}
    ]
    assert house.owner.post(
        path, {"permissions": [permission("source-admin", "SOURCE", house.workspace)]}
    ).refusal[:2] == (404, "permissions[0].resources[0].id")


def test_a_change_of_permissions_holds_for_the_next_request(house: House) -> None:
    user, web = joined(house, "ada@x.org"), source(house, "web")
    ada = token_of(house, "ada@x.org")
    group = house.owner.post("/groups", {"name": "Web"}).data["userGroup"]["id"]
    house.owner.post(
        f"/groups/{group}/permissions", {"permissions": [permission("source-read-only", "SOURCE", web)]}
    )

    assert ada.get(f"/sources/{web}").status == 401
    house.owner.post(f"/groups/{group}/users", {"emails": ["ADA@x.org"]})
    assert ada.get(f"/sources/{web}").status == 200
    assert ada.patch(f"/sources/{web}", {"name": "New"}).status == 401
    house.owner.post(
        f"/users/{user}/permissions", {"permissions": [permission("source-admin", "SOURCE", web)]}
    )
    assert ada.patch(f"/sources/{web}", {"name": "New"}).status == 200
    assert house.audited()[0].actor == ("user", user)
    assert house.owner.get("/audit-events").data["events"][0]["actorEmail"] == "ada@x.org"

    house.owner.put(f"/users/{user}/permissions", {"permissions": []})
    assert ada.patch(f"/sources/{web}", {"name": "Newer"}).status == 401
    house.owner.delete(f"/group/{group}/users", emails="ada@x.org")
    assert ada.get(f"/sources/{web}").status == 401
    assert ada.get("/").status == 200


def test_a_grant_goes_with_what_it_is_for(house: House) -> None:
    user, web, app = joined(house, "ada@x.org"), source(house, "web"), source(house, "app")
    both = {"id": web, "type": "SOURCE"}, {"id": app, "type": "SOURCE"}
    body = {"permissions": [{"roleId": "source-admin", "resources": list(both)}]}
    house.owner.post(f"/users/{user}/permissions", body)

    house.owner.delete(f"/sources/{web}")
    left = house.owner.get(f"/users/{user}").data["user"]["permissions"]
    assert left[0]["resources"] == [both[1]]
    house.owner.delete(f"/sources/{app}")
    assert house.owner.get(f"/users/{user}").data["user"]["permissions"] == []


def test_who_is_deleted_is_nobody(house: House) -> None:
    made = [joined(house, f"{name}@x.org") for name in ("ada", "bob", "eve")]
    ada = token_of(house, "ada@x.org")
    assert ada.get("/").status == 200

    assert house.owner.delete("/users", userIds=f"{made[0]},nobody").status == 404
    assert ada.get("/").status == 200
    assert house.owner.delete("/users").status == 422
    assert house.owner.ask("DELETE", "/users", query=f"userIds.0={made[0]}&userIds.1={made[1]}").status == 200

    assert ada.get("/").status == 401
    assert [each["id"] for each in house.owner.get("/users").data["users"]] == [made[2]]
    assert [each["userId"] for each in house.owner.get("/tokens").data["tokens"]] == [None]
    assert house.owner.get(f"/users/{made[0]}").status == 404


def test_there_are_six_roles(house: House) -> None:
    answer = house.owner.get("/roles", pagination={"count": 2}).data

    assert [each["name"] for each in answer["roles"]] == ["Workspace Owner", "Workspace Member"]
    rest = {"count": 9, "cursor": answer["pagination"].pop("next")}
    assert answer["pagination"] == {"current": "MA==", "totalEntries": 6}
    assert len(house.owner.get("/roles", pagination=rest).data["roles"]) == 4
