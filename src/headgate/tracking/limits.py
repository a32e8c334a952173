"""Numbers of the event API (SPEC 15, limits.json)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RECOMMENDED_RPS: Final = 1_000
"""What senders are asked to stay below, requests per second and workspace: guidance, so nothing enforces it unasked."""


@dataclass(frozen=True, slots=True)
class TrackingLimits:
    """
    event_bytes           body of a single call, and an item of a batch, as JSON text without spaces
    batch_bytes           body of a batch, decompressed
    batch_events          items taken of a batch
    batch_shared_bytes    what a batch brings for all its items, once it is in each of them; items beyond that are not
                          taken, for a small batch must not become a thousand times what it was
    message_id_chars      longest `messageId`
    properties            values in `properties` and `traits` of one event, counted at every depth
    requests_per_second   of one workspace and process, with as many again at once after a pause; None for no bound,
                          for a full queue pushes back by itself
    gzip_members          members of a gzip body
    body_ms               from the first piece of a body to its end; before that a request holds no more than a connection
    drain_bytes           read of a body that is refused, so that its sender is still there for the answer
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
