"""The synchronous endpoint without a server: who may, which function, and what is remembered of it for how long."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
from collections.abc import Callable, Coroutine
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
import pytest

from headgate.pipeline.admission import Admission
from headgate.pipeline.allowance import Allowance
from headgate.pipeline.functions import Functions
from headgate.pipeline.observer import NoObserver
from headgate.registry.snapshot import Function, Snapshot, Version, Workspace
from headgate.service.invoke import InvokeApi
from headgate.tracking.asgi import Message
from headgate.tracking.rate import EventThrottle
from headgate_runtime import Executor
from tests.headgate.pipeline.harness import FixedDirectory, destination, instance
from tests.runtime.fakes import FakeClock

COUNT = "let n = 0; function onTrack(e, settings) { return { n: ++n, of: settings.of } }"

TOKENS = {"t1": "w1", "t2": "w2"}


class Answer(NamedTuple):
    status: int
    value: Any

    @property
    def outputs(self) -> list[Any]:
        return [outcome["output"] for outcome in self.value["data"]["outcomes"]]


class InvokeHarness:
    """*asked* counts how often somebody looked up whose a token is; *meanwhile* happens then."""

    def __init__(self, executor: Executor) -> None:
        self.directory = FixedDirectory(_snapshot(COUNT))
        self.tokens = dict(TOKENS)
        self.asked = 0
        self.meanwhile: Callable[[], None] = lambda: None
        clock = FakeClock()
        allowance = Allowance(self.directory, lambda _: 0)
        admission = Admission(allowance, NoObserver(), EventThrottle(clock), clock)
        self.functions = Functions(executor)
        self.api = InvokeApi(self.directory, self.functions, executor, self, admission, clock)

    async def workspace_of(self, token: str) -> str | None:
        self.asked += 1
        found = self.tokens.get(token)
        self.meanwhile()
        return found

    async def post(
        self,
        body: object,
        name: str = "ifnd_a",
        query: bytes = b"",
        token: str = "t1",
        **headers: str,
    ) -> Answer:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        fields = {"authorization": f"Bearer {token}", **headers}
        pieces = [content[:1], content[1:]] if len(content) > 100_000 else [content]
        received = [
            {"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]} for piece in pieces
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            return received.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/v1/functions/{name}/invoke",
            "query_string": query,
            "headers": [(key.replace("_", "-").encode(), value.encode()) for key, value in fields.items()],
        }
        assert InvokeApi.handles(scope["method"], scope["path"])  # type: ignore[arg-type]
        await self.api(scope, receive, send)
        start, rest = sent
        assert dict(start["headers"])[b"content-length"] == str(len(rest["body"])).encode()
        return Answer(start["status"], orjson.loads(rest["body"]))

    def change(self, snapshot: Snapshot) -> None:
        self.directory.snapshot = snapshot


def _snapshot(code: str, revision: int = 1) -> Snapshot:
    function = Function(
        "ifnd_a", "w1", Version(f"v{revision}", "ifnd_a", code, "javascript"), 20, "warm", 5_000
    )
    bound = destination(
        "d1",
        workspace="w1",
        instance=dataclasses.replace(
            instance(code, {"of": "instance"}), id="i1", function="ifnd_a", version=function.version
        ),
    )
    return Snapshot(
        revision=revision,
        workspaces={name: Workspace(name, name, name) for name in ("w1", "w2")},
        sources={},
        by_write_key={},
        destinations=MappingProxyType({"d1": bound}),
        versions={},
        functions={"ifnd_a": function},
    )


def with_harness(work: Callable[[InvokeHarness], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with Executor() as executor:
            await work(InvokeHarness(executor))

    asyncio.run(main())


TRACK = {"type": "track"}


def test_an_event_and_an_array() -> None:
    async def work(harness: InvokeHarness) -> None:
        assert (await harness.post(TRACK)).outputs == [{"n": 1, "type": "track"}]
        assert [each["n"] for each in (await harness.post([TRACK] * 3)).outputs] == [2, 3, 4]
        assert (await harness.post([])).outputs == []
        assert (await harness.post(b" \n" + orjson.dumps(TRACK))).outputs[0]["n"] == 5
        assert (await harness.post(TRACK, name="a")).outputs[0]["n"] == 6

    with_harness(work)


def test_an_array_is_no_other_than_its_events() -> None:
    """What they hold is the guest's to read, and what is wrong with the array is said with its place."""
    texts = [
        b'{ "type" : "track", "n": 1.0, "id": 123456789012345678901234567890 }',
        '{"type":"track","ä":"ö"}'.encode(),
    ]

    async def work(harness: InvokeHarness) -> None:
        harness.change(_snapshot("function onTrack(e) { return e }", 2))
        answer = await harness.post(b" [" + b" ,\n".join(texts) + b"]")
        singly = [(await harness.post(text)).outputs[0] for text in texts]
        assert answer.outputs == singly == [orjson.loads(text) for text in texts]

        for body, message in {
            b'[{"type":"track"},]': "the body is not JSON: trailing comma is not allowed: line 1 column 18 (char 17)",
            b'[{"type":"track"}': "the body is not JSON: unexpected end of data: line 1 column 18 (char 17)",
            b'[{"a":"\xff"}]': "the body is not JSON: str is not valid UTF-8: surrogates not allowed: line 1 column 1 (char 0)",
            b"[{},1]": "the body must be an event or an array of events, each a JSON object",
            b"1": "the body must be an event or an array of events, each a JSON object",
        }.items():
            refused = await harness.post(body)
            assert (refused.status, refused.value["errors"][0]["message"]) == (400, message)

    with_harness(work)


def test_an_instance_has_its_settings() -> None:
    async def work(harness: InvokeHarness) -> None:
        answer = await harness.post(TRACK, query=b"instanceId=i1")
        assert answer.outputs == [{"n": 1, "of": "instance", "type": "track"}]
        assert (await harness.post(TRACK, query=b"instanceId=i2")).status == 404
        assert (await harness.post(TRACK)).outputs[0]["n"] == 1  # another function, so another sandbox

    with_harness(work)


def test_many_at_once() -> None:
    async def work(harness: InvokeHarness) -> None:
        answers = await asyncio.gather(*(harness.post(TRACK) for _ in range(30)))
        assert sorted(answer.outputs[0]["n"] for answer in answers) == list(range(1, 31))

    with_harness(work)


def test_who_may_is_remembered_until_something_changes() -> None:
    async def work(harness: InvokeHarness) -> None:
        for _ in range(5):
            assert (await harness.post(TRACK)).status == 200
        assert harness.asked == 1
        del harness.tokens["t1"]
        harness.change(dataclasses.replace(harness.directory.snapshot, revision=2))
        assert (await harness.post(TRACK)).status == 401
        assert (await harness.post(TRACK)).status == 401

    with_harness(work)


def test_a_token_that_is_revoked_while_it_is_looked_up_is_not_remembered() -> None:
    async def work(harness: InvokeHarness) -> None:
        def revoke() -> None:
            harness.tokens.pop("t1", None)
            harness.change(dataclasses.replace(harness.directory.snapshot, revision=2))

        harness.meanwhile = revoke
        await harness.post(TRACK)
        harness.meanwhile = lambda: None
        assert (await harness.post(TRACK)).status == 401

    with_harness(work)


def test_a_new_version_holds_for_the_next_event() -> None:
    async def work(harness: InvokeHarness) -> None:
        assert (await harness.post(TRACK)).outputs[0]["n"] == 1
        harness.change(_snapshot("function onTrack(e) { return { n: 'new' } }", revision=2))
        assert (await harness.post(TRACK)).outputs[0]["n"] == "new"

    with_harness(work)


def test_what_is_remembered_keeps_no_function() -> None:
    async def work(harness: InvokeHarness) -> None:
        assert (await harness.post(TRACK)).outputs[0]["n"] == 1
        executor = harness.api._executor
        executor.dismiss(await _function(harness))
        assert executor.live == 0
        assert (await harness.post(TRACK)).outputs[0]["n"] == 1
        assert harness.asked <= 2

    with_harness(work)


async def _function(harness: InvokeHarness) -> Any:
    snapshot = harness.directory.snapshot
    return await harness.functions.alone(snapshot.functions["ifnd_a"], snapshot.workspaces["w1"])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"token": ""}, 401),
        ({"token": "t3"}, 401),
        ({"authorization": "Basic t1"}, 401),
        ({"token": "t2"}, 404),
        ({"name": "ifnd_b"}, 404),
        ({"body": b""}, 400),
        ({"body": b"{"}, 400),
        ({"body": b"[{}"}, 400),
        ({"body": b'{"type":"track"} x'}, 400),
        ({"body": b'{"type":"track","a":"\xff"}'}, 400),
        ({"body": [1]}, 400),
        ({"body": None}, 400),
        ({"body": [{}] * 1_001}, 400),
        ({"body": b"{" + b" " * (6 << 20) + b"}"}, 413),
        ({"content_encoding": "br"}, 400),
    ],
)
def test_what_is_refused(asked: dict[str, Any], status: int) -> None:
    async def work(harness: InvokeHarness) -> None:
        answer = await harness.post(**{"body": TRACK, **asked})
        assert (answer.status, len(answer.value["errors"])) == (status, 1)

    with_harness(work)


def test_a_body_may_be_packed() -> None:
    async def work(harness: InvokeHarness) -> None:
        answer = await harness.post(gzip.compress(orjson.dumps([TRACK, TRACK])), content_encoding="gzip")
        assert [each["n"] for each in answer.outputs] == [1, 2]

    with_harness(work)


def test_what_callers_choose_fills_no_memory() -> None:
    """A query that means nothing is no reason to be remembered with all its length."""

    async def work(harness: InvokeHarness) -> None:
        for number in range(20):
            query = b"x=%d" % number + b"y" * 60_000
            assert (await harness.post(TRACK, query=query)).status == 200
        known = harness.asked
        assert (await harness.post(TRACK, query=b"x=1")).status == 200
        assert (await harness.post(TRACK, query=b"x=1")).status == 200
        assert harness.asked == known + 1
        assert sum(len(query) for _, _, query in harness.api._known) < 10_000

    with_harness(work)
