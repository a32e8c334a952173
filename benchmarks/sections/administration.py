"""
The management API over a large registry: how long each list and get takes with 1,000 functions, 10,000 instances and
100,000 events in the audit trail, asked of a served data directory over HTTP, one request at a time.
"""

from __future__ import annotations

import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
from sqlalchemy import insert, select

from benchmarks.effort import Scale
from benchmarks.figures import Spread, percentile
from benchmarks.table import Plot, Table, bars
from benchmarks.target import Target
from headgate.api.table import OPERATIONS
from headgate.demo.server import ChildServer
from headgate.paths import DataDirectory
from headgate.registry import (
    destinations,
    filters,
    functions,
    groups,
    instances,
    labels,
    sources,
    subscriptions,
    tokens,
    users,
    workspaces,
)
from headgate.registry import (
    tables as relations,
)
from headgate.registry.store import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table as Relation

    from benchmarks.progress import Progress
    from headgate.registry.store import Change

SOURCES: Final = 100

PLOTTED: Final = 12
"""The plot shows this many of the slowest requests."""

VERSIONS: Final = 3

CODE: Final = "function onTrack(event) { return event }\n" + "// " + "x" * 1_000

OTHERS: Final = (
    "echo",
    "export_audit_events",
    "get_warehouse_metadata",
    "get_delivery_sample",
    "get_regulation",
)
"""GET operations that are not measured: they wait, export everything, or have nothing to return here."""


@dataclass(frozen=True, slots=True)
class Effort:
    """
    functions    in the registry, with ten instances and a hundred audit events each
    requests     of each operation
    """

    functions: int
    requests: int


EFFORTS: Final = {
    Scale.QUICK: Effort(
        functions=1_000,
        requests=15,
    ),
    Scale.FULL: Effort(
        functions=1_000,
        requests=101,
    ),
    Scale.SMOKE: Effort(
        functions=20,
        requests=1,
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One operation, with the milliseconds of each request."""

    operation: str
    page: str
    ms: list[float]
    bytes: int

    @property
    def p50(self) -> float:
        return percentile(self.ms, 0.5)


@dataclass(frozen=True, slots=True)
class Administration:
    functions: int
    instances: int
    events: int
    seed_s: float
    rows: list[Row]

    @property
    def slowest_first(self) -> list[Row]:
        return sorted(self.rows, key=lambda row: -row.p50)


def measure(effort: Effort, progress: Progress) -> Administration:
    """Raises RuntimeError if a request is refused."""
    count = effort.functions
    with tempfile.TemporaryDirectory() as made:
        directory = DataDirectory(Path(made) / "data")
        began = time.perf_counter()
        with Registry.open(directory) as registry, registry.change() as change:
            token, named = _fill(change, count)
        seed_s = time.perf_counter() - began
        with (
            ChildServer(directory.root, 0) as server,
            httpx.Client(
                base_url=server.url,
                headers={"authorization": f"Bearer {token}"},
                trust_env=False,
                timeout=60,
            ) as http,
        ):
            rows = []
            requests = list(_requests(named))
            for number, (operation, page, path) in enumerate(requests):
                progress.step(f"administering {count:,} functions", number, len(requests))
                rows.append(_timed(http, operation, page, path, effort.requests))
    return Administration(count, 10 * count, 100 * count, seed_s, rows)


def _timed(http: httpx.Client, operation: str, page: str, path: str, times: int) -> Row:
    spent, size = [], 0
    for _ in range(times + 1):
        began = time.perf_counter()
        answer = http.get(path)
        spent.append((time.perf_counter() - began) * 1e3)
        size = len(answer.content)
        if not answer.is_success:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
    # The first one also waits for what is made once.
    return Row(operation, page, spent[1:], size)


def _requests(named: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Every list and get: the operation's name, the page, and the path and query."""
    for operation in OPERATIONS:
        if operation.method != "GET" or operation.name in OTHERS:
            continue
        path = re.sub(r"\{(\w+)\}", lambda found: named[found[1]], operation.path)
        wanted = "&".join(f"{name[:-1]}={named[name[:-1]]}" for name in operation.query if name.endswith("*"))
        yield operation.name, "", f"{path}?{wanted}"
        if "pagination" in operation.query:
            yield operation.name, "20", f"{path}?{wanted}&pagination.count=20"


def _fill(change: Change, count: int) -> tuple[str, dict[str, str]]:
    """Fills the registry; returns an owner's token and a value for each request parameter."""
    workspace = workspaces.create(change, slug="large", name="Large").id
    _, token = tokens.create(change, workspace, name="owner", role="owner")
    label = {"key": "environment", "value": "prod"}
    labels.create(change, workspace, **label)
    source = sources.create(change, workspace, slug="web", labels=[label])
    destination = destinations.create(
        change, source.id, name="Hook", kind="webhook", settings={"url": "https://example.com/hook"}
    )
    code = functions.checked(CODE)
    function = functions.create(change, workspace, display_name="F", code=code)
    instance = instances.create(change, function=function.id, destination=destination.id, name="I")
    person = users.invite(change, workspace, "ada@example.com")
    group = groups.create(change, workspace, name="G")
    s, f, v, i = (
        [f"{prefix}{kind}{n:022x}" for n in range(many)]
        for prefix, kind, many in (
            ("", "a1", SOURCES),
            (functions.PREFIX, "a2", count),
            ("", "a3", count * VERSIONS),
            ("", "a4", 10 * count),
        )
    )
    d = [f"a5{n:022x}" for n in range(10 * count)]
    _copies(change, relations.sources, source.id, [{"id": each, "slug": each, "name": each} for each in s])
    _copies(
        change,
        relations.write_keys,
        None,
        [{"key": "k" + each, "source_id": each, "position": 0, "created_at": change.now} for each in s],
    )
    _copies(
        change,
        relations.destinations,
        destination.id,
        [{"id": each, "source_id": s[n % len(s)], "name": each} for n, each in enumerate(d)],
    )
    _copies(change, relations.functions, function.id, [{"id": each, "display_name": each} for each in f])
    _copies(
        change,
        relations.function_versions,
        function.latest.id,
        [
            {"id": each, "function_id": f[n // VERSIONS], "number": n % VERSIONS + 1}
            for n, each in enumerate(v)
        ],
    )
    # A tenth of them of the function that is asked for.
    owners = [n % count if n >= count else 0 for n in range(10 * count)]
    _copies(
        change,
        relations.instances,
        instance.id,
        [
            {
                "id": each,
                "function_id": f[owners[n]],
                "destination_id": d[n],
                "version_id": v[owners[n] * VERSIONS],
            }
            for n, each in enumerate(i)
        ],
    )
    _copies(
        change,
        relations.users,
        person.id,
        [{"id": f"a6{n:022x}", "email": f"u{n}@example.com", "state": "active"} for n in range(count)],
    )
    _copies(
        change,
        relations.user_groups,
        group.id,
        [{"id": f"a7{n:022x}", "name": f"G{n}"} for n in range(count // 10)],
    )
    rule = filters.create(change, d[0], title="No", query="true", actions=[{"type": "DROP"}], enabled=False)
    mapping = subscriptions.create(
        change, d[0], name="M", action_id="a", trigger='type = "track"', enabled=True
    )
    event = change.connection.execute(select(relations.audit.c.id).limit(1)).scalar_one()
    kinds = [("insert_function", each) for each in f] + [("source", each) for each in s]
    _copies(
        change,
        relations.audit,
        event,
        [
            {
                "id": f"a8{n:022x}",
                "position": change.written + n,
                "at": change.now - n * 1_000,
                "resource_type": kinds[n % len(kinds)][0],
                "resource_id": kinds[n % len(kinds)][1],
            }
            for n in range(100 * count)
        ],
    )
    now = time.time()
    return token, {
        "sourceId": s[0],
        "destinationId": d[0],
        "destinationConfigId": d[0],
        "functionId": f[0],
        "versionId": v[0],
        "instanceId": i[0],
        "filterId": rule.id,
        "id": mapping.id,
        "userId": f"a6{0:022x}",
        "userGroupId": f"a7{0:022x}",
        "resourceType": "INSERT_DESTINATION",
        "granularity": "HOUR",
        "startTime": time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(now)),
        "endTime": time.strftime("%Y-%m-%dT23:59:59Z", time.gmtime(now)),
        "period": time.strftime("%Y-%m-%d", time.gmtime(now)),
        "sourceMetadataId": "http-api",
        "destinationMetadataId": "webhook",
    }


def _copies(change: Change, table: Relation, of: str | None, differing: list[dict[str, Any]]) -> None:
    """Inserts copies of the row of *table* with the id *of*, each with other values from *differing*."""
    first: dict[str, Any] = {}
    if of is not None:
        first = dict(change.connection.execute(select(table).where(table.c.id == of)).mappings().one())
    if differing:
        change.connection.execute(insert(table), [{**first, **each} for each in differing])


def tables(found: Administration) -> list[Table]:
    rows = [
        (
            row.operation,
            row.page or "as it comes",
            f"{row.p50:.1f}",
            f"{percentile(row.ms, 0.95):.1f}",
            f"{row.bytes:,}",
        )
        for row in found.slowest_first
    ]
    slowest = found.slowest_first[:PLOTTED]
    plot = Plot(
        f"The {len(slowest)} slowest requests of the management API, p50 with least and most",
        "ms",
        "bars",
        bars(
            [f"{row.operation} {row.page}".strip() for row in slowest],
            {"Headgate": [Spread(row.p50, min(row.ms), max(row.ms)) for row in slowest]},
        ),
    )
    return [
        Table(
            "administration",
            "Management API",
            f"{found.functions:,} functions, {found.instances:,} instances, {found.events:,} audit events; milliseconds",
            ("operation", "page", "p50", "p95", "bytes"),
            rows,
            plot,
            texts=2,
        )
    ]


def targets(found: Administration) -> list[Target]:
    """Judged by the slowest operation; the range is that of all operations."""
    p50s = [row.p50 for row in found.rows]
    what = f"slowest list or get with {found.instances:,} instances, p50"
    return [Target(what, Spread(max(p50s), min(p50s), max(p50s)), "most", 20.0, "ms")]
