"""
The host side of `fetch` (SPEC 4.4, 4.9).

    async with Fetcher(Egress(allow_private=True)) as fetch, Executor(fetch=fetch) as executor:
        with tracing(secrets=["..."]) as trace:
            outcome = await executor.invoke(function, event)

    Executor(fetch=MockFetcher.load("replies.json"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headgate_runtime.fetch.backend import Backend
    from headgate_runtime.fetch.egress import DefaultPorts, Egress, EgressError
    from headgate_runtime.fetch.failure import Failure, SystemFailure
    from headgate_runtime.fetch.fetcher import Fetcher
    from headgate_runtime.fetch.limits import FetchLimits
    from headgate_runtime.fetch.message import Incoming, Outgoing
    from headgate_runtime.fetch.mock import MockError, MockFetcher, MockRequest, Reply
    from headgate_runtime.fetch.reaching import reach
    from headgate_runtime.fetch.resolver import Resolver, SystemResolver
    from headgate_runtime.fetch.service import FetchService
    from headgate_runtime.fetch.target import Target
    from headgate_runtime.fetch.target import parse as parse_target
    from headgate_runtime.fetch.tls import default_context
    from headgate_runtime.fetch.tls import failure_of as tls_failure_of
    from headgate_runtime.fetch.trace import Exchange, Raw, Redaction, Trace, tracing

__all__ = [
    "Backend",
    "DefaultPorts",
    "Egress",
    "EgressError",
    "Exchange",
    "Failure",
    "FetchLimits",
    "FetchService",
    "Fetcher",
    "Incoming",
    "MockError",
    "MockFetcher",
    "MockRequest",
    "Outgoing",
    "Raw",
    "Redaction",
    "Reply",
    "Resolver",
    "SystemFailure",
    "SystemResolver",
    "Target",
    "Trace",
    "default_context",
    "parse_target",
    "reach",
    "tls_failure_of",
    "tracing",
]

_HOMES: Final = {
    "backend": ("Backend",),
    "egress": (
        "DefaultPorts",
        "Egress",
        "EgressError",
    ),
    "failure": (
        "Failure",
        "SystemFailure",
    ),
    "fetcher": ("Fetcher",),
    "limits": ("FetchLimits",),
    "message": (
        "Incoming",
        "Outgoing",
    ),
    "mock": (
        "MockError",
        "MockFetcher",
        "MockRequest",
        "Reply",
    ),
    "reaching": ("reach",),
    "resolver": (
        "Resolver",
        "SystemResolver",
    ),
    "service": ("FetchService",),
    "target": (
        "Target",
        "parse_target",
    ),
    "tls": ("default_context", "tls_failure_of"),
    "trace": (
        "Exchange",
        "Raw",
        "Redaction",
        "Trace",
        "tracing",
    ),
}
"""The exports of each module. A module is imported on first use, because few programs need all of them."""

_RENAMED: Final = {"parse_target": "parse", "tls_failure_of": "failure_of"}

if not TYPE_CHECKING:  # a type checker that sees __getattr__ accepts any name

    def __getattr__(name: str) -> Any:
        for home, names in _HOMES.items():
            if name in names:
                module = importlib.import_module(f"{__name__}.{home}")
                value = globals()[name] = getattr(module, _RENAMED.get(name, name))
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
