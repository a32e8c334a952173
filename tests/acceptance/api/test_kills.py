"""
The server is killed at a random moment of every mutation of a scenario, and before every write of every mutation to the
registry's files: afterwards everything, the audit trail included, is as before it or as after it, and as after it where it
was answered. HEADGATE_API_KILLS in the environment says how many random moments, HEADGATE_API_WRITES before every write
of which mutations, as in "0,3" or "all", which takes a quarter of an hour; else it is one write of one mutation.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.acceptance.api.dying import Death, copied
from tests.acceptance.api.served import Served, client, served
from tests.acceptance.service.project import Server

ROUNDS = int(os.environ.get("HEADGATE_API_KILLS", "0"))

USUALLY = 4
"""Mutations that the server is killed at where HEADGATE_API_KILLS does not say how often at all of them."""

WRITES = os.environ.get("HEADGATE_API_WRITES", "")

LATEST_S = 0.03
"""After the request is sent the server is killed; most of the mutations have been answered by then."""

CODE = "function onTrack(event) { return event }"

SETTING = {
    "name": "word",
    "label": "Word",
    "description": "",
    "type": "STRING",
    "required": False,
    "sensitive": True,
}

Request = tuple[str, str, Any]


class World:
    """All that can be read, as it is over HTTP."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self.sources = self._all("/sources", "sources")
        self.destinations = self._all("/destinations", "destinations")
        self.functions = self._all("/functions?resourceType=INSERT_DESTINATION", "functions")
        self.filters = [
            each
            for destination in self.destinations
            for each in self._all(f"/destination/{destination['id']}/filters", "filters")
        ]
        self.instances = [
            each
            for function in self.functions
            for each in self._all(f"/insert-function-instances?functionId={function['id']}", "instances")
        ]
        self.whole_functions = [self._one(f"/functions/{each['id']}") for each in self.functions]
        self.versions = [
            self._all(f"/functions/{each['id']}/versions", "versions") for each in self.functions
        ]
        self.labels = self._all("/labels", "labels")
        self.groups = self._all("/groups", "userGroups")
        self.invites = self._all("/invites", "invites")
        self.audit = self._all("/audit-events", "events")

    def normal(self) -> str:
        """Alike in two runs: ids, keys and times are numbered as they appear, or left out."""
        everything = {name: value for name, value in vars(self).items() if name != "_http"}
        text = orjson.dumps(everything, option=orjson.OPT_SORT_KEYS).decode()
        text = re.sub(r'"[0-9a-f]{64}"', '"digest of what has ids"', text)
        text = re.sub(r'"\d{4}-\d\d-\d\dT[^"]*"', '"time"', text)
        seen: dict[str, str] = {}
        return re.sub(
            r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])|(?<=\[\")[0-9A-Za-z]{32}(?=\")",
            lambda found: seen.setdefault(found[0], f"#{len(seen)}"),
            text,
        )

    def _one(self, path: str) -> Any:
        answer = self._http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def _all(self, path: str, name: str) -> list[Any]:
        found: list[Any] = self._one(path)[name]
        return found


STEPS: list[Callable[[World], Request]] = [
    lambda _: ("POST", "/labels", {"label": {"key": "environment", "value": "prod"}}),
    lambda _: ("POST", "/sources", {"slug": "web", "enabled": True, "metadataId": "http-api"}),
    lambda w: (
        "POST",
        f"/sources/{w.sources[0]['id']}/labels",
        {"labels": [{"key": "environment", "value": "prod"}]},
    ),
    lambda w: (
        "POST",
        "/destinations",
        {
            "sourceId": w.sources[0]["id"],
            "metadataId": "webhook",
            "name": "Hook",
            "settings": {"url": "https://example.com/hook", "headers": {"authorization": "secret"}},
        },
    ),
    lambda w: (
        "POST",
        f"/destination/{w.destinations[0]['id']}/filters",
        {
            "sourceId": w.sources[0]["id"],
            "if": 'event = "Unwanted"',
            "actions": [{"type": "DROP"}],
            "title": "No unwanted",
            "enabled": True,
        },
    ),
    lambda _: (
        "POST",
        "/functions",
        {"code": CODE, "displayName": "Same", "resourceType": "INSERT_DESTINATION", "settings": [SETTING]},
    ),
    lambda w: (
        "POST",
        "/insert-function-instances",
        {
            "functionId": w.functions[0]["id"],
            "integrationId": w.destinations[0]["id"],
            "name": "Same at hook",
            "settings": {"word": "secret"},
        },
    ),
    lambda w: (
        "PATCH",
        f"/insert-function-instances/{w.instances[0]['id']}",
        {"settings": {}, "enabled": True, "name": "On"},
    ),
    lambda w: (
        "PATCH",
        f"/functions/{w.functions[0]['id']}",
        {"code": CODE + " // better", "displayName": "The same", "settings": []},
    ),
    lambda w: ("POST", f"/functions/{w.functions[0]['id']}/deploy", {}),
    lambda w: (
        "POST",
        f"/functions/{w.functions[0]['id']}/versions",
        {"versionId": w.versions[0][-1]["id"]},
    ),
    lambda _: ("POST", "/groups", {"name": "Readers"}),
    lambda _: (
        "POST",
        "/invites",
        {"invites": [{"email": f"{name}@example.com"} for name in ("ada", "bob")]},
    ),
    lambda w: ("DELETE", f"/functions/{w.functions[0]['id']}?force=true", None),
    lambda w: ("DELETE", f"/sources/{w.sources[0]['id']}", None),
]
"""Each makes what the next ones need; the last two take away much at once."""


def expected(data: Path) -> list[str]:
    """The world before the first step and after each, when nobody is killed."""
    with served(data) as project:
        worlds = [World(project.http)]
        for step in STEPS:
            answer = ask(project.http, step(worlds[-1]))
            assert answer.is_success, answer.text
            worlds.append(World(project.http))
    normal = [each.normal() for each in worlds]
    assert len(set(normal)) == len(normal)
    return normal


def ask(http: httpx.Client, request: Request) -> httpx.Response:
    method, path, body = request
    return http.request(method, path, json=body)


def kill(server: Server) -> None:
    """All of its processes, which are a group of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)


def struck(project: Served, request: Request, delay_s: float) -> bool:
    """Kills the server *delay_s* after *request* began; whether it was answered."""
    killer = threading.Timer(delay_s, kill, [project.server])
    killer.start()
    try:
        answer = ask(project.http, request)
    except httpx.TransportError:
        return False
    finally:
        killer.join()
    assert answer.is_success, answer.text
    return True


@pytest.mark.timeout(120 + ROUNDS * 120)
def test_every_mutation_is_done_or_not_begun_when_the_server_is_killed(tmp_path: Path) -> None:
    worlds = expected(tmp_path / "undisturbed")
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    everything = range(len(STEPS))
    for round_ in range(max(1, ROUNDS)):
        chosen = everything if ROUNDS else chance.sample(everything, USUALLY)
        data = tmp_path / f"data-{round_}"
        with served(data) as project:
            token = project.token
            number, sure = _went_on(project, worlds, 0, sorted(chosen), chance)
        while number is not None:
            with Server(data) as server, client(server.url, token) as http:
                found = World(http)
                assert found.normal() in ([] if sure else [worlds[number]]) + [worlds[number + 1]]
                print(f"mutation {number}: answered {sure}, done {found.normal() == worlds[number + 1]}")
                at = number if found.normal() == worlds[number] else number + 1
                # What was not begun is done now, undisturbed.
                wanted = [each for each in chosen if each > number]
                project = Served(data, server, token, http)
                number, sure = _went_on(project, worlds, at, sorted(wanted), chance)


def _went_on(
    project: Served, worlds: list[str], at: int, chosen: list[int], chance: random.Random
) -> tuple[int | None, bool]:
    """
    From mutation *at* on, up to the first of those *chosen*, at which the server is killed: its number, and whether it was
    answered; None where all are done.
    """
    end = chosen[0] if chosen else len(STEPS)
    found = World(project.http)
    for number in range(at, end):
        assert ask(project.http, STEPS[number](found)).is_success
        found = World(project.http)
        assert found.normal() == worlds[number + 1]
    if not chosen:
        return None, True
    return end, struck(project, STEPS[end](found), chance.uniform(0, LATEST_S))


@pytest.mark.timeout(3_600)
def test_every_mutation_is_whole_whichever_of_its_writes_is_the_last(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance, death = random.Random(seed), Death(tmp_path)
    if WRITES == "all":
        chosen = [*range(len(STEPS))]
    else:
        chosen = [int(each) for each in WRITES.split(",") if each] or [chance.randrange(len(STEPS))]
    before = tmp_path / "before"
    with served(before) as project:
        token = project.token
        done = _did(project.http, STEPS[: chosen[0]])
    for number in chosen:
        if number > done:
            with Server(before) as server, client(server.url, token) as http:
                done += _did(http, STEPS[done:number])
        with death.near():
            killed = _killed(before, token, STEPS[number], death, tmp_path / "run", chance)
        print(f"mutation {number}: killed before {killed} of its writes")
        assert killed


def _did(http: httpx.Client, steps: Sequence[Callable[[World], Request]]) -> int:
    """How many they are."""
    for step in steps:
        answer = ask(http, step(World(http)))
        assert answer.is_success, answer.text
    return len(steps)


def _killed(
    before: Path, token: str, step: Callable[[World], Request], death: Death, run: Path, chance: random.Random
) -> int:
    """Before how many writes: without WRITES it is killed once, and then not."""
    copied(before, run)
    with Server(run) as server, client(server.url, token) as http:
        old = World(http).normal()
        _did(http, [step])
        new = World(http).normal()
    copied(before, run)
    writes = itertools.count(1) if WRITES else iter([chance.randint(1, 6), 1_000])
    killed, write = 0, next(writes)
    while True:
        with Server(run) as server, client(server.url, token) as http:
            found = World(http)
            assert found.normal() in ((old, new) if killed else (old,))
            if found.normal() == old:
                try:
                    with death.at(write):
                        answer = ask(http, step(found))
                except httpx.TransportError:
                    killed, write = killed + 1, next(writes)
                    continue
                assert answer.is_success, answer.text
                assert World(http).normal() == new
                return killed
        # The one before was killed after its commit, and before its answer.
        copied(before, run)
