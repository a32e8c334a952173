"""Test runs: of code that is saved nowhere, of events one by one and together, with what is shown of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from headgate.api import trial
from headgate.api.permissions import Resource
from headgate.api.preview import PAYLOAD_DEPTH
from headgate.pipeline.admission import UNSAVED
from headgate.registry import quotas
from headgate.registry.snapshot import Quotas
from headgate.samples.file import DAY_MS
from tests.headgate.api.harness import START_MS, Answer, ApiHarness, Caller

TRACK = {"type": "track", "event": "Signed Up", "messageId": "m1", "properties": {"plan": "pro"}}
RETURN = "function onTrack(event, settings) { return event }"
SECRET = "sk-very-secret-value"
KEY = {
    "name": "apiKey",
    "label": "API Key",
    "description": "",
    "type": "STRING",
    "required": True,
    "sensitive": True,
}


def preview(caller: Caller, code: str, payload: object = TRACK, **fields: Any) -> dict[str, Any]:
    data = caller.post("/functions/preview", {"code": code, "payload": payload, **fields}).data
    result: dict[str, Any] = data["result"]
    return result


def create(harness: ApiHarness, code: str = RETURN, **fields: Any) -> str:
    body = {"code": code, "displayName": "Mine", "resourceType": "INSERT_DESTINATION", **fields}
    made: str = harness.owner.post("/functions", body).data["function"]["id"]
    return made


def nested(depth: int) -> dict[str, Any]:
    """An event of so many objects inside each other."""
    event: dict[str, Any] = {}
    for _ in range(depth - 1):
        event = {"properties": event}
    return {"type": "track", "messageId": "m1", **event}


@pytest.fixture
def site() -> Iterator[str]:
    """An address that answers with what it was sent."""

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_code_that_is_saved_nowhere_runs(harness: ApiHarness) -> None:
    before = harness.audited()
    result = preview(
        harness.owner,
        "function onTrack(event) { console.warn('seen', event.event); event.properties.x = 1; return event }",
    )

    assert result["status"] == "SUCCESS"
    assert result["output"] == TRACK | {"properties": {"plan": "pro", "x": 1}}
    assert [(line["level"], line["message"]) for line in result["logs"]] == [("warn", "seen Signed Up")]
    assert result["error"] is None
    assert result["requests"] == []
    assert result["fuel"] > 0
    assert harness.owner.get("/functions", resourceType="INSERT_DESTINATION").data["functions"] == []
    assert harness.audited() == before


def test_lines_tell_when_they_were_logged(harness: ApiHarness) -> None:
    code = (
        "async function onTrack(e) { console.log(1); console.log(Date.now());"
        " await new Promise((go) => setTimeout(go, 30)); console.log(Date.now()); return e }"
    )
    began = time.time()
    logs = preview(harness.owner, code)["logs"]
    times = [datetime.fromisoformat(line["time"]).timestamp() for line in logs]

    assert times[0] == times[1]
    assert began - 0.001 <= times[1] <= times[2] - 0.029
    assert times[2] <= time.time()
    # As the function's own clock told.
    assert times[1:] == [int(line["message"]) / 1e3 for line in logs[1:]]


def test_an_error_tells_where_it_was_thrown(harness: ApiHarness) -> None:
    code = "function onTrack(event) {\n  const a = 1\n  throw new RetryError('later')\n}"
    error = preview(harness.owner, code)["error"]

    assert (error["name"], error["message"], error["category"]) == ("RetryError", "later", "Retry")
    assert error["retryable"] is True
    assert (error["line"], error["column"]) == (3, 13)
    assert "function.js:3" in error["stack"]


def test_code_that_does_not_load_is_shown_where(harness: ApiHarness) -> None:
    result = preview(harness.owner, "function onTrack(event) {\n  return event +\n}")

    assert result["status"] == "ERROR"
    assert result["error"]["name"] == "SyntaxError"
    assert result["error"]["line"] == 3
    assert result["error"]["sourceLine"] == "}"


def test_a_function_that_forgets_to_return_gets_a_hint(harness: ApiHarness) -> None:
    result = preview(harness.owner, "function onTrack(event) { event.properties.x = 1 }")

    assert result["status"] == "FILTERED"
    assert result["output"] is None
    assert result["hint"] == trial.HINT
    assert (
        preview(harness.owner, "function onTrack(event) { throw new DropEvent('not this one') }")["hint"]
        is None
    )


def test_events_in_a_list_go_to_the_batch_handler_where_there_is_one(harness: ApiHarness) -> None:
    events = [TRACK, TRACK | {"messageId": "m2", "properties": {"plan": "free"}}]
    together = preview(
        harness.owner,
        RETURN
        + "; function onBatch(events) { return events.map((e) => e.properties.plan == 'pro' ? e : null) }",
        events,
    )
    singly = preview(
        harness.owner, "function onTrack(e) { if (e.messageId == 'm2') throw Error('no'); return e }", events
    )

    assert [each["status"] for each in together["items"]] == ["SUCCESS", "FILTERED"]
    assert together["status"] == "SUCCESS"
    assert together["output"] == [TRACK]
    assert [each["status"] for each in singly["items"]] == ["SUCCESS", "ERROR"]
    assert singly["status"] == "ERROR"
    assert singly["error"]["message"] == "no"
    assert singly["items"][1]["error"] == singly["error"]


def test_whether_it_is_a_batch_can_be_said(harness: ApiHarness) -> None:
    code = (
        "function onTrack(e) { e.properties.by = 'track'; return e }"
        "function onBatch(all) { return all.map((e) => ({ ...e, properties: { by: 'batch' } })) }"
    )

    assert preview(harness.owner, code)["output"]["properties"]["by"] == "track"
    assert preview(harness.owner, code, batch=True)["output"][0]["properties"]["by"] == "batch"
    assert preview(harness.owner, code, [TRACK], batch=False)["output"][0]["properties"]["by"] == "track"


def test_events_without_an_id_get_one(harness: ApiHarness) -> None:
    output = preview(harness.owner, RETURN, [{"type": "track"}, {"type": "track"}])["output"]

    assert len({each["messageId"] for each in output}) == 2


def test_every_run_has_an_environment_of_its_own_and_leaves_none(harness: ApiHarness) -> None:
    code = (
        "let n = 0; async function onTrack(e) { e.n = ++n;"
        " e.cached = await cache.load('k', 60000, async () => e.messageId); return e }"
    )
    first = preview(harness.owner, code)["output"]
    again = preview(harness.owner, code, TRACK | {"messageId": "m2"})["output"]

    assert (first["n"], first["cached"]) == (1, "m1")
    assert (again["n"], again["cached"]) == (1, "m2")
    assert harness.executor.live == 0


def test_typescript_runs(harness: ApiHarness) -> None:
    code = "function onTrack(event: { n: number }): object { event.n = 1 as number; return event }"

    assert preview(harness.owner, code, language="typescript")["output"]["n"] == 1


def test_settings_must_be_filled_and_reach_the_handler(harness: ApiHarness) -> None:
    code = "function onTrack(e, settings) { e.length = settings.apiKey.length; return e }"
    body = {"code": code, "payload": TRACK, "settings": [KEY]}

    assert harness.owner.post("/functions/preview", body).refusal == (
        422,
        "settingValues.apiKey",
        '"settingValues.apiKey" is required',
    )
    result = preview(harness.owner, code, settings=[KEY], settingValues={"apiKey": SECRET})
    assert result["output"]["length"] == len(SECRET)


def test_requests_are_shown_and_secrets_are_not(harness: ApiHarness, site: str) -> None:
    code = """
        async function onTrack(e, settings) {
          console.log('with', settings.apiKey)
          await fetch(e.properties.url + '?key=' + settings.apiKey, {
            method: 'POST',
            headers: { Authorization: 'Basic abc', 'X-Key': settings.apiKey },
            body: settings.apiKey + 'x'.repeat(20000),
          })
          throw new Error('failed with ' + settings.apiKey)
        }"""
    answer = harness.owner.post(
        "/functions/preview",
        {
            "code": code,
            "payload": TRACK | {"properties": {"url": site}},
            "settings": [KEY],
            "settingValues": {"apiKey": SECRET},
        },
    )
    result = answer.data["result"]
    (request,) = result["requests"]

    assert (request["method"], request["status"]) == ("POST", 200)
    assert request["url"] == f"{site}/?key=[redacted]"
    assert request["requestHeaders"]["Authorization"] == "[redacted]"
    assert len(request["requestBody"].encode()) == 10 << 10
    assert len(request["responseBody"].encode()) == 10 << 10
    assert result["error"]["message"] == "failed with [redacted]"
    assert SECRET not in str(answer.value)


def test_of_much_that_is_logged_four_kilobytes_are_shown(harness: ApiHarness) -> None:
    code = "function onTrack(e) { for (let i = 0; i < 100; i++) console.log('é'.repeat(50)); return e }"
    result = preview(harness.owner, code)

    assert sum(len(line["message"].encode()) for line in result["logs"]) == 4 << 10
    assert result["logsTruncated"] is True
    assert preview(harness.owner, RETURN)["logsTruncated"] is False


def test_a_stored_function_runs_with_what_the_request_replaces(harness: ApiHarness) -> None:
    function = create(
        harness,
        "function onTrack(e, settings) { e.by = 'stored'; return e }",
        settings=[KEY | {"required": False}],
    )
    path = f"/functions/{function}/preview"
    run = harness.owner.post(path, {"payload": TRACK, "settingValues": {"apiKey": "k123"}}).data["result"]
    other = harness.owner.post(path, {"payload": TRACK, "code": RETURN}).data["result"]

    assert run["output"] == TRACK | {"by": "stored"}
    assert other["output"] == TRACK
    assert harness.owner.post(path, {"payload": TRACK, "settingValues": {"no": 1}}).status == 422
    assert harness.owner.get(f"/functions/{function}/versions").data["pagination"]["totalEntries"] == 1


def test_whoever_may_not_administer_functions_may_not_test_them(harness: ApiHarness) -> None:
    function = create(harness)
    body = {"code": RETURN, "payload": TRACK}
    of_this = harness.granted(("functions-admin", [Resource("FUNCTION", function)]))

    assert harness.caller("functions-read-only").post("/functions/preview", body).status == 401
    assert of_this.post("/functions/preview", body).status == 401
    assert of_this.post(f"/functions/{function}/preview", body).status == 200
    assert harness.rival.post(f"/functions/{function}/preview", body).status == 404


def test_a_run_that_does_not_end_ends_in_time(harness: ApiHarness) -> None:
    result = preview(
        harness.owner,
        "async function onTrack() { await new Promise((go) => setTimeout(go, 9e3)) }",
        timeMs=20,
    )

    assert (result["error"]["category"], result["error"]["retryable"]) == ("Timeout", True)
    assert harness.executor.live == 0


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ([], 422),
        ([TRACK] * 1001, 422),
        ("text", 422),
        ([1], 422),
        (None, 422),
        (nested(PAYLOAD_DEPTH + 1), 422),
    ],
)
def test_what_is_no_event_is_refused(harness: ApiHarness, payload: object, status: int) -> None:
    answer = harness.owner.post("/functions/preview", {"code": RETURN, "payload": payload})

    assert answer.status == status
    assert answer.error["field"].startswith("payload")


def test_an_event_may_nest_as_deep_as_it_may(harness: ApiHarness) -> None:
    event = nested(PAYLOAD_DEPTH)
    for payload, output in ((event, event), ([event], [event])):
        assert preview(harness.owner, RETURN, payload)["output"] == output


def test_a_workspace_has_so_many_runs_at_once(harness: ApiHarness) -> None:
    harness.services.previews[harness.workspace] = trial.RUNS_AT_ONCE

    assert harness.owner.post("/functions/preview", {"code": RETURN, "payload": TRACK}).status == 429
    assert harness.rival.post("/functions/preview", {"code": RETURN, "payload": TRACK}).status == 200


def test_what_a_run_uses_is_metered(harness: ApiHarness) -> None:
    function = create(harness, RETURN + "; function onBatch(all) { return all }")
    path = f"/functions/{function}/preview"
    harness.owner.post(path, {"payload": TRACK})
    harness.owner.post(path, {"payload": [TRACK, TRACK]})
    harness.owner.post("/functions/preview", {"code": RETURN, "payload": [TRACK, TRACK]})
    harness.owner.post("/functions/preview", {"code": "function (", "payload": TRACK})

    assert harness.metered.runs == [
        (harness.workspace, function, 1, True),
        (harness.workspace, function, 2, True),
        (harness.workspace, UNSAVED, 1, True),
        (harness.workspace, UNSAVED, 1, True),
    ]


def test_runs_come_out_of_the_quotas_of_the_workspace(harness: ApiHarness) -> None:
    body = {"code": RETURN, "payload": TRACK}
    harness.do(lambda change: quotas.put(change, harness.workspace, Quotas(fuel_per_day=1)))
    assert harness.owner.post("/functions/preview", body).status == 200
    refused = harness.owner.post("/functions/preview", body)
    assert refused.status == 429
    assert refused.error["message"] == "the workspace has used up what its functions may do today"
    left_s = DAY_MS / 1e3 - (harness.clock.wall_ms() - START_MS) / 1e3
    assert left_s <= int(refused.headers["retry-after"]) < left_s + 2
    assert refused.headers["x-ratelimit-remaining"]
    assert harness.rival.post("/functions/preview", body).status == 200
    function = create(harness)
    assert harness.owner.post(f"/functions/{function}/preview", {"payload": TRACK}).status == 429

    harness.do(lambda change: quotas.put(change, harness.workspace, Quotas(events_per_s=2.0)))
    assert harness.owner.post("/functions/preview", body | {"payload": [TRACK] * 10}).status == 200
    refused = harness.owner.post("/functions/preview", body)
    assert (refused.status, refused.headers["retry-after"]) == (429, "5")
    harness.clock.advance(5_000)
    assert harness.owner.post("/functions/preview", body).status == 200


def test_runs_wait_for_a_sandbox_of_the_workspace(harness: ApiHarness) -> None:
    harness.do(lambda change: quotas.put(change, harness.workspace, Quotas(sandboxes=1)))
    admission = harness.services.admission
    assert harness.owner.get("/").status == 200
    harness.run(admission.enter(harness.workspace))

    async def both() -> Answer:
        asked = asyncio.create_task(
            harness.asked("POST", "/functions/preview", {"code": RETURN, "payload": TRACK})
        )
        await asyncio.wait([asked], timeout=0.2)
        assert not asked.done()
        assert harness.metered.runs == []
        admission.leave(harness.workspace)
        return await asked

    assert harness.run(both()).status == 200
    assert len(harness.metered.runs) == 1
