"""
schemathesis asks a real server for whatever its OpenAPI document allows and forbids, with ids of things of the caller's
and of another workspace: no answer is a fault or undocumented, and nothing is seen or changed next door.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from guest.build.sources import ROOT
from tests.acceptance.api.resources import create_resources, create_workspace
from tests.acceptance.api.served import client, served

SECONDS = int(os.environ.get("HEADGATE_API_SECONDS", "10"))

LONG = 300
"""Of seconds: enough for every operation and every kind of value."""

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
def test_nothing_that_the_document_allows_breaks_the_server_or_reaches_next_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Metrics name the destinations of all tenants; no tenant knows the operator's token for them.
    monkeypatch.setenv("HEADGATE_METRICS_TOKEN", secrets.token_hex())
    data = tmp_path / "data"
    with served(data) as server, client(server.url, create_workspace(data, "rival", MARK)) as other:
        others = create_resources(other, MARK)
        functions = "?functionId=" + others["functionId"]
        lists = (*LISTS, "/insert-function-instances" + functions, f"/sources/{others['sourceId']}")
        before = {path: other.get(path).json() for path in lists}
        assert all("data" in each for each in before.values()), before
        document = server.http.get("/openapi.json").json()
        assert unsecured(document) == {"healthz", "readyz", "metrics"}
        told = {"url": server.url, "data": str(data), "tenants": 2 + SECONDS // 60, "rival": others}
        (tmp_path / "told.json").write_text(json.dumps(told))
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *("run", f"{server.url}/openapi.json"),
                *("--checks", ",".join(CHECKS)),
                # It fails where it is asked to.
                *("--exclude-operation-id", "echo"),
                *("--max-time", str(SECONDS)),
                # Thinking of every value at a bound takes longer than a short run has.
                *("--phases", "coverage,fuzzing,stateful" if SECONDS >= LONG else "fuzzing"),
                *("--report", "har", "--report-har-path", "all.har"),
                *("--generation-database", "none"),
                *("--suppress-health-check", "all"),
                *("--continue-on-failure", "--no-color"),
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *sys.path])),
                "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("fuzzing.py")),
                "HEADGATE_FUZZING": str(tmp_path / "told.json"),
            },
            capture_output=True,
            text=True,
            timeout=SECONDS * 2 + 60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert server.http.get("/readyz").status_code == 200
        assert {path: other.get(path).json() for path in lists} == before
    entries = json.loads((tmp_path / "all.har").read_text())["log"]["entries"]
    answers = [
        (each["response"]["status"], each["response"]["content"].get("text") or "") for each in entries
    ]
    reached = {
        (each["request"]["method"], re.sub(r"[0-9a-f]{20,}", "", each["request"]["url"].partition("?")[0]))
        for each in entries
        if each["response"]["status"] < 300
    }
    print(f"{len(answers)} answers; {len(reached)} operations succeeded")
    assert answers
    if SECONDS >= LONG:
        assert len(reached) > 60
        assert {200, 404, 422} <= {status for status, _ in answers}
    # A refusal may name what was asked for.
    seen = [
        text
        for each, (status, text) in zip(entries, answers, strict=True)
        if MARK in text and (status < 400 or MARK not in json.dumps(each["request"]))
    ]
    assert seen == []
    ids = re.compile("|".join(re.escape(value) for value in others.values()))
    assert [text for status, text in answers if status < 400 and ids.search(text)] == []


def unsecured(document: dict[str, Any]) -> set[str]:
    """The operations of *document* that want none of its security schemes."""
    schemes = set(document["components"]["securitySchemes"])
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    return {
        operation["operationId"]
        for operation in operations
        if not any(schemes & set(each) for each in operation.get("security", []))
    }
