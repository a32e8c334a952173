"""Limits of the event API (SPEC 15, limits.json)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RECOMMENDED_RPS: Final = 1_000
"""
Requests per second and workspace that senders are asked to stay below. Guidance: not enforced unless
configured.
"""


@dataclass(frozen=True, slots=True)
class TrackingLimits:
    """
    event_bytes           body of a single call, or one item of a batch, as JSON text without spaces
    batch_bytes           body of a batch, decompressed
    batch_events          items accepted from one batch
    batch_shared_bytes    total of the batch's shared `context` and `integrations` after they are copied into
                          each item; items beyond it are not accepted, so that a small batch cannot grow a
                          thousandfold
    message_id_chars      longest `messageId`
    properties            values in `properties` and `traits` of one event, counted at every depth
    requests_per_second   per workspace and process, with a burst of one second's worth; None is no limit,
                          since a full queue applies back pressure anyway
    gzip_members          members of a gzip body
    body_ms               time from the first piece of a body to its end; before it, a request costs only a
                          connection
    drain_bytes           bytes read of a refused body, so that its sender finishes writing and reads the
                          answer
    """

    event_bytes: int = 32 << 10
    batch_bytes: int = 500 << 10
    batch_events: int = 2_500
    batch_shared_bytes: int = 4 << 20
    message_id_chars: int = 99
    properties: int = 10_000
    requests_per_second: float | None = None
    gzip_members: int = 64
    body_ms: float = 60_000
    drain_bytes: int = 8 << 20
