"""Invites, and how they become users."""

from __future__ import annotations

from typing import Any

import pytest

from tests.headgate.api.harness import ApiHarness, Caller


def invited(harness: ApiHarness, *emails: str, **facts: Any) -> None:
    harness.owner.post("/invites", {"invites": [{"email": each, **facts} for each in emails]})


def test_who_is_invited_is_a_user_with_the_first_token(harness: ApiHarness) -> None:
    permissions = [{"roleId": "owner"}]
    body = {"invites": [{"email": "Ada@X.org", "permissions": permissions}, {"email": "bob@x.org"}]}
    assert harness.owner.post("/invites", body).data == {"emails": ["ada@x.org", "bob@x.org"]}
    assert harness.owner.get("/invites").data["invites"] == ["ada@x.org", "bob@x.org"]
    assert harness.owner.get("/users").data["users"] == []

    ada = Caller(harness, harness.owner.post("/tokens", {"name": "ada", "email": "ada@x.org"}).data["value"])

    assert harness.owner.get("/invites").data["invites"] == ["bob@x.org"]
    (user,) = ada.get("/users").data["users"]
    assert user["email"] == "ada@x.org"
    assert user["permissions"] == [
        {
            "roleId": "owner",
            "roleName": "Workspace Owner",
            "resources": [{"id": harness.workspace, "type": "WORKSPACE"}],
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
def test_what_is_no_invite_is_refused(
    harness: ApiHarness, invite: dict[str, Any], refusal: tuple[int, str]
) -> None:
    invited(harness, "known@x.org")

    answer = harness.owner.post("/invites", {"invites": [invite, {"email": "good@x.org"}]})

    assert (answer.status, answer.error["field"]) == refusal
    assert harness.owner.get("/invites").data["invites"] == ["known@x.org"]


def test_labels_of_an_invite_narrow_it(harness: ApiHarness) -> None:
    label = {"key": "env", "value": "dev"}
    invited(harness, "ada@x.org", permissions=[{"roleId": "source-admin", "labels": [label]}])
    harness.owner.post("/tokens", {"name": "ada", "email": "ada@x.org"})

    (user,) = harness.owner.get("/users").data["users"]
    assert user["permissions"][0]["resources"] == [
        {"id": harness.workspace, "type": "WORKSPACE", "labels": [label]}
    ]


def test_an_invite_is_withdrawn(harness: ApiHarness) -> None:
    invited(harness, "ada@x.org", "bob@x.org", "eve@x.org")
    harness.owner.post("/tokens", {"name": "eve", "email": "eve@x.org"})

    assert harness.owner.delete("/invites", emails="ada@x.org,eve@x.org").refusal[:2] == (404, "emails[1]")
    assert harness.owner.delete("/invites", emails="Ada@x.org").data == {"status": "SUCCESS"}
    assert harness.owner.get("/invites").data["invites"] == ["bob@x.org"]
    assert harness.audited()[0].type == "Invite Deleted"
    assert harness.owner.post("/tokens", {"name": "ada", "email": "ada@x.org"}).refusal[:2] == (404, "email")


def test_an_address_is_of_one_workspace_alone(harness: ApiHarness) -> None:
    invited(harness, "ada@x.org")
    assert harness.rival.post("/invites", {"invites": [{"email": "ada@x.org"}]}).status == 201
    harness.rival.post("/tokens", {"name": "ada", "email": "ada@x.org"})

    assert harness.owner.get("/invites").data["invites"] == ["ada@x.org"]
    assert harness.owner.get("/users").data["users"] == []
