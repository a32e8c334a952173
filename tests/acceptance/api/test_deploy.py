"""Deploying while events come: every process changes over at once, and no event under way is the worse for it."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import orjson

from tests.acceptance.api.served import Served, served
from tests.acceptance.service.project import until

WORKERS = 2

SENDERS = 3

DEPLOYS = 4

CODE = """
async function onTrack(event) {
  await new Promise((go) => setTimeout(go, 30))  // so that some are always under way
  event.properties.version = %d
  return event
}
"""


class Sent(NamedTuple):
    name: str
    at: float


class Traffic:
    """Sends events, each over a connection of its own, so that the kernel deals them out to all workers."""

    def __init__(self, url: str, write_key: str) -> None:
        self._url = url
        self._key = write_key
        self._numbers = itertools.count()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        self.sent: list[Sent] = []
        self.refused: list[str] = []

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        with httpx.Client(base_url=self._url, trust_env=False, timeout=30) as http:
            while not self._stop.is_set():
                name, at = f"m{next(self._numbers)}", time.monotonic()
                body = {
                    "userId": "u",
                    "event": "E",
                    "messageId": name,
                    "properties": {},
                    "writeKey": self._key,
                }
                answer = http.post("/v1/track", json=body, headers={"connection": "close"})
                if answer.status_code != 200:
                    self.refused.append(answer.text)
                self.sent.append(Sent(name, at))


def connected(project: Served) -> tuple[str, str]:
    """A source's write key, and the id of the function behind it, whose version 1 runs."""

    def made(path: str, body: dict[str, Any], kind: str) -> Any:
        answer = project.http.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()["data"][kind]

    source = made("/sources", {"slug": "web", "enabled": True, "metadataId": "http-api"}, "source")
    of = {"sourceId": source["id"], "metadataId": "sink", "settings": {"path": "out.jsonl"}}
    destination = made("/destinations", of, "destination")["id"]
    code = {"code": CODE % 1, "displayName": "V", "resourceType": "INSERT_DESTINATION"}
    function = made("/functions", code, "function")["id"]
    bound = {
        "functionId": function,
        "integrationId": destination,
        "name": "I",
        "settings": {},
        "enabled": True,
    }
    made("/insert-function-instances", bound, "insertFunctionInstance")
    return source["writeKeys"][0], function


def arrived(project: Served) -> dict[str, list[int]]:
    """Of each event, the versions it went through: one, if all is well."""
    versions: dict[str, list[int]] = {}
    path = project.data / "sinks" / "default" / "out.jsonl"
    for line in path.read_bytes().splitlines() if path.exists() else []:
        event = orjson.loads(line)
        versions.setdefault(event["messageId"], []).append(event["properties"]["version"])
    return versions


def test_a_deploy_holds_for_the_next_event_and_harms_none(tmp_path: Path) -> None:
    with served(tmp_path / "data", "--workers", str(WORKERS)) as project:
        write_key, function = connected(project)
        traffic = Traffic(project.url, write_key)
        deployed = [(time.monotonic(), 1)]
        traffic.begin()
        try:
            for version in range(2, DEPLOYS + 2):
                seen = len(traffic.sent)
                until(lambda: len(traffic.sent) >= seen + 10 * SENDERS)  # noqa: B023
                saved = project.http.patch(f"/functions/{function}", json={"code": CODE % version})
                assert saved.status_code == 200, saved.text
                assert project.http.post(f"/functions/{function}/deploy").status_code == 200
                deployed.append((time.monotonic(), version))
            for broken in ("function onTrack(", "throw new Error('at boot')"):
                assert project.http.patch(f"/functions/{function}", json={"code": broken}).status_code == 422
                assert project.http.post(f"/functions/{function}/deploy").status_code == 200
            seen = len(traffic.sent)
            until(lambda: len(traffic.sent) >= seen + 10 * SENDERS)
        finally:
            traffic.end()
        assert traffic.refused == []
        until(lambda: len(arrived(project)) == len(traffic.sent))
        versions = arrived(project)
        assert {len(each) for each in versions.values()} == {1}
        for name, at in traffic.sent:
            least = max(version for when, version in deployed if when <= at or version == 1)
            assert versions[name][0] >= least, "it was sent after a newer version was deployed"
        assert {each for (each,) in versions.values()} == set(range(1, DEPLOYS + 2))
        assert len(workers_of(project)) == WORKERS, "not every worker took part"


def workers_of(project: Served) -> set[str]:
    """Those that delivered something."""
    found = set()
    for line in httpx.get(f"{project.url}/metrics", trust_env=False).text.splitlines():
        if line.startswith("headgate_events_total") and 'step="successful-delivery"' in line:
            found.add(line.partition('worker="')[2].partition('"')[0])
    return found
