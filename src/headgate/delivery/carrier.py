"""What the pipeline hands to a destination, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_runtime.fetch import Raw


class Parcel(NamedTuple):
    """One event on its way. *key* is the same on every attempt (`Idempotency-Key`); *attempt* counts from 1."""

    key: str
    message_id: str
    event_type: str
    attempt: int
    body: bytes


class Receipt(NamedTuple):
    """
    How the destination answered, for all parcels of a delivery alike.

    reason            code of discard-reasons.json, stage failed-delivery: "400", "ECONNRESET", ...; "" when delivered
    message           for people, without secrets
    retry_after_ms    what the destination asked for
    is_outage         whether other events would fare no better: counts towards the circuit breaker
    request           what was sent and answered, of one that was not delivered
    """

    verdict: Literal["delivered", "retry", "discard"]
    reason: str = ""
    message: str = ""
    status: int | None = None
    retry_after_ms: float | None = None
    is_outage: bool = False
    request: Raw | None = None


class Batching(NamedTuple):
    """When a batch is full: by events, by bytes, or by how long its first event has waited."""

    events: int = 1
    bytes: int = 6 << 20
    wait_ms: float = 0.0


SINGLE: Final = Batching()
"""One event at a time, at once."""


class Carrier(Protocol):
    """
    Delivers to one destination.

    concurrency    deliveries at once at most
    batching       of the events of one delivery
    """

    concurrency: int
    batching: Batching

    async def deliver(self, parcels: Sequence[Parcel]) -> Receipt:
        """Never raises for what the destination did; within its own time limit."""

    async def aclose(self) -> None:
        """Waits for the deliveries under way, then closes the connections."""
