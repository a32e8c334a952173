"""Who answers what, and what answers without a framework."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import orjson
import pytest

from headgate.service import health
from headgate.service.endpoints import JSON, Endpoints, Request, Response
from headgate.service.front import Front
from headgate.service.invoke import InvokeApi
from headgate.tracking.api import TrackingApi
from headgate.tracking.asgi import Receive, Scope, Send


async def ask(app: Any, method: str, path: str, content: bytes = b"", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://h", trust_env=False) as http:
        return await http.request(method, path, content=content, headers=headers)


async def rest(_: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def watched(why: str | None = None, token: str | None = None) -> Endpoints:
    async def metrics() -> bytes:
        return b"headgate_up 1\n"

    return health.application(is_ready=lambda: why, metrics=metrics, metrics_token=token)


def test_the_rest_is_made_once_when_it_is_first_asked_for() -> None:
    made: list[str] = []

    def make() -> Any:
        made.append("made")
        return rest

    async def main() -> None:
        nothing = cast("TrackingApi", None)
        front = Front(nothing, cast("InvokeApi", None), watched(), make)
        assert (await ask(front, "GET", "/healthz")).text == "ok\n"
        assert made == []
        answers = await asyncio.gather(*(ask(front, "GET", "/sources") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {418}
        assert made == ["made"]

    asyncio.run(main())


@pytest.mark.parametrize(("why", "status", "text"), [(None, 200, "ok\n"), ("stopping", 503, "stopping\n")])
def test_readiness(why: str | None, status: int, text: str) -> None:
    answer = asyncio.run(ask(watched(why), "GET", "/readyz"))

    assert (answer.status_code, answer.text) == (status, text)


def test_metrics_are_for_those_who_have_their_token() -> None:
    app = watched(token="t")

    assert asyncio.run(ask(app, "GET", "/metrics")).status_code == 401
    assert asyncio.run(ask(app, "GET", "/metrics", authorization="Bearer x")).json() == {
        "errors": [
            {"type": "unauthorized", "message": "the metrics token is wanted: Authorization: Bearer ..."}
        ]
    }
    assert asyncio.run(ask(app, "GET", "/metrics", authorization="Bearer t")).text == "headgate_up 1\n"


def test_the_document_names_what_there_is() -> None:
    app = watched()

    assert all(app.handles(path) for path in health.documented())
    assert set(health.documented()) == {"/healthz", "/readyz", "/metrics"}


def test_endpoints() -> None:
    async def echo(request: Request) -> Response:
        return Response(orjson.dumps(request.body.decode()), JSON)

    app = Endpoints({("POST", "/echo"): echo})

    assert asyncio.run(ask(app, "POST", "/echo", b"hello")).json() == "hello"
    refused = asyncio.run(ask(app, "GET", "/echo"))
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert refused.json()["errors"][0]["type"] == "method-not-allowed"
    assert asyncio.run(ask(app, "GET", "/none")).json()["errors"][0]["type"] == "not-found"
