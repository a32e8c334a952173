"""Invites, and how they become users."""

from __future__ import annotations

from typing import Any

import pytest

from tests.headgate.api.house import Caller, House


def invited(house: House, *emails: str, **facts: Any) -> None:
    house.owner.post("/invites", {"invites": [{"email": each, **facts} for each in emails]})


def test_who_is_invited_is_a_user_with_the_first_token(house: House) -> None:
    permissions = [{"roleId": "owner"}]
    body = {"invites": [{"email": "Ada@X.org", "permissions": permissions}, {"email": "bob@x.org"}]}
    assert house.owner.post("/invites", body).data == {"emails": ["ada@x.org", "bob@x.org"]}
    assert house.owner.get("/invites").data["invites"] == ["ada@x.org", "bob@x.org"]
    assert house.owner.get("/users").data["users"] == []

    ada = Caller(house, house.owner.post("/tokens", {"name": "ada", "email": "ada@x.org"}).data["value"])

    assert house.owner.get("/invites").data["invites"] == ["bob@x.org"]
    (user,) = ada.get("/users").data["users"]
    assert user["email"] == "ada@x.org"
    assert user["permissions"] == [
        {
            "roleId": "owner",
            "roleName": "Workspace Owner",
            "resources": [{"id": house.workspace, "type": "WORKSPACE"}],
        }
    ]


@pytest.mark.parametrize(
    ("invite", "refusal"),
    [
        ({"email": "nobody"}, (422, "invites[0].email")),
        ({"email": "a@b,c@d"}, (422, "invites[0].email")),
        ({"email": "a b@c"}, (422, "invites[0].email")),
        ({"email": "a@" + "b" * 300}, (422, "invites[0].email")),
        ({"email": "known@x.org"}, (409, "invites[0].email")),
        ({"email": "a@b", "permissions": [{"roleId": "king"}]}, (422, "invites[0].permissions[0].resources")),
        (
            {"email": "a@b", "permissions": [{"roleId": "functions-admin"}]},
            (422, "invites[0].permissions[0].resources"),
        ),
        (
            {"email": "a@b", "permissions": [{"roleId": "owner", "labels": [{"key": "a", "value": "b"}]}]},
            (422, "invites[0].permissions[0].resources[0].labels"),
        ),
        (
            {
                "email": "a@b",
                "permissions": [{"roleId": "source-admin", "resources": [{"id": "no", "type": "SOURCE"}]}],
            },
            (404, "invites[0].permissions[0].resources[0].id"),
        ),
    ],
)
def test_what_is_no_invite_is_refused(house: House, invite: dict[str, Any], refusal: tuple[int, str]) -> None:
    invited(house, "known@x.org")

    answer = house.owner.post("/invites", {"invites": [invite, {"email": "good@x.org"}]})

    assert (answer.status, answer.error["field"]) == refusal
    assert house.owner.get("/invites").data["invites"] == ["known@x.org"]


def test_labels_of_an_invite_narrow_it(house: House) -> None:
    label = {"key": "env", "value": "dev"}
    invited(house, "ada@x.org", permissions=[{"roleId": "source-admin", "labels": [label]}])
    house.owner.post("/tokens", {"name": "ada", "email": "ada@x.org"})

    (user,) = house.owner.get("/users").data["users"]
    assert user["permissions"][0]["resources"] == [
        {"id": house.workspace, "type": "WORKSPACE", "labels": [label]}
    ]


def test_an_invite_is_withdrawn(house: House) -> None:
    invited(house, "ada@x.org", "bob@x.org", "eve@x.org")
    house.owner.post("/tokens", {"name": "eve", "email": "eve@x.org"})

    assert house.owner.delete("/invites", emails="ada@x.org,eve@x.org").refusal[:2] == (404, "emails[1]")
    assert house.owner.delete("/invites", emails="Ada@x.org").data == {"status": "SUCCESS"}
    assert house.owner.get("/invites").data["invites"] == ["bob@x.org"]
    assert house.audited()[0].type == "Invite Deleted"
    assert house.owner.post("/tokens", {"name": "ada", "email": "ada@x.org"}).refusal[:2] == (404, "email")


def test_an_address_is_of_one_workspace_alone(house: House) -> None:
    invited(house, "ada@x.org")
    assert house.rival.post("/invites", {"invites": [{"email": "ada@x.org"}]}).status == 201
    house.rival.post("/tokens", {"name": "ada", "email": "ada@x.org"})

    assert house.owner.get("/invites").data["invites"] == ["ada@x.org"]
    assert house.owner.get("/users").data["users"] == []
