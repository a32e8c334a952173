"""Every bound on fetches: name, unit (the name's last word) and default."""

from __future__ import annotations

from dataclasses import dataclass, fields

from headgate_runtime.errors import LimitError

ADDRESSES: int = 8
"""Addresses of one name that are tried, one after the other."""

LOOKUPS: int = 8
"""Names that one function may have looked up at the same time: nobody keeps the resolver to himself."""

URL_BYTES: int = 64 << 10
"""A longer URL is not sent."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """
    Bounds of a Fetcher. Raises LimitError, naming the field, for a value below 1.

    time_ms                 one fetch with its redirects and its body
    connect_ms              the connection to one address
    request_bytes           body of a request
    response_bytes          body of a response, decoded (SPEC 4.8: 6 MB; here as MiB)
    response_header_bytes   all names and values of a response (Node: 16 KiB)
    request_header_bytes    all names and values of a request
    function_bytes          bodies of one function's fetches under way, both ways
    total_bytes             bodies of all fetches under way, both ways
    function_connections    connections of one function; a fetch beyond them waits
    function_idle           of these, the ones kept open for the next fetch
    idle_ms                 after which an idle connection is closed
    fetches                 under way at once, over all functions; one beyond them waits
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

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise LimitError(f"{entry.name} must be an integer from 1 on, not {value!r}")
