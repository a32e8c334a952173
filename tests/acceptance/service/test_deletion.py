"""Deletion requests, all the way to the destination."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.service.project import MANIFEST, Project, event, until

MANIFEST_OF_TWO = (
    MANIFEST
    + """
[[functions]]
name = "Plain"
path = "plain.js"

[[destinations]]
name = "Other"
source = "web"
kind = "sink"
path = "other.jsonl"
function = { name = "Plain" }
"""
)

ON_DELETE = (
    "function onDelete(e) { e.asked = e.context === null; return e }\nfunction onTrack(e) { return e }"
)
PLAIN = "function onTrack(e) { return e }"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_deletion_goes_through_on_delete_and_no_more_is_taken(tmp_path: Path, workers: str) -> None:
    project = Project(tmp_path, MANIFEST_OF_TWO, {"mark.js": ON_DELETE, "plain.js": PLAIN})
    project.apply()
    token = next(word for word in project.command("token", "create", "t").split() if word.startswith("hgt_"))
    with project.serving("--workers", workers) as client:
        answer = client.http.post(
            "/regulations",
            json={"regulationType": "SUPPRESS_WITH_DELETE", "subjectType": "USER_ID", "subjectIds": ["ada"]},
            headers={"authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 200, answer.text
        name = answer.json()["data"]["regulateId"]
        for number, user in enumerate(["ada", "eve", "ada"]):
            assert client.post("/v1/track", event(number, writeKey="wk", userId=user)).status_code == 200
        until(lambda: len(project.arrived()) == 2 and len(project.arrived("other.jsonl")) == 1)
        # The function without a handler for it discards the deletion, as any other type (SPEC D45).

    deletion, other = sorted(project.arrived(), key=lambda each: str(each["type"]))
    assert (deletion["type"], deletion["userId"], deletion["asked"]) == ("delete", "ada", True)
    assert deletion["messageId"].startswith(f"delete-{name}-")
    assert (other["messageId"], other["userId"]) == ("m1", "eve")
    assert [each["messageId"] for each in project.arrived("other.jsonl")] == ["m1"]
