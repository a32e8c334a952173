"""
Random calls, valid, invalid, repeated and too large, in every form, against a real server: statuses, bodies, arrivals and
counters as the model says. Shortly with the other tests; HEADGATE_SERVICE_EXAMPLES=1000 in the environment for long.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import itertools
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from headgate.paths import DataDirectory
from headgate.registry import destinations, sources, workspaces
from headgate.registry.store import Registry
from tests.acceptance.service.event_model import EVENT_BYTES, TYPES, Count, Model, ModelSource
from tests.acceptance.service.project import Client, Project, until

EXAMPLES = int(os.environ.get("HEADGATE_SERVICE_EXAMPLES", "15"))

SOURCES = {
    "key-web": ModelSource("web", "one"),
    "key-app": ModelSource("app", "one"),
    "key-shop": ModelSource("shop", "two"),
}
"""By write key. The first two know each other's messages."""

ACCEPTED = b'{"success":true}'


class Town:
    """A server with SOURCES and a file for each; `machine` works on one at a time."""

    def __init__(self, project: Project, client: Client, registry: Registry, ids: dict[str, str]) -> None:
        self.project = project
        self.client = client
        self.registry = registry
        self.ids = ids
        self.examples = itertools.count()
        self.marks = itertools.count()
        self.offsets = dict.fromkeys(ids, 0)
        self.asked = 0.0
        self.disabled: frozenset[str] = frozenset()
        self.counted: Counter[Count] = Counter()
        self.figures: Counter[str] = Counter()
        self.http = http.client.HTTPConnection(urlsplit(client.server.url).netloc, timeout=20)

    def begin(self) -> None:
        """From here on things count for the next example, whatever became of the last one."""
        until(lambda: sum(self.client.metrics("headgate_queue_jobs").values()) == 0)
        self.offsets = {name: len(self.project.arrived(f"{name}.jsonl")) for name in self.ids}
        self.counted, self.figures = self.counts(), self.metrics()
        for name in self.disabled:
            self.switch(name, enabled=True)

    def switch(self, source: str, *, enabled: bool) -> None:
        with self.registry.change() as change:
            sources.modify(change, self.ids[source], enabled=enabled)
        self.disabled = self.disabled - {source} if enabled else self.disabled | {source}

    def ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        now = time.monotonic()
        if now - self.asked > 1:
            self.http.close()  # the server closes what is idle for long, perhaps just now
        self.asked = now
        self.http.request(method, path, body, headers)
        answer = self.http.getresponse()
        return answer.status, answer.read()

    def arrived(self, source: str) -> list[dict[str, Any]]:
        """What came since the last example."""
        return self.project.arrived(f"{source}.jsonl")[self.offsets[source] :]

    def counts(self) -> Counter[Count]:
        """What is stored, since the beginning, whoever served it."""
        names = {id_: name for name, id_ in self.ids.items()}
        found: Counter[Count] = Counter()
        with contextlib.closing(
            sqlite3.connect(f"file:{DataDirectory(self.project.data).queue(0)}?mode=ro", uri=True)
        ) as db:
            rows = db.execute(
                "SELECT source, destination, step, event_type, reason, sum(events) FROM tallies"
                " JOIN tally_keys ON tally_keys.id = tallies.key GROUP BY 1, 2, 3, 4, 5"
            ).fetchall()
        for source, destination, step, event_type, reason, events in rows:
            found[Count(names[source], bool(destination), step, event_type, reason)] += events
        return found

    def metrics(self) -> Counter[str]:
        """Requests refused by code, and "duplicates"."""
        refused = self.client.metrics("headgate_requests_refused")
        found = Counter({dict(labels)["code"]: int(value) for labels, value in refused.items()})
        found["duplicates"] = int(sum(self.client.metrics("headgate_duplicates_total").values()))
        return found


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    project = Project(tmp_path_factory.mktemp("model"))
    project.data.mkdir()
    with Registry.open(DataDirectory(project.data)) as registry:
        ids: dict[str, str] = {}
        with registry.change() as change:
            made = {slug: workspaces.create(change, slug=slug) for slug in ("one", "two")}
            for key, source in SOURCES.items():
                row = sources.create(change, made[source.workspace].id, slug=source.name, keys=[key])
                ids[source.name] = row.id
                destinations.create(change, row.id, kind="sink", settings={"path": f"{source.name}.jsonl"})
        with project.serving() as client:
            town = Town(project, client, registry, ids)
            yield town
            town.http.close()


def test_a_simple_model_agrees(town: Town) -> None:
    class Machine(Calls):
        pass

    Machine.town = town
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


some = st.sampled_from
ids: st.SearchStrategy[Any] = some(["u", "v", 7, "", None, True, [], "absent", "u", "v"])
objects: st.SearchStrategy[Any] = some(
    [{}, {"a": 1}, {"a": {"b": [None]}}, None, [], "x", "absent", {}, {"a": 1}]
)
texts = some(["E", "F", "", None, 5, "absent", "E", "F"])
message_ids: st.SearchStrategy[Any] = some(
    ["0", "1", "2", "3", "absent", "", None, 12, "long", "too long", []]
)
item_types = some([*TYPES, "track", "track", "delete", "", None, 3, "absent"])
paddings = some([0, 0, 0, 0, 0, EVENT_BYTES - 1, EVENT_BYTES, EVENT_BYTES + 1])
around = some(
    ["absent", None, {"All": True}, {"All": False, "Sink": {}}, {"All": False}, {"Slack": False}, 5]
)
keys = some(["key-web", "key-app", "key-shop", "key-web", "nobody", " key-web "])

ITEM = st.fixed_dictionaries(
    {
        "type": item_types,
        "userId": ids,
        "anonymousId": ids,
        "event": texts,
        "name": texts,
        "category": texts,
        "properties": objects,
        "traits": objects,
        "messageId": message_ids,
        "integrations": around,
        "context": objects,
        "email": some(["absent", "a@b.example", None]),
    }
)
"""Nearly all that is possible; most of these are wrong somewhere."""

GOOD = st.fixed_dictionaries(
    {
        "type": some(TYPES),
        "userId": some(["u", 7]),
        "event": some(["E"]),
        "messageId": message_ids.filter(lambda each: each not in ("too long", [])),
        "integrations": around,
    }
)

BODIES = some([b"", b"{", b"[]", b"1", b'"x"', b"\xff", b'{"writeKey": "key-web", "userId": NaN}', b"null"])


class Calls(RuleBasedStateMachine):
    """Every example has message ids of its own."""

    town: Town

    def __init__(self) -> None:
        super().__init__()
        self.example = next(self.town.examples)
        self.model = Model({key: ModelSource(each.name, each.workspace) for key, each in SOURCES.items()})
        self.town.begin()

    def item(self, drawn: dict[str, Any], padding: int = 0) -> dict[str, Any]:
        item = {name: value for name, value in drawn.items() if value != "absent"}
        given = item.get("messageId")
        if given in ("long", "too long"):
            item["messageId"] = f"{self.example}-".ljust(99 if given == "long" else 100, "x")
        elif type(given) is int:
            item["messageId"] = given + 1_000 * self.example
        elif given and isinstance(given, str):
            item["messageId"] = f"{self.example}-{given}"
        item["mark"] = f"{next(self.town.marks)}-"
        if padding:
            item["mark"] += "x" * (padding - len(orjson.dumps(item)))
        return item

    def send(
        self, kind: str, value: object, short: bool, key: str, form: str, packed: bool, media: str
    ) -> None:
        """*value* as JSON, or bytes as they are. *form* is where the key stands."""
        headers = {"content-type": media} if media else {}
        header_key = None
        if form in ("basic", "bare", "both"):
            pair = key if form == "bare" else f"{key}:"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            header_key = key.strip()
        if form == "bearer":
            headers["authorization"] = "Bearer token"
        if isinstance(value, dict) and form != "none":
            value["writeKey"] = {"body": key, "bearer": key, "both": "key-shop", "blank": "  "}.get(form)
        body = value if isinstance(value, bytes) else orjson.dumps(value)
        sent = gzip.compress(body, 1) if packed else body
        if packed:
            headers["content-encoding"] = "gzip"
        code = self.model.post(kind, body, header_key)
        status, answer = self.town.ask("POST", f"/v1/{kind[0] if short else kind}", sent, headers)
        if code is None:
            assert (status, answer) == (200, ACCEPTED)
        else:
            assert (status, orjson.loads(answer)["code"]) == (400, code)
            assert set(orjson.loads(answer)) == {"code", "message"}

    forms = some(["basic", "bare", "body", "both", "bearer", "basic", "body", "none", "blank"])
    media = some(["application/json", "application/json; charset=utf-8", "text/plain", ""])
    flags = st.booleans()

    @rule(
        kind=some(TYPES),
        drawn=ITEM | GOOD,
        padding=paddings,
        short=flags,
        key=keys,
        form=forms,
        packed=flags,
        media=media,
    )
    def single(
        self,
        kind: str,
        drawn: dict[str, Any],
        padding: int,
        short: bool,
        key: str,
        form: str,
        packed: bool,
        media: str,
    ) -> None:
        # The key is part of the text that is measured.
        room = len(orjson.dumps({"writeKey": key})) - 1 if padding and form in ("body", "bearer") else 0
        self.send(kind, self.item(drawn, padding - room if padding else 0), short, key, form, packed, media)

    @rule(
        drawn=st.lists(st.tuples(ITEM | GOOD, paddings) | some([None, 5, "x", []]), max_size=7),
        shape=some(["list", "list", "list", "list", "no list", "null", "absent"]),
        context=objects,
        integrations=around,
        short=flags,
        key=keys,
        form=forms,
        packed=flags,
    )
    def batch(
        self,
        drawn: list[Any],
        shape: str,
        context: Any,
        integrations: Any,
        short: bool,
        key: str,
        form: str,
        packed: bool,
    ) -> None:
        items = [self.item(*each) if isinstance(each, tuple) else each for each in drawn]
        value: dict[str, Any] = {"context": context, "integrations": integrations}
        value = {name: each for name, each in value.items() if each != "absent"}
        if shape != "absent":
            value["batch"] = {"list": items, "no list": {"0": items}, "null": None}[shape]
        self.send("batch", value, short, key, form, packed, "application/json")

    @rule(kind=some([*TYPES, "batch"]), body=BODIES, packed=flags, form=some(["basic", "none"]))
    def nonsense(self, kind: str, body: bytes, packed: bool, form: str) -> None:
        self.send(kind, body, False, "key-web", form, packed, "application/json")

    @rule(kind=some(["track", "batch"]), extra=some([0, 1, 100_000]), packed=flags)
    def on_the_edge(self, kind: str, extra: int, packed: bool) -> None:
        """Exactly as large as may be, and more."""
        item = self.item({"type": "track", "userId": "u", "event": "E"})
        value: dict[str, Any] = {"batch": [item], "writeKey": "key-web"} if kind == "batch" else item
        size = (500 << 10 if kind == "batch" else EVENT_BYTES) + extra
        value["space"] = ""
        if kind != "batch":
            value["writeKey"] = "key-web"
        value["space"] = "x" * (size - len(orjson.dumps(value)))
        self.send(kind, orjson.dumps(value), False, "key-web", "none", packed, "application/json")

    @rule(good=st.integers(0, 2), over=st.integers(1, 3), key=keys)
    def more_items_than_may_be(self, good: int, over: int, key: str) -> None:
        event = {"type": "track", "userId": "u", "event": "E"}
        items = [self.item(event) for _ in range(good)] + [{"type": "page"}] * (2_500 - good)
        items += [self.item(event) for _ in range(over)]
        self.send("batch", {"batch": items}, False, key, "body", True, "application/json")

    @rule(kind=some(["track", "batch"]), sent=some([b"no gzip", gzip.compress(b"{}")[:-4], b""]))
    def not_as_it_says(self, kind: str, sent: bytes) -> None:
        status, answer = self.town.ask("POST", f"/v1/{kind}", sent, {"content-encoding": "gzip"})
        code = self.model.refuse("malformed_encoding")
        assert (status, orjson.loads(answer)["code"]) == (400, code)

    @rule(kind=some(TYPES), drawn=ITEM | GOOD, key=keys)
    def pixel(self, kind: str, drawn: dict[str, Any], key: str) -> None:
        """Always an image; it counts what it would have answered."""
        body = orjson.dumps(self.item(drawn) | {"writeKey": key})
        self.model.post(kind, body, None, browser=True)
        data = quote(base64.b64encode(body).decode())
        status, answer = self.town.ask("GET", f"/v1/pixel/{kind}?data={data}", None, {})
        assert (status, answer[:6]) == (200, b"GIF89a")

    @rule(key=some(sorted(SOURCES)), enabled=flags)
    def switch(self, key: str, enabled: bool) -> None:
        """Holds for the next event."""
        source = self.model.sources[key]
        source.enabled = enabled
        self.town.switch(source.name, enabled=enabled)

    def teardown(self) -> None:
        town = self.town
        expected = {
            name: {mark: each for (at, mark), each in self.model.arrived.items() if at == name}
            for name in town.ids
        }
        for name, events in expected.items():
            until(lambda: len(town.arrived(name)) >= len(events))  # noqa: B023
            found = town.arrived(name)
            assert sorted(each["mark"] for each in found) == sorted(events)
            for event in found:
                assert without_times(event) == {**events[event["mark"]], "projectId": town.ids[name]}
        until(lambda: (town.counts() - town.counted).total() >= self.model.counts.total())
        assert town.counts() - town.counted == self.model.counts
        assert town.metrics() - town.figures == self.model.refused + Counter(duplicates=self.model.duplicates)


def without_times(event: dict[str, Any]) -> dict[str, Any]:
    """And without an id that the server made."""
    rest = dict(event)
    times = [rest.pop(name) for name in ("originalTimestamp", "receivedAt", "sentAt", "timestamp")]
    assert len(set(times)) == 1, "nobody told a time"
    if rest["messageId"].startswith("api-"):
        del rest["messageId"]
    return rest
