"""
schemathesis asks a real server for whatever its OpenAPI document allows and forbids, with ids of things of the caller's
and of another workspace: no answer is a fault or undocumented, and nothing is seen or changed next door.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from headgate.paths import DataDirectory
from headgate.registry import tokens, workspaces
from headgate.registry.store import Registry
from tests.acceptance.api.house import client, served

SECONDS = int(os.environ.get("HEADGATE_API_SECONDS", "5"))

MARK = "nobody-else-knows"
"""In whatever has a name in the other workspace."""

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
)

LISTS = (
    "/",
    "/sources",
    "/destinations",
    "/functions?resourceType=INSERT_DESTINATION",
    "/labels",
    "/groups",
    "/invites",
    "/users",
    "/tokens",
    "/audit-events",
)


@pytest.mark.timeout(SECONDS * 2 + 120)
def test_nothing_that_the_document_allows_breaks_the_server_or_reaches_next_door(tmp_path: Path) -> None:
    with served(tmp_path / "data") as place, client(place.url, rival(tmp_path / "data")) as other:
        own, others = filled(place.http, "own"), filled(other, MARK)
        functions = "?functionId=" + others["functionId"]
        lists = (*LISTS, "/insert-function-instances" + functions, f"/sources/{others['sourceId']}")
        before = {path: other.get(path).json() for path in lists}
        assert all("data" in each for each in before.values()), before
        config = "[parameters]\n" + "".join(
            f"{json.dumps(name)} = {json.dumps([value, others[name]])}\n" for name, value in own.items()
        )
        (tmp_path / "schemathesis.toml").write_text(config)
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("run", f"{place.url}/openapi.json"),
                *("--header", f"Authorization: Bearer {place.token}"),
                *("--checks", ",".join(CHECKS)),
                # It fails where it is asked to.
                *("--exclude-operation-id", "echo"),
                *("--max-time", str(SECONDS)),
                *("--report", "har", "--report-har-path", "all.har"),
                *("--generation-database", "none"),
                *("--suppress-health-check", "all"),
                *("--continue-on-failure", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SECONDS * 2 + 60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert place.http.get("/readyz").status_code == 200
        assert {path: other.get(path).json() for path in lists} == before
    entries = json.loads((tmp_path / "all.har").read_text())["log"]["entries"]
    answers = [
        (each["response"]["status"], each["response"]["content"].get("text") or "") for each in entries
    ]
    assert len(answers) > 200
    assert {200, 404, 422} <= {status for status, _ in answers}
    assert [text for _, text in answers if MARK in text] == []
    ids = re.compile("|".join(re.escape(value) for value in others.values()))
    assert [text for status, text in answers if status < 400 and ids.search(text)] == []


def rival(data: Path) -> str:
    """The token of another workspace's owner."""
    with Registry.open(DataDirectory(data)) as registry, registry.change() as change:
        workspace = workspaces.create(change, slug="rival", name=MARK)
        _, token = tokens.create(change, workspace.id, name=MARK, role="owner")
    return token


def filled(http: httpx.Client, name: str) -> dict[str, str]:
    """A thing of every kind, called *name*: their ids by the name of the parameter."""

    def made(path: str, body: dict[str, Any], kind: str) -> dict[str, Any]:
        answer = http.post(path, json=body)
        assert answer.is_success, answer.text
        thing: dict[str, Any] = answer.json()["data"][kind]
        return thing

    label = {"key": name, "value": name}
    made("/labels", {"label": label}, "label")
    source = made("/sources", {"slug": name, "enabled": True, "metadataId": "http-api"}, "source")
    destination = made(
        "/destinations",
        {"sourceId": source["id"], "metadataId": "sink", "settings": {"path": f"{name}.jsonl"}, "name": name},
        "destination",
    )
    rule = {"if": "true", "actions": [{"type": "DROP"}], "title": name, "enabled": False}
    filter_ = made(f"/destination/{destination['id']}/filters", {"sourceId": source["id"], **rule}, "filter")
    code = f"function onTrack(event) {{ return event }} // {name}"
    function = made(
        "/functions", {"code": code, "displayName": name, "resourceType": "INSERT_DESTINATION"}, "function"
    )
    version = http.get(f"/functions/{function['id']}/versions").json()["data"]["versions"][0]
    bound = {"functionId": function["id"], "integrationId": destination["id"], "name": name, "settings": {}}
    instance = made("/insert-function-instances", bound, "insertFunctionInstance")
    group = made("/groups", {"name": name}, "userGroup")
    return {
        "sourceId": source["id"],
        "writeKey": source["writeKeys"][0],
        "destinationId": destination["id"],
        "filterId": filter_["id"],
        "functionId": function["id"],
        "versionId": version["id"],
        "instanceId": instance["id"],
        "userGroupId": group["id"],
    }
