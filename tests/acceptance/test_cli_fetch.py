"""`fetch` from the command line: canned replies, this machine, and what is shown of either."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.acceptance.command import EXAMPLES, TRACK, headgate, write

FETCH = """\
async function onTrack(event, settings) {
  const response = await fetch(event.url, { headers: { 'X-Key': settings.key }, method: 'POST', body: settings.key });
  event.answer = await response.text();
  return event;
}
"""

SETTINGS = '{"key": "s3cret-key", "short": "abc", "deep": [{"token": "other-token"}]}'


class Echo(BaseHTTPRequestHandler):
    """Gives back the body; peers are the addresses that it was asked from, one for each connection."""

    protocol_version = "HTTP/1.1"
    peers: ClassVar[set[object]] = set()

    def do_POST(self) -> None:
        self.peers.add(self.client_address)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}/"
        listening.shutdown()
        thread.join()


def event(url: str) -> str:
    return json.dumps({"type": "track", "url": url}) + "\n"


def test_the_example_with_canned_replies(tmp_path: Path) -> None:
    write(tmp_path, s_json='{"apiKey": "not-a-real-key"}')

    done = headgate(
        *("run", EXAMPLES / "score.js", EXAMPLES / "events.jsonl", "--settings", "s.json"),
        *("--mock", EXAMPLES / "replies.json", "--outcomes"),
        cwd=tmp_path,
    )

    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    scores = [each["output"].get("properties", {}).get("score") for each in outcomes]
    tracked = [each for each in outcomes if each["output"]["type"] == "track"]
    assert done.returncode == 0
    assert {score for score in scores if score} == {0.82, 0.4}
    assert all(len(each["requests"]) == 1 for each in tracked)
    assert all(each["requests"] == [] for each in outcomes if each["output"]["type"] != "track")
    assert tracked[0]["requests"][0]["requestHeaders"]["Authorization"] == "[redacted]"


def test_what_no_reply_is_for_fails_clearly(tmp_path: Path) -> None:
    write(tmp_path, f_js=FETCH, m_json='[{"url": "https://other.example/", "body": "x"}]')

    done = headgate(
        *("run", "f.js", "--mock", "m.json", "--outcomes"), cwd=tmp_path, stdin=event("https://api.example/a")
    )

    outcome = json.loads(done.stdout)
    assert done.returncode == 1
    assert (outcome["category"], outcome["errorName"]) == ("Bad Request", "FetchError")
    assert "no canned reply fits POST https://api.example/a" in outcome["message"]


@pytest.mark.parametrize(
    ("mock", "expected"),
    [
        ("{}", "headgate: m.json: a JSON array of replies is expected, not {}"),
        ('[{"url": 1}]', "headgate: m.json: entry 1: url is a text, not 1"),
        ("[", "headgate: m.json: not JSON: "),
        (None, "headgate: m.json: no such file or directory"),
    ],
)
def test_a_mock_file_that_is_wrong(tmp_path: Path, mock: str | None, expected: str) -> None:
    write(tmp_path, f_js=FETCH, **({} if mock is None else {"m_json": mock}))

    done = headgate("run", "f.js", "--mock", "m.json", cwd=tmp_path, stdin=TRACK)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(expected)
    assert len(done.stderr.splitlines()) == 1


def test_this_machine_is_out_of_reach(tmp_path: Path, server: str) -> None:
    write(tmp_path, f_js=FETCH)

    done = headgate("run", "f.js", "--outcomes", cwd=tmp_path, stdin=event(server))

    outcome = json.loads(done.stdout)
    assert outcome["errorName"] == "FetchError"
    assert "not open to functions" in outcome["message"]


def test_this_machine_is_within_reach_when_told(tmp_path: Path, server: str) -> None:
    write(tmp_path, f_js=FETCH, s_json=SETTINGS)

    done = headgate(
        *("run", "f.js", "--allow-private", "--settings", "s.json", "--outcomes"),
        cwd=tmp_path,
        stdin=event(server),
    )

    outcome = json.loads(done.stdout)
    (request,) = outcome["requests"]
    assert outcome["output"]["answer"] == "s3cret-key"
    assert (request["method"], request["url"], request["status"]) == ("POST", server, 201)
    assert request["requestHeaders"]["X-Key"] == "[redacted]"
    assert (request["requestBody"], request["responseBody"]) == ("[redacted]", "[redacted]")


@pytest.mark.parametrize(("flags", "connections"), [((), 3), (("--keep-alive",), 1)])
def test_connections_are_kept_when_told(
    tmp_path: Path, server: str, flags: tuple[str, ...], connections: int
) -> None:
    ask = "await (await fetch(event.url, { method: 'POST', body: 'x' })).text()"
    write(
        tmp_path, f_js=f"async function onTrack(event) {{ event.said = [{ask}, {ask}, {ask}]; return event }}"
    )
    Echo.peers.clear()

    done = headgate("run", "f.js", "--allow-private", *flags, cwd=tmp_path, stdin=event(server))

    assert json.loads(done.stdout)["said"] == ["x"] * 3
    assert len(Echo.peers) == connections


def test_without_requests_there_is_no_word_of_them(tmp_path: Path) -> None:
    write(tmp_path, f_js="onTrack = (event) => event")

    done = headgate("run", "f.js", "--outcomes", cwd=tmp_path, stdin=TRACK)

    assert "requests" not in json.loads(done.stdout)


def test_an_event_that_fetched_replays_without_a_network(tmp_path: Path, server: str) -> None:
    write(tmp_path, f_js=FETCH, s_json=SETTINGS)

    headgate(
        *(
            "run",
            "f.js",
            "--allow-private",
            "--settings",
            "s.json",
            "--record",
            "r.json",
            "--record-line",
            "1",
        ),
        cwd=tmp_path,
        stdin=event(server),
    )
    replayed = headgate("replay", "r.json", cwd=tmp_path)

    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["output"]["answer"] == "s3cret-key"
