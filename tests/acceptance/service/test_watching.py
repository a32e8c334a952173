"""What people see of events and failures, of a server with two workers, whichever of them they happen to ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.service.project import Client, Project, event, until

REFUSE = "function onTrack(e) { console.log('no luck with', e.messageId); throw new Error('no') }"


def ask(client: Client, token: str, path: str, body: object = None) -> dict[str, Any]:
    """On a connection of its own, so that the kernel deals them out."""
    answer: httpx.Response = client.http.request(
        "GET" if body is None else "POST",
        path,
        json=body,
        headers={"authorization": f"Bearer {token}", "connection": "close"},
    )
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def test_failures_and_events_are_seen_whichever_worker_had_them(tmp_path: Path) -> None:
    project = Project(tmp_path, files={"mark.js": REFUSE})
    project.apply()
    printed = project.command("token", "create", "watching").split()
    token = next(word for word in printed if word.startswith("hgt_"))
    with project.serving("--workers", "2") as client:
        for number in range(12):
            client.http.post("/v1/track", json=event(number, writeKey="wk"), headers={"connection": "close"})
        (source,) = ask(client, token, "/sources")["sources"]
        (destination,) = ask(client, token, "/destinations")["destinations"]
        for _ in range(3):
            seen = ask(client, token, f"/sources/{source['id']}/debugger/events")["events"]
            assert {each["messageId"] for each in seen} == {f"m{number}" for number in range(12)}
        path = f"/destinations/{destination['id']}/samples"
        until(lambda: len(ask(client, token, path)["samples"]) == 10)
        sample = ask(client, token, path)["samples"][0]
        assert sample["discardReason"] == "bad_request"
        assert sample["logs"] == [{"level": "log", "message": f"no luck with {sample['messageId']}"}]
        run = ask(client, token, "/functions/preview", {"code": REFUSE, "payload": sample["event"]})["result"]
        assert (run["status"], run["error"]["message"]) == ("ERROR", "no")
