"""
The host's half of `fetch` (SPEC 4.4, 4.9).

    async with Fetcher(Egress(allow_private=True)) as fetch, Executor(fetch=fetch) as executor:
        with tracing(secrets=["..."]) as trace:
            outcome = await executor.invoke(function, event)

    Executor(fetch=MockFetcher.load("replies.json"))
"""

from headgate_runtime.fetch.backend import Backend, reach
from headgate_runtime.fetch.egress import DefaultPorts, Egress, EgressError
from headgate_runtime.fetch.failure import Failure, SystemFailure
from headgate_runtime.fetch.fetcher import Fetcher
from headgate_runtime.fetch.limits import FetchLimits
from headgate_runtime.fetch.message import Incoming, Outgoing
from headgate_runtime.fetch.mock import MockError, MockFetcher, MockRequest, Reply
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
