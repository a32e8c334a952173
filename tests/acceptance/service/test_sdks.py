"""
The official SDKs, unmodified, send every call type to a real server: what arrives at a file, and at a webhook one by one
and in signed batches, is compared field by field with what went over the wire (SPEC 2.5, 8.5, 8.6).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson
import pytest
import segment.analytics.request  # type: ignore[import-untyped]
from segment.analytics.client import Client as PythonSdk  # type: ignore[import-untyped]

from headgate.paths import DataDirectory
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry
from tests.acceptance.service.doubles import Double, receiver, tap
from tests.acceptance.service.project import Project, until
from tests.headgate.tracking import test_sdk_node, test_sdk_python
from tests.headgate.tracking.sdks import send_with_node

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four by.").decode()

BATCH = 7

SAME = "onIdentify = onTrack = onPage = onScreen = onGroup = onAlias = (event) => event"

OTHER = """
onIdentify = onTrack = onPage = onScreen = onGroup = onAlias = async (event, settings) => {
  const { type, messageId, ...rest } = event
  rest.context = { ...rest.context, library: undefined }
  return { ...rest, was: type, by: settings.who, at: new Date(event.timestamp) }
}
"""

MANIFEST = """
[[sources]]
slug = "web"
write_keys = ["wk"]

[[functions]]
name = "Same"
path = "same.js"

[[functions]]
name = "Other"
path = "other.js"
[[functions.settings]]
name = "who"

[[destinations]]
name = "File, same"
source = "web"
kind = "sink"
path = "same.jsonl"
function = { name = "Same" }

[[destinations]]
name = "File, other"
source = "web"
kind = "sink"
path = "other.jsonl"
function = { name = "Other", settings = { who = "me" } }

[[destinations]]
name = "Bare file"
source = "web"
kind = "sink"
path = "bare.jsonl"

[[destinations]]
name = "Hook, same"
source = "web"
kind = "webhook"
url = "URL/same"
batch_max_count = BATCH
batch_wait_ms = 100
signing_secret = "SECRET"
function = { name = "Same" }

[[destinations]]
name = "Hook, other"
source = "web"
kind = "webhook"
url = "URL/other"
function = { name = "Other", settings = { who = "me" } }
"""


class World(NamedTuple):
    project: Project
    hook: Double
    wire: Double
    project_id: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("sdks")
    with receiver() as hook, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        manifest = MANIFEST.replace("URL", hook.url).replace("SECRET", SECRET).replace("BATCH", str(BATCH))
        project = Project(root, manifest, {"same.js": SAME, "other.js": OTHER})
        project.apply()
        with project.serving("--allow-private") as client, tap(lambda: client.server.url) as wire:
            yield World(project, hook, wire, _project(project.data))
            # It keeps connections open for the whole process.
            segment.analytics.request._session.close()


def _project(data: Path) -> str:
    with Registry.open(DataDirectory(data)) as registry:
        (source,) = SnapshotStore(registry).load().sources
    return source


def node(world: World) -> int:
    calls = [
        (name, {**said, "messageId": "node"} if "messageId" in said else said)
        for name, said in test_sdk_node.CALLS
    ]
    answer = send_with_node({"writeKey": "wk", "host": world.wire.url}, calls)
    assert answer["errors"] == []
    return len(calls)


def python(world: World, *, packed: bool = False, mark: str = "python") -> int:
    sdk = PythonSdk("wk", host=world.wire.url, gzip=packed, upload_interval=0.05)
    for name, said, _ in test_sdk_python.CALLS:
        ours = {**said, "message_id": f"{mark}, {packed}"} if "message_id" in said else said
        getattr(sdk, name)(**ours)
    sdk.shutdown()
    return len(test_sdk_python.CALLS)


@pytest.mark.parametrize(
    ("send", "sdk"),
    [
        (node, "analytics-node"),
        (python, "analytics-python"),
        (lambda world: python(world, packed=True), "analytics-python, gzip"),
    ],
    ids=["node", "python", "python, gzip"],
)
def test_every_field_of_every_call_arrives(world: World, send: Callable[[World], int], sdk: str) -> None:
    requests = len(world.wire.requests)
    began = datetime.now(UTC)

    count = send(world)

    sent: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for request in world.wire.requests[requests:]:
        body = gzip.decompress(request.body) if "content-encoding" in request.headers else request.body
        # Half of an emoji is no UTF-8: it is mended, see test_sdk_node.CUT.
        batch = orjson.loads(body.replace(rb"\ud83d", rb"\ufffd"))
        sent |= {item["messageId"]: (item, batch) for item in batch["batch"]}
    assert len(sent) == count, sdk
    assert {item["type"] for item, _ in sent.values()} == {
        "identify",
        "track",
        "page",
        "screen",
        "group",
        "alias",
    }

    withheld = {
        id_ for id_, (item, _) in sent.items() if (item.get("integrations") or {}).get("All") is False
    }
    assert len(withheld) == 1, "the one that is for other destinations only (SPEC 9.4)"
    expected = sorted(set(sent) - withheld)

    def ours(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        return [event for event in events if event["messageId"] in sent]

    places: list[tuple[Callable[[], list[dict[str, Any]]], bool]] = [
        (lambda: ours(world.project.arrived("bare.jsonl")), False),
        (lambda: ours(world.project.arrived("same.jsonl")), False),
        (lambda: ours(world.project.arrived("other.jsonl")), True),
        (lambda: ours(delivered(world.hook, "/same")), False),
        (lambda: ours(delivered(world.hook, "/other")), True),
    ]
    received: dict[str, str] = {}
    for arrived, is_changed in places:
        until(lambda: len(arrived()) >= len(expected))  # noqa: B023
        assert sorted(event["messageId"] for event in arrived()) == expected
        for event in arrived():
            item, batch = sent[event["messageId"]]
            # The server's clock is the one thing that the wire does not tell; it is the same wherever the event arrives.
            at = received.setdefault(event["messageId"], event["receivedAt"])
            assert began - timedelta(milliseconds=1) <= datetime.fromisoformat(at) <= datetime.now(UTC)
            before = accepted(item, batch, world.project_id, at)
            assert event == (as_changed(before) if is_changed else before)


def delivered(hook: Double, path: str) -> list[dict[str, Any]]:
    """The events in all requests to *path*."""
    found = [orjson.loads(request.body) for request in hook.requests if request.path == path]
    return [event for each in found for event in (each if isinstance(each, list) else [each])]


def test_webhooks_are_signed_and_batched(world: World) -> None:
    before = {path: len(delivered(world.hook, path)) for path in ("/same", "/other")}
    count = python(world, mark="signed") - 1
    until(lambda: all(len(delivered(world.hook, path)) >= known + count for path, known in before.items()))
    kinds = set()
    for request in world.hook.requests:
        kinds.add(request.path)
        body = orjson.loads(request.body)
        assert (request.method, request.headers["content-type"]) == ("POST", "application/json")
        if request.path == "/other":
            assert unquote(request.headers["idempotency-key"]).startswith(body["messageId"] + "/")
            assert "webhook-signature" not in request.headers
            continue
        assert 1 <= len(body) <= BATCH
        identity, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        assert request.headers["idempotency-key"] == identity
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.new(key, f"{identity}.{at}.".encode() + request.body, hashlib.sha256).digest()
        assert request.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
        assert abs(datetime.now(UTC).timestamp() - int(at)) < 600
    assert kinds == {"/same", "/other"}
    assert max(len(orjson.loads(each.body)) for each in world.hook.requests if each.path == "/same") > 1


NULLABLE = ("userId", "anonymousId", "category", "name", "previousId", "groupId", "context", "integrations")


def accepted(
    item: Mapping[str, Any], batch: Mapping[str, Any], project: str, received_at: str
) -> dict[str, Any]:
    """What SPEC 2.5, 8.5 and 8.6 make of *item* in *batch* of a server's SDK."""
    event = {name: value for name, value in item.items() if value is not None or name not in NULLABLE}
    for name in ("userId", "anonymousId", "groupId", "previousId"):
        if isinstance(event.get(name), int):
            event[name] = str(event[name])
    if item["type"] in ("identify", "group"):
        event["traits"] = item.get("traits") or {}
    elif item["type"] != "alias":
        event["properties"] = item.get("properties") or {}
    event["context"] = {**batch.get("context", {}), **event["context"]}
    event.setdefault("integrations", {})
    original, sent = _instant(item["timestamp"]), _instant(batch["sentAt"])
    event["originalTimestamp"], event["sentAt"], event["receivedAt"] = (
        _text(original),
        _text(sent),
        received_at,
    )
    event["timestamp"] = _text(_instant(received_at) - (sent - original))
    return event | {"channel": "server", "projectId": project, "version": 2}


def as_changed(event: Mapping[str, Any]) -> dict[str, Any]:
    """What OTHER makes of *event*, with what it leaves out put back (SPEC D13)."""
    context = {name: value for name, value in event["context"].items() if name != "library"}
    return {**event, "context": context, "was": event["type"], "by": "me", "at": event["timestamp"]}


def _instant(text: str) -> datetime:
    """To the millisecond, rounded down."""
    found = datetime.fromisoformat(text)
    return found.replace(microsecond=found.microsecond // 1_000 * 1_000).astimezone(UTC)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1_000:03}Z"
