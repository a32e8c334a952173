"""Assembles the management API and the documentation of a worker. Slow to import: see Front."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from headgate.api.rates import Rates
from headgate.api.services import Services
from headgate.api.serving import Api
from headgate.api.table import OPERATIONS
from headgate.queue.reports import Reports
from headgate.samples.reading import Reader
from headgate.service import health, invoke
from headgate.service.application import Application
from headgate.service.deletions import Deletions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from headgate.paths import DataDirectory
    from headgate.pipeline.admission import Admission
    from headgate.pipeline.debugger import Seen
    from headgate.pipeline.directory import Directory
    from headgate.registry.store import Registry
    from headgate.service.authority import TokenAuthority
    from headgate.service.invoke import InvokeApi
    from headgate.tracking.intake import Intake
    from headgate_runtime import Clock, Executor


def administration(
    data: DataDirectory,
    registry: Registry,
    directory: Directory,
    executor: Executor,
    admission: Admission,
    intake: Intake,
    clock: Clock,
    recent_events: Callable[[str], Awaitable[list[Seen]]],
    invoke_api: InvokeApi,
    authority: TokenAuthority,
) -> Application:
    """The application with all routes of the management API. *recent_events* is as in Services."""
    services = Services(
        executor,
        admission,
        Reader(data),
        clock,
        recent_events,
        Reports(lambda: data.queues().values()),
        Deletions(registry, directory, intake),
    )
    api = Api(OPERATIONS, registry, authority, Rates(clock), services)

    # Front serves POST requests itself; this route refuses other methods with 405.
    invoked = Route(invoke.PATH, invoke_api, methods=["POST"])

    def documented() -> dict[str, dict[str, Any]]:
        return api.documented() | invoke.documented() | health.documented()

    version = importlib.metadata.version("headgate")
    return Application([invoked, *api.routes], documented, version=version)
