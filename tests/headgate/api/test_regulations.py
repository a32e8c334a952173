"""Deletion and suppression."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.registry import sources
from headgate.registry.snapshot import NOBODY, Suppressed
from headgate.registry.snapshot_store import SnapshotStore
from tests.headgate.api.harness import ApiHarness


def regulation(kind: str, *subjects: str, of: str = "USER_ID") -> dict[str, Any]:
    return {"regulationType": kind, "subjectType": of, "subjectIds": list(subjects)}


def add_source(harness: ApiHarness, slug: str, workspace: str | None = None) -> str:
    made = harness.do(lambda change: sources.create(change, workspace or harness.workspace, slug=slug))
    return str(made.id)


def made(harness: ApiHarness) -> list[tuple[str, str]]:
    """Source and subject of every delete event."""
    return [(each.event["projectId"], each.event["userId"]) for each in harness.accepted]


def hidden(harness: ApiHarness, source: str) -> Suppressed:
    return SnapshotStore(harness.registry).snapshot.sources[source].suppressed


def test_a_deletion_is_an_event_for_every_id_and_source_of_the_workspace(harness: ApiHarness) -> None:
    web, app = add_source(harness, "web"), add_source(harness, "app")
    add_source(harness, "web", harness.rivals)
    harness.do(lambda change: sources.modify(change, app, enabled=False))
    name = harness.owner.post("/regulations", regulation("DELETE_ONLY", "ada", "eve", "ada")).data[
        "regulateId"
    ]

    assert made(harness) == [(web, "ada"), (web, "eve"), (app, "ada"), (app, "eve")]
    assert len({each.message_id for each in harness.accepted}) == 4
    first = harness.accepted[0]
    shown = harness.owner.get(f"/regulations/{name}").data["regulation"]
    assert first.event == {
        "type": "delete",
        "channel": "server",
        "userId": "ada",
        "context": None,
        "integrations": None,
        "messageId": f"delete-{name}-{web}-0",
        "projectId": web,
        **dict.fromkeys(("timestamp", "receivedAt", "sentAt", "originalTimestamp"), shown["createdAt"]),
    }
    assert (first.message_id, first.event_type) == (first.event["messageId"], "delete")
    assert (shown["overallStatus"], shown["workspaceId"]) == ("FINISHED", harness.workspace)
    assert shown["finishedAt"] > shown["createdAt"]
    assert hidden(harness, web) == NOBODY
    (event,) = [each for each in harness.audited() if each.resource_id == name]
    assert (event.type, event.resource_type) == ("Regulation Created", "regulation")


def test_one_of_a_source_is_about_that_alone(harness: ApiHarness) -> None:
    web, app = add_source(harness, "web"), add_source(harness, "app")
    path = f"/regulations/sources/{web}"
    of_all = harness.owner.post("/regulations", regulation("SUPPRESS_ONLY", "eve")).data["regulateId"]
    name = harness.owner.post(path, regulation("SUPPRESS_WITH_DELETE", "x", of="ANONYMOUS_ID")).data

    (event,) = harness.accepted
    assert (event.event["projectId"], event.event["anonymousId"]) == (web, "x")
    assert "userId" not in event.event
    assert [each["id"] for each in harness.owner.get(path).data["regulations"]] == [name["regulateId"]]
    assert [each["id"] for each in harness.owner.get("/regulations").data["regulations"]] == [
        name["regulateId"],
        of_all,
    ]
    assert hidden(harness, web) == Suppressed(frozenset(["eve"]), frozenset(["x"]))
    assert hidden(harness, app) == Suppressed(frozenset(["eve"]))
    assert harness.owner.get("/suppressions").data["suppressed"] == [
        {"subjectType": "USER_ID", "subjectIds": ["eve"]},
        {"subjectType": "ANONYMOUS_ID", "subjectIds": ["x"], "sourceId": web},
    ]
    harness.do(lambda change: sources.remove(change, web))
    assert len(harness.owner.get("/suppressions").data["suppressed"]) == 1


def test_who_was_suppressed_can_be_taken_again(harness: ApiHarness) -> None:
    web = add_source(harness, "web")
    path = f"/regulations/sources/{web}"
    for _ in range(2):
        harness.owner.post("/regulations", regulation("SUPPRESS_ONLY", "ada", "eve"))
    harness.owner.post(path, regulation("SUPPRESS_ONLY", "bob"))
    page = harness.owner.get("/suppressions", pagination={"count": 2}).data
    assert page["suppressed"] == [{"subjectType": "USER_ID", "subjectIds": ["ada", "eve"]}]
    assert page["pagination"]["next"]

    harness.owner.post(path, regulation("UNSUPPRESS", "ada"))  # it is not the source that suppresses her
    assert hidden(harness, web).users == {"ada", "bob", "eve"}
    harness.owner.post("/regulations", regulation("UNSUPPRESS", "ada", "bob", "nobody"))
    assert hidden(harness, web).users == {"eve"}
    assert harness.accepted == []


def test_one_that_could_not_be_stored_is_gone_on_with(harness: ApiHarness) -> None:
    web = add_source(harness, "web")
    asked = regulation("DELETE_ONLY", "ada")
    harness.queue_is_full = True
    assert harness.owner.post("/regulations", asked).status == 503
    (running,) = harness.owner.get("/regulations", status="RUNNING").data["regulations"]
    harness.queue_is_full = False

    assert harness.owner.post("/regulations", asked).data == {"regulateId": running["id"]}
    assert [each.message_id for each in harness.accepted] == [f"delete-{running['id']}-{web}-0"]
    assert harness.owner.get("/regulations", status="RUNNING").data["regulations"] == []
    assert harness.owner.post("/regulations", asked).data != {"regulateId": running["id"]}


def test_they_are_found_by_status_and_type(harness: ApiHarness) -> None:
    harness.owner.post("/regulations", regulation("DELETE_ONLY", "ada"))
    harness.owner.post("/regulations", regulation("SUPPRESS_ONLY", "ada"))

    def found(**query: Any) -> list[str]:
        return [
            each["regulationType"] for each in harness.owner.get("/regulations", **query).data["regulations"]
        ]

    assert found() == ["SUPPRESS_ONLY", "DELETE_ONLY"]
    assert found(status="FINISHED", regulationTypes=["DELETE_ONLY"]) == ["DELETE_ONLY"]
    assert found(regulationTypes="UNSUPPRESS,SUPPRESS_ONLY") == ["SUPPRESS_ONLY"]
    assert found(status="FAILED") == []
    assert found(pagination={"count": 1}) == ["SUPPRESS_ONLY"]
    assert harness.owner.get("/regulations", status="DONE").refusal[:2] == (422, "status")
    assert harness.owner.get("/regulations", regulationTypes=["X"]).refusal[:2] == (422, "regulationTypes")


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (regulation("DELETE_INTERNAL", "ada"), "regulationType"),
        (regulation("SUPPRESS_WITH_DELETE_INTERNAL", "ada"), "regulationType"),
        (regulation("FORGET", "ada"), "regulationType"),
        (regulation("DELETE_ONLY", "ada", of="OBJECT_ID"), "subjectType"),
        (regulation("DELETE_ONLY", "ada", of="ANONYMOUS_ID"), "subjectType"),
        (regulation("DELETE_ONLY"), "subjectIds"),
        (regulation("DELETE_ONLY", *map(str, range(5_001))), "subjectIds"),
        (regulation("DELETE_ONLY", "ada", ""), "subjectIds[1]"),
        (regulation("DELETE_ONLY", "x" * 513), "subjectIds[0]"),
        ({"regulationType": "DELETE_ONLY", "subjectType": "USER_ID"}, "subjectIds"),
    ],
)
def test_what_breaks_a_rule_is_refused(harness: ApiHarness, asked: dict[str, Any], field: str) -> None:
    add_source(harness, "web")
    assert harness.owner.post("/regulations", asked).refusal[:2] == (422, field)
    assert harness.owner.get("/regulations").data["regulations"] == []
    assert harness.accepted == []
