"""Functions through the API: what an update keeps, and who may have code compiled."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.registry import functions
from tests.headgate.api.harness import ApiHarness

TYPESCRIPT = "function onTrack(event: object): object { return event }"
JAVASCRIPT = "function onTrack(event) { return event }"


def create(harness: ApiHarness, code: str, **fields: Any) -> dict[str, Any]:
    body = {"code": code, "displayName": "Mine", "resourceType": "INSERT_DESTINATION", **fields}
    function: dict[str, Any] = harness.owner.post("/functions", body).data["function"]
    return function


def modify(harness: ApiHarness, function: dict[str, Any], **fields: Any) -> dict[str, Any]:
    changed: dict[str, Any] = harness.owner.patch(f"/functions/{function['id']}", fields).data["function"]
    return changed


def versions(harness: ApiHarness, function: dict[str, Any]) -> int:
    data = harness.owner.get(f"/functions/{function['id']}/versions").data
    count: int = data["pagination"]["totalEntries"]
    return count


def test_new_code_is_of_the_language_that_the_function_has(harness: ApiHarness) -> None:
    """The official clients know nothing of languages."""
    function = create(harness, TYPESCRIPT, language="typescript")
    changed = modify(harness, function, code=f"{TYPESCRIPT} // again")

    assert (changed["language"], changed["code"]) == ("typescript", f"{TYPESCRIPT} // again")


def test_a_language_alone_is_one_for_the_code_there_is(harness: ApiHarness) -> None:
    function = create(harness, JAVASCRIPT)

    assert modify(harness, function, language="typescript")["language"] == "typescript"
    assert versions(harness, function) == 2
    assert modify(harness, function, language="typescript")["language"] == "typescript"
    assert versions(harness, function) == 2
    other = create(harness, TYPESCRIPT, language="typescript")
    refused = harness.owner.patch(f"/functions/{other['id']}", {"language": "javascript"})
    assert (refused.status, refused.error["field"]) == (422, "code")


def test_an_update_keeps_what_it_does_not_name(harness: ApiHarness) -> None:
    function = create(
        harness, JAVASCRIPT, description="first", isolation="hermetic", timeMs=100, batchMaxCount=7
    )
    changed = modify(harness, function, displayName="Yours")

    assert changed | {"displayName": "Mine"} == function
    assert versions(harness, function) == 1


def test_code_is_compiled_for_those_alone_who_may_save_it(
    harness: ApiHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = create(harness, JAVASCRIPT)
    new = {"code": JAVASCRIPT, "displayName": "Mine", "resourceType": "INSERT_DESTINATION"}
    compiled: list[str] = []

    def checked(text: str, *_: Any, **__: Any) -> functions.Code:
        compiled.append(text)
        return functions.Code(text, "javascript")

    monkeypatch.setattr(functions, "checked", checked)
    reader = harness.caller("functions-read-only")
    assert reader.post("/functions", new).status == 401
    assert reader.patch(f"/functions/{function['id']}", {"code": JAVASCRIPT}).status == 401
    assert harness.rival.patch(f"/functions/{function['id']}", {"code": JAVASCRIPT}).status == 404
    assert compiled == []
    assert harness.owner.post("/functions", new).status == 200
    assert compiled == [JAVASCRIPT]
