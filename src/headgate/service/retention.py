"""Removes audit events whose retention period is over (SPEC 13.2)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from headgate.registry import audit
from headgate.registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from headgate.registry.store import Registry

PAUSE_S: Final = 3_600.0
"""Time between two sweeps."""

MOST: Final = 1_000
"""Maximum number of events removed in one transaction, so that other writers do not wait long."""

TURN_S: Final = 0.1
"""Time between two transactions of a sweep, in which other writers get a turn."""

_log = logging.getLogger("headgate.service")


@contextlib.asynccontextmanager
async def swept(registry: Registry) -> AsyncIterator[None]:
    """Sweeps *registry* regularly while the context is active."""
    sweeping = asyncio.create_task(_keep_swept(registry))
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.wait([sweeping])


async def _keep_swept(registry: Registry) -> None:
    """Sweeps for ever; logs the errors of the registry and tries again later."""
    while True:
        pause = PAUSE_S
        try:
            if await asyncio.to_thread(sweep, registry) == MOST:
                pause = TURN_S
        except RegistryError as error:
            _log.warning("old audit events could not be removed: %s", error)
        await asyncio.sleep(pause)


def sweep(registry: Registry) -> int:
    """Removes up to MOST events in one transaction and returns their number. Raises RegistryError."""
    with registry.change() as change:
        return audit.sweep(change, MOST)
