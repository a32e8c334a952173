"""What all operations have in common (SPEC 12.1): media types, rates, and how what is not there is answered."""

from __future__ import annotations

import asyncio
import email.utils
import re
from collections.abc import Iterator
from typing import Final

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headgate.api import media, serving
from headgate.api.errors import ApiError
from headgate.api.operation import ALPHA, BETA, STABLE
from headgate.api.rates import PER_MINUTE
from headgate.api.table import OPERATIONS
from headgate.service.application import Application
from tests.headgate.api import shapes
from tests.headgate.api.harness import START_MS, ApiHarness, Caller

VENDOR: Final = "application/vnd.segment.{}+json"


@pytest.mark.parametrize(
    ("accept", "versions", "answer"),
    [
        (None, STABLE, media.JSON),
        ("", STABLE, media.JSON),
        ("*/*", ALPHA, media.JSON),
        ("application/*", ALPHA, media.JSON),
        ("application/json", ALPHA, media.JSON),
        ("Application/JSON; charset=utf-8", STABLE, media.JSON),
        (VENDOR.format("v1"), STABLE, VENDOR.format("v1")),
        (VENDOR.format("v1alpha"), STABLE, VENDOR.format("v1alpha")),
        (VENDOR.format("v1beta"), BETA, VENDOR.format("v1beta")),
        (VENDOR.format("alpha"), ALPHA, VENDOR.format("alpha")),
        (VENDOR.format("stable"), STABLE, VENDOR.format("stable")),
        ("text/html, application/json;q=0.5", STABLE, media.JSON),
        (f"{VENDOR.format('v1')}, application/json", ALPHA, media.JSON),
        (f"application/json;q=0, {VENDOR.format('v1')}", STABLE, VENDOR.format("v1")),
    ],
)
def test_the_answer_is_of_a_type_that_is_wanted(
    accept: str | None, versions: tuple[str, ...], answer: str
) -> None:
    assert media.accepted(accept, versions) == answer


@pytest.mark.parametrize(
    ("accept", "versions"),
    [
        ("text/html", STABLE),
        (VENDOR.format("v2"), STABLE),
        (VENDOR.format("v1"), ALPHA),
        (VENDOR.format("stable"), BETA),
        ("application/json;q=0", STABLE),
    ],
)
def test_no_type_that_is_wanted_is_406(accept: str, versions: tuple[str, ...]) -> None:
    with pytest.raises(ApiError) as caught:
        media.accepted(accept, versions)
    assert caught.value.status == 406


@pytest.mark.parametrize("name", ["v1", "v1beta", "v1alpha", "stable", "beta", "alpha"])
def test_bodies_come_in_every_version(harness: ApiHarness, name: str) -> None:
    sent = {"content-type": VENDOR.format(name), "accept": VENDOR.format(name)}
    answer = harness.owner.ask("POST", "/groups", {"name": "G"}, headers=sent)

    assert answer.status == 200
    assert answer.headers["content-type"] == VENDOR.format(name)


def test_types_over_http(harness: ApiHarness) -> None:
    def status(content_type: str) -> int:
        return harness.owner.ask(
            "POST", "/groups", {"name": content_type}, headers={"content-type": content_type}
        ).status

    assert status("application/json; charset=utf-8") == 200
    assert status("text/plain") == status("application/xml") == 415
    refused = harness.owner.ask("GET", "/groups", headers={"accept": "text/html"})
    assert (refused.status, refused.headers["content-type"]) == (406, media.JSON)
    # Without a body there is no type of it.
    assert harness.owner.ask("POST", "/functions/ifnd_" + "0" * 24 + "/deploy").status == 404


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is not JSON"),
        (b"[]", 400, "the body must be a JSON object"),
        (b'{"name": 1}', 422, '"name" must be a valid string'),
        (b"{}", 422, '"name" is required'),
        (b'{"name": "' + b"x" * serving.BODY_BYTES + b'"}', 413, f"more than {serving.BODY_BYTES} bytes"),
    ],
)
def test_bodies_that_are_none(harness: ApiHarness, body: bytes, status: int, message: str) -> None:
    answer = harness.owner.ask("POST", "/groups", body)

    assert answer.status == status
    assert message in answer.error["message"]


def test_every_answer_tells_how_often_one_may_still_ask(harness: ApiHarness) -> None:
    token = harness.owner.token
    minute = START_MS // 60_000
    first, second = harness.owner.get("/"), harness.owner.get("/sources/none")
    assert (first.status, second.status) == (200, 404)
    told = [
        (each.headers["x-ratelimit-consumed"], each.headers["x-ratelimit-remaining"])
        for each in (first, second)
    ]
    assert told == [("1", str(PER_MINUTE["usual"] - 1)), ("2", str(PER_MINUTE["usual"] - 2))]
    reset = email.utils.parsedate_to_datetime(first.headers["x-ratelimit-reset"])
    assert reset.timestamp() == (minute + 1) * 60
    downloaded = harness.fetch("GET", "/audit-events.csv", token)
    assert downloaded.headers["x-ratelimit-consumed"] == "3"


def test_whoever_asks_too_often_is_told_when_to_come_back(harness: ApiHarness) -> None:
    answers = [harness.owner.post("/groups", {"name": f"G{n}"}) for n in range(PER_MINUTE["scarce"] + 1)]

    assert [each.status for each in answers] == [200] * PER_MINUTE["scarce"] + [429]
    last = answers[-1]
    assert last.error["type"] == "RequestError"
    data = last.error["data"]
    assert (data["remainingPoints"], data["consumedPoints"]) == (0, PER_MINUTE["scarce"] + 1)
    assert 0 < data["msBeforeNext"] <= 60_000
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert 0 < int(last.headers["retry-after"]) <= 60
    # What is not scarce goes on, and so does another workspace.
    assert harness.owner.get("/groups").status == 200
    assert harness.rival.post("/groups", {"name": "G"}).status == 200
    harness.clock.advance(data["msBeforeNext"])
    assert harness.owner.post("/groups", {"name": "again"}).status == 200


def test_members_labels_and_volumes_are_scarce() -> None:
    scarce = {each.name for each in OPERATIONS if each.rate == "scarce"}
    of_members = re.compile(r"/(users|invites|groups?|tokens|labels)\b|/labels$")
    writes = {each.name for each in OPERATIONS if each.changes and of_members.search(each.path)}

    assert scarce == writes | {"get_events_volume_from_workspace"}


def elsewhere() -> Iterator[tuple[str, str]]:
    """Requests that the hosted API answers and this one does not."""
    ours = {each.name for each in OPERATIONS}
    for name, row in shapes.OPERATIONS.items():
        if name not in ours:
            yield row["method"], re.sub(r"\{\w+\}", "x", row["path"])


@pytest.mark.parametrize("who", ["owner", "nobody"])
def test_what_is_not_here_is_404_in_the_form_of_all_errors(harness: ApiHarness, who: str) -> None:
    caller = harness.owner if who == "owner" else Caller(harness, "")
    asked = [*elsewhere(), ("GET", "/nothing"), ("POST", "/functions/x/y/z"), ("GET", "/v1/functions")]
    assert len(asked) > 100
    for method, path in asked:
        answer = caller.ask(method, path, {} if method != "GET" else None)
        assert (answer.status, answer.error["type"]) == (404, "not-found"), (method, path)


def test_a_fault_of_ours_is_told_in_the_form_of_all_errors() -> None:
    async def broken(_: Request) -> Response:
        raise ZeroDivisionError("a secret")

    app = Application([Route("/broken", broken)], dict, version="0")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://api.test", trust_env=False
        ) as http:
            return await http.get("/broken")

    answer = asyncio.run(ask())
    assert answer.status_code == 500
    assert shapes.failure_problems(answer.json()) == []
    assert "secret" not in answer.text


def test_a_method_that_is_not_here_is_told_so(harness: ApiHarness) -> None:
    answer = harness.owner.ask("DELETE", "/functions")

    assert (answer.status, answer.error["type"]) == (405, "method-not-allowed")


def test_only_the_useful_part_of_the_hosted_api_is_missing_by_name() -> None:
    """Of the first tier everything is there; of the second, what only other products need is not."""
    ours = {each.name for each in OPERATIONS}
    missing = {name for name, row in shapes.OPERATIONS.items() if row["tier"] != "out" and name not in ours}

    assert missing == {
        "create_cloud_source_regulation",
        *(f"{verb}_transformation" for verb in ("create", "get", "update", "delete")),
        "list_transformations",
    }
    for each in OPERATIONS:
        row = shapes.OPERATIONS.get(each.name)
        if row is not None:
            path = re.sub(r"\{\w+\}", "{}", each.path)
            assert (each.method, path) == (row["method"], re.sub(r"\{\w+\}", "{}", row["path"]))
            assert set(each.versions) >= set(row["versions"])
            assert each.status == row["successStatus"]
