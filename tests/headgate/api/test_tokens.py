"""Tokens: shown once, good for what they are given, gone at once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.headgate.api.harness import ApiHarness, Caller
from tests.headgate.registry.harness import bytes_below


def made(harness: ApiHarness, **facts: Any) -> dict[str, Any]:
    answer = harness.owner.post("/tokens", {"name": "ci", **facts})
    assert answer.status == 201
    return answer.data


def test_a_token_is_shown_once_and_kept_nowhere(harness: ApiHarness) -> None:
    answer = made(harness, roleId="functions-admin")
    text = answer["value"]

    assert Caller(harness, text).get("/functions", resourceType="INSERT_DESTINATION").status == 200
    assert Caller(harness, text).get("/tokens").status == 401
    listed = harness.owner.get("/tokens")
    assert listed.data["tokens"][-1] == answer["token"]
    assert text not in str(listed.value)
    assert text not in str(harness.owner.get("/audit-events").value)
    assert text[4:].encode() not in bytes_below(harness.registry.directory.root)


def test_a_token_that_is_revoked_is_refused(harness: ApiHarness) -> None:
    answer = made(harness, roleId="owner")
    name = answer["token"]["id"]
    caller = Caller(harness, answer["value"])
    assert caller.get("/tokens").status == 200

    assert harness.rival.delete(f"/tokens/{name}").status == 404
    assert caller.get("/tokens").status == 200
    assert harness.owner.delete(f"/tokens/{name}").data == {"status": "SUCCESS"}
    assert caller.get("/tokens").status == 401
    assert harness.owner.delete(f"/tokens/{name}").status == 404


def test_a_token_has_grants_of_its_own(harness: ApiHarness) -> None:
    body = {"slug": "web", "enabled": True, "metadataId": "javascript"}
    source = harness.owner.post("/sources", body).data["source"]["id"]
    answer = made(
        harness, permissions=[{"roleId": "source-admin", "resources": [{"id": source, "type": "SOURCE"}]}]
    )

    assert answer["token"]["roleId"] == "member"
    caller = Caller(harness, answer["value"])
    assert caller.post(f"/sources/{source}/writekey").status == 200
    assert caller.post("/sources", body | {"slug": "app"}).status == 401
    assert harness.owner.delete(f"/tokens/{answer['token']['id']}").status == 200


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"name": "ci"}, (422, "roleId")),
        ({"name": "", "roleId": "owner"}, (422, "name")),
        ({"name": "ci", "roleId": "king"}, (422, "role")),
        ({"name": "ci", "email": "nobody@x.org"}, (404, "email")),
        ({"name": "ci", "email": "nobody@x.org", "roleId": "owner"}, (422, "email")),
        (
            {"name": "ci", "permissions": [{"roleId": "owner", "resources": []}]},
            (422, "permissions[0].resources"),
        ),
    ],
)
def test_what_is_no_token_is_refused(
    harness: ApiHarness, body: dict[str, Any], refusal: tuple[int, str]
) -> None:
    assert harness.owner.post("/tokens", body).refusal[:2] == refusal
