"""How a server is run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.queue.backoff import Backoff

if TYPE_CHECKING:
    from headgate.paths import DataDirectory


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """
    allow_private        functions and webhooks may reach this machine and its networks, for development
    egress_allow         hosts and networks that may be reached although they are private
    egress_deny          hosts and networks that may not be reached
    proxies              addresses and networks whose X-Forwarded-For is believed
    metrics_token        what /metrics wants as a bearer token; None: nothing
    strict_write_keys    unknown write keys are answered with 401 (SPEC D12)
    requests_per_second  of each workspace; None: no bound
    grace_ms             for requests and jobs under way when the server is told to stop
    json_logs            None: where stderr is no terminal
    backoff              when what failed is tried again (SPEC 7)
    """

    data: DataDirectory
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    allow_private: bool = False
    egress_allow: tuple[str, ...] = ()
    egress_deny: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    metrics_token: str | None = field(default=None, repr=False)
    strict_write_keys: bool = False
    requests_per_second: float | None = None
    grace_ms: int = 10_000
    json_logs: bool | None = None
    backoff: Backoff = field(default_factory=Backoff)
