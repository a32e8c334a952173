"""The interface between the pipeline and the carriers that deliver events to destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_runtime.fetch import Raw


class Parcel(NamedTuple):
    """
    An event to deliver. *key* is the same for every attempt
    (`Idempotency-Key`); *attempt* counts from 1.
    """

    key: str
    message_id: str
    event_type: str
    attempt: int
    body: bytes


class Receipt(NamedTuple):
    """
    The result of a delivery, the same for all of its parcels.

    reason            code of discard-reasons.json, stage failed-delivery: "400", "ECONNRESET", ...; "" if
                      delivered
    message           for people
    retry_after_ms    the delay that the destination asked for
    is_outage         whether other events would fail as well; such failures count towards the circuit breaker
    request           the request and response of a failed delivery
    """

    verdict: Literal["delivered", "retry", "discard"]
    reason: str = ""
    message: str = ""
    status: int | None = None
    retry_after_ms: float | None = None
    is_outage: bool = False
    request: Raw | None = None


class Batching(NamedTuple):
    """When a batch is complete: by events, by bytes, or by how long its first event has waited."""

    events: int = 1
    bytes: int = 6 << 20
    wait_ms: float = 0.0


SINGLE: Final = Batching()
"""No batching: one event at a time, without waiting."""


class Carrier(Protocol):
    """
    Delivers to one destination.

    concurrency    maximum number of concurrent deliveries
    batching       how events are collected for one delivery
    """

    concurrency: int
    batching: Batching

    @property
    def is_at_rest(self) -> bool:
        """Whether one made anew would deliver no sooner: nothing holds back what comes next."""

    async def deliver(self, parcels: Sequence[Parcel]) -> Receipt:
        """Delivers *parcels* within its own timeout. Never raises because of what the destination did."""

    async def aclose(self) -> None:
        """Waits for the deliveries in progress, then closes the connections."""
