"""All bounds on fetches with their defaults. The last word of a name is its unit."""

from __future__ import annotations

from dataclasses import dataclass, fields

from headgate_runtime.errors import LimitError

ADDRESSES: int = 8
"""How many addresses of one name are tried, in turn."""

LOOKUPS: int = 8
"""Concurrent name lookups of one function, so that no function can take all those of its tenant."""

TENANT_LOOKUPS: int = 16
"""Concurrent name lookups of one tenant in the system's resolver."""

TOTAL_LOOKUPS: int = 64
"""The same for all tenants: each takes a thread until the system answers or gives up, which may take half a minute."""

URL_BYTES: int = 64 << 10
"""Longest URL that is sent."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """
    Bounds of a Fetcher. Raises LimitError, naming the field, for a value that is not an integer of at least
    1.

    time_ms                 time for one fetch including its redirects and its body
    connect_ms              time to connect to one address
    request_bytes           size of a request body
    response_bytes          size of a response body, decoded (SPEC 4.8 says 6 MB; this is 6 MiB)
    response_header_bytes   total size of a response's header names and values (Node: 16 KiB)
    request_header_bytes    total size of a request's header names and values
    function_bytes          total size of the request and response bodies that one function has in progress
    total_bytes             the same over all functions
    function_connections    connections per function; further fetches wait
    function_idle           idle connections per function that are kept open for reuse
    idle_ms                 time after which an idle connection is closed
    fetches                 concurrent fetches over all functions; further ones wait
    tenant_fetches          the same over the functions of one tenant
    """

    time_ms: int = 60_000
    connect_ms: int = 10_000
    request_bytes: int = 6 << 20
    response_bytes: int = 6 << 20
    response_header_bytes: int = 16 << 10
    request_header_bytes: int = 64 << 10
    function_bytes: int = 64 << 20
    total_bytes: int = 512 << 20
    function_connections: int = 100
    function_idle: int = 20
    idle_ms: int = 5_000
    fetches: int = 4_096
    tenant_fetches: int = 2_048

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise LimitError(f"{entry.name} must be an integer from 1 on, not {value!r}")
