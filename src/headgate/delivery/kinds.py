"""Creates the carriers of destinations according to their kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate.delivery.sink import Sink
from headgate.delivery.webhook import Webhook
from headgate.registry import kinds
from headgate_runtime.fetch import parse_target

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from headgate.delivery.carrier import Carrier
    from headgate.registry.snapshot import Destination
    from headgate_runtime import Clock
    from headgate_runtime.fetch import Egress, Resolver


class CarrierMaker:
    """
    egress     returns the egress rules of a workspace, by its id
    resolver   returns the resolver for a workspace, by its id
    context    returns the TLS context; called only for destinations that need it
    share      number of processes that deliver
    """

    def __init__(
        self,
        *,
        egress: Callable[[str], Egress],
        resolver: Callable[[str], Resolver],
        context: Callable[[], ssl.SSLContext],
        clock: Clock,
        share: int = 1,
    ) -> None:
        self._egress = egress
        self._resolver = resolver
        self._context = context
        self._clock = clock
        self._share = share

    def __call__(self, destination: Destination) -> Carrier:
        """
        Creates the carrier of *destination*. Raises pydantic.ValidationError for settings that the registry
        should have refused.
        """
        if destination.kind == "sink":
            return Sink(Path(kinds.Sink.model_validate(dict(destination.settings)).path))
        settings = kinds.Webhook.model_validate(dict(destination.settings))
        return Webhook(
            settings,
            egress=self._egress(destination.workspace),
            resolver=self._resolver(destination.workspace),
            context=self._context() if parse_target(settings.url).scheme == "https" else None,
            clock=self._clock,
            share=self._share,
        )
