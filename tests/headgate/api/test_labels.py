"""Labels of the workspace."""

from __future__ import annotations

import pytest

from headgate.api.permissions import Resource
from headgate.registry import sources
from tests.headgate.api.harness import ApiHarness

PROD = {"key": "env", "value": "prod"}


def test_a_label_lives(harness: ApiHarness) -> None:
    team = {"key": "team", "value": "shop & co", "description": "who sells"}

    assert harness.owner.post("/labels", {"label": team}).data == {"label": team}
    assert harness.owner.post("/labels", {"label": PROD}).data == {"label": PROD}
    assert harness.owner.get("/labels").data == {"labels": [PROD, team]}
    assert harness.owner.post("/labels", {"label": PROD}).status == 409
    assert harness.owner.delete("/labels/team/shop%20&%20co").data == {"status": "SUCCESS"}
    assert harness.owner.delete("/labels/team/shop%20&%20co").status == 404
    assert harness.owner.get("/labels").data == {"labels": [PROD]}
    assert [(each.type, each.resource_name) for each in harness.audited()[:3]] == [
        ("Label Deleted", "team:shop & co"),
        ("Label Created", "env:prod"),
        ("Label Created", "team:shop & co"),
    ]


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ({"key": "env"}, "label.value"),
        ({"key": "", "value": "x"}, "label.key"),
        # "a:b" with the value "c" and "a" with the value "b:c" would be the same to permissions.
        ({"key": "a:b", "value": "c"}, "label.key"),
        ({"key": "a/b", "value": "c"}, "label.key"),
        ({"key": "a", "value": "b/c"}, "label.value"),
        ({"key": "a", "value": "x" * 121}, "label.value"),
        ({"key": "a", "value": "b", "description": "x" * 5_000}, "description"),
    ],
)
def test_a_label_that_breaks_a_rule_is_refused(
    harness: ApiHarness, label: dict[str, str], field: str
) -> None:
    answer = harness.owner.post("/labels", {"label": label})

    assert (answer.status, answer.error["field"]) == (422, field)
    assert harness.owner.get("/labels").data == {"labels": []}


def test_owners_alone_make_and_delete_labels(harness: ApiHarness) -> None:
    harness.owner.post("/labels", {"label": PROD})
    admin = harness.caller("source-admin")

    assert admin.get("/labels").data == {"labels": [PROD]}
    assert admin.post("/labels", {"label": {"key": "a", "value": "b"}}).status == 401
    assert admin.delete("/labels/env/prod").status == 401
    assert harness.rival.get("/labels").data == {"labels": []}
    assert harness.rival.delete("/labels/env/prod").status == 404
    assert harness.owner.get("/labels").data == {"labels": [PROD]}


def test_a_label_that_is_deleted_leaves_its_sources(harness: ApiHarness) -> None:
    other = {"key": "team", "value": "shop"}
    source = harness.do(
        lambda change: sources.create(change, harness.workspace, slug="web", labels=[PROD, other, PROD])
    )
    reader = harness.granted(
        ("source-read-only", [Resource("SOURCE", harness.workspace, frozenset({"env:prod"}))])
    )
    assert harness.owner.get("/labels").data == {"labels": [PROD, other]}
    assert reader.get(f"/sources/{source.id}").data["source"]["labels"] == [PROD, other]

    harness.owner.delete("/labels/env/prod")

    assert harness.owner.get(f"/sources/{source.id}").data["source"]["labels"] == [other]
    assert reader.get(f"/sources/{source.id}").status == 401
    assert [each.type for each in harness.audited()[:2]] == ["Label Deleted", "Source Modified"]


def test_writing_labels_is_scarce(harness: ApiHarness) -> None:
    for number in range(60):
        assert harness.owner.delete(f"/labels/key/{number}").status == 404

    answer = harness.owner.delete("/labels/key/60")

    assert (answer.status, answer.error["type"]) == (429, "RequestError")
    assert set(answer.error["data"]) == {"remainingPoints", "msBeforeNext", "consumedPoints"}
    assert harness.owner.get("/labels").status == 200
    harness.clock.advance(60_000)
    assert harness.owner.delete("/labels/key/60").status == 404
