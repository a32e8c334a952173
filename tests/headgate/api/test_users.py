"""Users, what they may, and what becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.registry import users
from tests.headgate.api.harness import ApiHarness, Caller


def joined(harness: ApiHarness, email: str) -> str:
    """The id of a new user."""
    made: str = harness.do(
        lambda change: users.accept(change, users.invite(change, harness.workspace, email))
    ).id
    return made


def permission(role: str, kind: str, name: str, *labels: tuple[str, str]) -> dict[str, Any]:
    resource: dict[str, Any] = {"id": name, "type": kind}
    if labels:
        resource["labels"] = [{"key": key, "value": value} for key, value in labels]
    return {"roleId": role, "resources": [resource]}


def source(harness: ApiHarness, slug: str) -> str:
    body = {"slug": slug, "enabled": True, "metadataId": "javascript"}
    made: str = harness.owner.post("/sources", body).data["source"]["id"]
    return made


def token_of(harness: ApiHarness, email: str) -> Caller:
    return Caller(harness, harness.owner.post("/tokens", {"name": "laptop", "email": email}).data["value"])


def test_users_are_listed_by_pages(harness: ApiHarness) -> None:
    made = [joined(harness, f"{name}@x.org") for name in ("ada", "bob", "eve")]
    harness.do(lambda change: users.invite(change, harness.workspace, "invited@x.org"))

    first = harness.owner.get("/users", pagination={"count": 2}).data
    second = harness.owner.get("/users", pagination={"count": 2, "cursor": first["pagination"]["next"]}).data

    assert [each["id"] for each in first["users"] + second["users"]] == made
    assert "next" not in second["pagination"]
    assert harness.owner.get(f"/users/{made[0]}").data["user"] == {
        "id": made[0],
        "name": "ada@x.org",
        "email": "ada@x.org",
        "permissions": [],
    }


def test_permissions_add_up_and_are_replaced(harness: ApiHarness) -> None:
    user, web, app = joined(harness, "ada@x.org"), source(harness, "web"), source(harness, "app")
    path = f"/users/{user}/permissions"

    def given(*permissions: dict[str, Any]) -> dict[str, Any]:
        return {"permissions": list(permissions)}

    harness.owner.post(path, given(permission("source-admin", "SOURCE", web)))
    got = harness.owner.post(
        path,
        given(
            permission("source-admin", "SOURCE", app),
            permission("source-admin", "SOURCE", web),
            permission("functions-read-only", "WORKSPACE", harness.workspace),
        ),
    ).data["permissions"]

    assert [(each["roleId"], each["roleName"]) for each in got] == [
        ("source-admin", "Source Admin"),
        ("functions-read-only", "Functions Read-only"),
    ]
    assert [each["id"] for each in got[0]["resources"]] == [web, app]
    assert harness.owner.get(f"/users/{user}").data["user"]["permissions"] == got

    narrowed = permission("source-read-only", "WORKSPACE", harness.workspace, ("env", "dev"), ("a", "b:c"))
    got = harness.owner.put(path, given(narrowed)).data["permissions"]
    assert got[0]["resources"][0]["labels"] == [
        {"key": "a", "value": "b:c"},
        {"key": "env", "value": "dev"},
    ]
    assert harness.owner.put(path, given()).data["permissions"] == []
    assert [each.type for each in harness.audited() if each.resource_type == "user"] == [
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
    harness: ApiHarness, given: dict[str, Any], refusal: tuple[int, str]
) -> None:
    user = joined(harness, "ada@x.org")
    for resource in given.get("resources", ()):
        resource["id"] = harness.workspace if resource["id"] == "@" else resource["id"]

    answer = harness.owner.post(f"/users/{user}/permissions", {"permissions": [given]})

    assert (answer.status, answer.error["field"]) == refusal
    assert harness.owner.get(f"/users/{user}").data["user"]["permissions"] == []


def test_permissions_are_for_so_many_resources(harness: ApiHarness) -> None:
    user, web = joined(harness, "ada@x.org"), source(harness, "web")
    path = f"/users/{user}/permissions"
    body = [permission("source-admin", "SOURCE", web) for _ in range(1_001)]

    assert harness.owner.put(path, {"permissions": body}).refusal[:2] == (422, "permissions")
    assert harness.owner.put(path, {"permissions": body[:1_000]}).data["permissions"] == [
        body[0] | {"roleName": "Source Admin"}
    ]
    assert harness.owner.post(
        path, {"permissions": [permission("source-admin", "SOURCE", harness.workspace)]}
    ).refusal[:2] == (404, "permissions[0].resources[0].id")


def test_a_change_of_permissions_holds_for_the_next_request(harness: ApiHarness) -> None:
    user, web = joined(harness, "ada@x.org"), source(harness, "web")
    ada = token_of(harness, "ada@x.org")
    group = harness.owner.post("/groups", {"name": "Web"}).data["userGroup"]["id"]
    harness.owner.post(
        f"/groups/{group}/permissions", {"permissions": [permission("source-read-only", "SOURCE", web)]}
    )

    assert ada.get(f"/sources/{web}").status == 401
    harness.owner.post(f"/groups/{group}/users", {"emails": ["ADA@x.org"]})
    assert ada.get(f"/sources/{web}").status == 200
    assert ada.patch(f"/sources/{web}", {"name": "New"}).status == 401
    harness.owner.post(
        f"/users/{user}/permissions", {"permissions": [permission("source-admin", "SOURCE", web)]}
    )
    assert ada.patch(f"/sources/{web}", {"name": "New"}).status == 200
    assert harness.audited()[0].actor == ("user", user)
    assert harness.owner.get("/audit-events").data["events"][0]["actorEmail"] == "ada@x.org"

    harness.owner.put(f"/users/{user}/permissions", {"permissions": []})
    assert ada.patch(f"/sources/{web}", {"name": "Newer"}).status == 401
    harness.owner.delete(f"/group/{group}/users", emails="ada@x.org")
    assert ada.get(f"/sources/{web}").status == 401
    assert ada.get("/").status == 200


def test_a_grant_goes_with_what_it_is_for(harness: ApiHarness) -> None:
    user, web, app = joined(harness, "ada@x.org"), source(harness, "web"), source(harness, "app")
    both = {"id": web, "type": "SOURCE"}, {"id": app, "type": "SOURCE"}
    body = {"permissions": [{"roleId": "source-admin", "resources": list(both)}]}
    harness.owner.post(f"/users/{user}/permissions", body)

    harness.owner.delete(f"/sources/{web}")
    left = harness.owner.get(f"/users/{user}").data["user"]["permissions"]
    assert left[0]["resources"] == [both[1]]
    harness.owner.delete(f"/sources/{app}")
    assert harness.owner.get(f"/users/{user}").data["user"]["permissions"] == []


def test_who_is_deleted_is_nobody(harness: ApiHarness) -> None:
    made = [joined(harness, f"{name}@x.org") for name in ("ada", "bob", "eve")]
    ada = token_of(harness, "ada@x.org")
    assert ada.get("/").status == 200

    assert harness.owner.delete("/users", userIds=f"{made[0]},nobody").status == 404
    assert ada.get("/").status == 200
    assert harness.owner.delete("/users").status == 422
    assert (
        harness.owner.ask("DELETE", "/users", query=f"userIds.0={made[0]}&userIds.1={made[1]}").status == 200
    )

    assert ada.get("/").status == 401
    assert [each["id"] for each in harness.owner.get("/users").data["users"]] == [made[2]]
    assert [each["userId"] for each in harness.owner.get("/tokens").data["tokens"]] == [None]
    assert harness.owner.get(f"/users/{made[0]}").status == 404


def test_there_are_six_roles(harness: ApiHarness) -> None:
    answer = harness.owner.get("/roles", pagination={"count": 2}).data

    assert [each["name"] for each in answer["roles"]] == ["Workspace Owner", "Workspace Member"]
    rest = {"count": 9, "cursor": answer["pagination"].pop("next")}
    assert answer["pagination"] == {"current": "MA==", "totalEntries": 6}
    assert len(harness.owner.get("/roles", pagination=rest).data["roles"]) == 4
