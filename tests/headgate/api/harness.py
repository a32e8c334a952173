"""The management API on a registry of its own, in this process, and its callers."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import orjson
from starlette.routing import Match

from headgate.api.permissions import Grant, Principal, Resource
from headgate.api.rates import Rates
from headgate.api.services import Services
from headgate.api.serving import Api, Authority
from headgate.api.table import OPERATIONS
from headgate.paths import DataDirectory
from headgate.pipeline.admission import Admission
from headgate.pipeline.allowance import Allowance
from headgate.pipeline.debugger import Seen, SourceDebugger
from headgate.pipeline.observer import NoObserver
from headgate.queue.model import Tally
from headgate.queue.protocol import QueueFull
from headgate.queue.reports import Reports
from headgate.registry import audit, tokens, workspaces
from headgate.registry.records import Actor, AuditEvent, Role
from headgate.registry.snapshot import Source
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Change, Registry
from headgate.samples.reading import Reader
from headgate.service.application import Application
from headgate.service.authority import TokenAuthority
from headgate.service.deletions import Deletions
from headgate.tracking.intake import Arrival
from headgate.tracking.rate import EventThrottle
from headgate_runtime import Answer as RuntimeAnswer
from headgate_runtime import Executor, Outcome
from headgate_runtime.fetch import Egress, Fetcher
from tests.headgate.api import shapes
from tests.headgate.registry.harness import create_tables
from tests.runtime.fetch.asking import NO_TRUST

T = TypeVar("T")

START_MS = 1_767_225_600_000
"""Midnight of 2026-01-01, UTC."""


class TickingClock:
    """A clock that advances by a millisecond whenever it is read, and by more with `advance`."""

    def __init__(self) -> None:
        self._ticks = itertools.count()
        self._ahead = 0

    def advance(self, ms: int) -> None:
        self._ahead += ms

    def wall_ms(self) -> float:
        return START_MS + self._ahead + next(self._ticks)

    def monotonic_ms(self) -> float:
        return self.wall_ms()

    async def wait(
        self, tasks: Collection[asyncio.Task[RuntimeAnswer]], timeout_ms: float
    ) -> set[asyncio.Task[RuntimeAnswer]]:
        raise AssertionError((tasks, timeout_ms))


@dataclass(frozen=True)
class Answer:
    """*value* is the JSON of the body."""

    status: int
    value: Any
    headers: httpx.Headers

    @property
    def data(self) -> dict[str, Any]:
        assert self.status in (200, 201), self.value
        data: dict[str, Any] = self.value["data"]
        return data

    @property
    def error(self) -> dict[str, Any]:
        assert self.status >= 400, self.value
        error: dict[str, Any] = self.value["errors"][0]
        return error

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Status, field and message."""
        return self.status, self.error.get("field", ""), self.error["message"]


class Caller:
    """A client with *token*. Every response is checked against the tables of shapes.py."""

    def __init__(self, harness: ApiHarness, token: str) -> None:
        self.token = token
        self._harness = harness

    def get(self, path: str, **query: Any) -> Answer:
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: object = None, **query: Any) -> Answer:
        return self.ask("POST", path, body, query=query)

    def put(self, path: str, body: object) -> Answer:
        return self.ask("PUT", path, body)

    def patch(self, path: str, body: object) -> Answer:
        return self.ask("PATCH", path, body)

    def delete(self, path: str, **query: Any) -> Answer:
        return self.ask("DELETE", path, query=query)

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, Any] | str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """
        *body* may be bytes that are sent as they are; *query* text as it stands in the URL, else objects and lists in it
        are sent as JSON.
        """
        if not isinstance(query, str):
            query = str(
                httpx.QueryParams(
                    {
                        name: orjson.dumps(value).decode() if isinstance(value, dict | list) else value
                        for name, value in query.items()
                    }
                )
            )
        content = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        sent = {"authorization": f"Bearer {self.token}", **(headers or {})}
        if content is not None:
            sent.setdefault("content-type", "application/json")
        answer = self._harness.send(method, f"{path}?{query}" if query else path, content, sent)
        operation = self._harness.operation_of(method, path)
        if operation is not None:
            row = shapes.OPERATIONS.get(operation)
            if answer.status < 400:
                assert shapes.problems(operation, answer.value["data"]) == []
                assert row is None or answer.status == row["successStatus"]
        if answer.status >= 400:
            assert shapes.failure_problems(answer.value) == []
        return answer


class Metered(NoObserver):
    """*runs* are invocations: workspace, function, how many outcomes, and whether they came together."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, str, int, bool]] = []
        self._fuel: Counter[str] = Counter()

    def ran(self, workspace: str, function: str, outcomes: Sequence[Outcome], *, together: bool) -> None:
        self.runs.append((workspace, function, len(outcomes), together))
        self._fuel[workspace] += outcomes[0].fuel

    def fuel_today(self, workspace: str) -> int:
        return self._fuel[workspace]


class ApiHarness:
    """
    A workspace "acme", and another "rival" that must never be seen from it. Close when done.

    owner    may do everything in "acme"
    rival    the owner of "rival"
    accepted events that the API made, unless *queue_is_full*
    """

    def __init__(self, root: Path) -> None:
        self.clock = TickingClock()
        self.data = directory = DataDirectory(root)
        create_tables(directory)
        self.registry = Registry.open(directory, clock=self.clock, environ={})
        self._runner = asyncio.Runner()
        snapshots = SnapshotStore(self.registry)
        self._authority = _Authority(TokenAuthority(self.registry, snapshots))
        with self.registry.change() as change:
            self.workspace = workspaces.create(change, slug="acme", name="Acme").id
            self.rivals = workspaces.create(change, slug="rival", name="Rival").id
        self.rates = Rates(self.clock)
        self._fetcher = Fetcher(Egress(allow_private=True), ssl_context=NO_TRUST)
        self.debugger = SourceDebugger(self.clock)
        self.executor = Executor(fetch=self._fetcher)
        reports = Reports(lambda: directory.queues().values())
        self.accepted: list[Arrival] = []
        self.queue_is_full = False
        deletions = Deletions(self.registry, SnapshotStore(self.registry), self)
        self.metered = Metered()
        allowance = Allowance(snapshots, self.metered.fuel_today)
        admission = Admission(allowance, self.metered, EventThrottle(self.clock), self.clock)
        self.services = Services(
            self.executor, admission, Reader(directory), self.clock, self._recent_events, reports, deletions
        )
        api = Api(OPERATIONS, self.registry, self._authority, self.rates, self.services)
        self._routes = api.routes
        app = Application(api.routes, api.documented, version="0")
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://api.test", trust_env=False
        )
        self.owner = self.caller()
        self.rival = self.caller(workspace=self.rivals)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._http.aclose())
        self.executor.close()
        self._runner.run(self._fetcher.aclose())
        self._runner.close()
        self.registry.close()

    def caller(self, role: Role = "owner", *, workspace: str | None = None) -> Caller:
        """With a new token, whose *role* is for the whole workspace."""
        with self.registry.change() as change:
            _, text = tokens.create(change, workspace or self.workspace, name=role, role=role)
        return Caller(self, text)

    def granted(self, *grants: tuple[Role, Iterable[Resource]]) -> Caller:
        """Whoever has just these grants in "acme"."""
        text = f"granted-{len(self._authority.more)}"
        self._authority.more[text] = Principal(
            Actor("user", text),
            self.workspace,
            tuple(Grant(role, tuple(resources)) for role, resources in grants),
        )
        return Caller(self, text)

    def send(self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        got = self._runner.run(self._http.request(method, path, content=content, headers=dict(headers)))
        assert got.headers["content-type"].startswith("application/"), got.text
        return Answer(got.status_code, orjson.loads(got.content), got.headers)

    async def asked(self, method: str, path: str, body: object) -> Answer:
        """By the owner, while other things go on."""
        headers = {"authorization": f"Bearer {self.owner.token}"}
        got = await self._http.request(method, path, content=orjson.dumps(body), headers=headers)
        return Answer(got.status_code, orjson.loads(got.content), got.headers)

    def fetch(self, method: str, path: str, token: str) -> httpx.Response:
        """The answer as it is: for what is no JSON."""
        headers = {"authorization": f"Bearer {token}"}
        return self._runner.run(self._http.request(method, path, headers=headers))

    def operation_of(self, method: str, path: str) -> str | None:
        """The name of the operation that answers."""
        scope = {"type": "http", "method": method, "path": path, "headers": []}
        for route in self._routes:
            if route.matches(scope)[0] is Match.FULL:
                return route.name
        return None

    def do(self, act: Callable[[Change], Any]) -> Any:
        """What *act* gives, which may change the registry as the command line does."""
        with self.registry.change() as change:
            return act(change)

    def audited(self) -> list[AuditEvent]:
        """What was done in "acme", the last first."""
        with self.registry.view() as view:
            return audit.listed(view, self.workspace)

    async def source(self, write_key: str) -> Source | None:
        raise AssertionError(write_key)

    async def accept(self, source: Source, arrivals: Sequence[Arrival], failed: Sequence[Tally]) -> None:
        """As an Intake: keeps what the API makes events of."""
        if self.queue_is_full:
            raise QueueFull("the queue is full", 1)
        assert not failed
        assert all(each.event["projectId"] == source.id for each in arrivals)
        self.accepted += arrivals

    async def _recent_events(self, source: str) -> list[Seen]:
        return self.debugger.recent(source)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """On the event loop that answers, while it has nothing else to do."""
        return self._runner.run(work)


class _Authority:
    """The service's own, and what `ApiHarness.granted` made."""

    def __init__(self, real: Authority) -> None:
        self.more: dict[str, Principal] = {}
        self._real = real

    async def principal(self, token: str) -> Principal | None:
        return self.more.get(token) or await self._real.principal(token)
