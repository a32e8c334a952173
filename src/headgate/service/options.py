"""The options of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from headgate.queue.backoff import Backoff

if TYPE_CHECKING:
    from headgate.paths import DataDirectory


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """
    allow_private        let functions and webhooks reach this machine and its networks, for development
    egress_allow         hosts and networks that may be reached although they are private
    egress_deny          hosts and networks that may not be reached
    proxies              addresses and networks whose X-Forwarded-For is trusted
    metrics_token        the bearer token required for /metrics; None: no token is required
    strict_write_keys    answer 401 to unknown write keys (SPEC D12)
    requests_per_second  limit for each workspace; None: no limit
    grace_ms             time for requests and jobs in flight when the server is told to stop
    json_logs            None: if stderr is not a terminal
    backoff              the schedule of retries (SPEC 7)
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
