"""Forgets what is kept only so long: old audit events (SPEC 13.2)."""

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
"""Between two looks."""

MOST: Final = 1_000
"""Events forgotten in one transaction: others who change something wait for no more."""

TURN_S: Final = 0.1
"""Between two transactions, for the others."""

_log = logging.getLogger("headgate.service")


@contextlib.asynccontextmanager
async def swept(registry: Registry) -> AsyncIterator[None]:
    """Keeps *registry* swept meanwhile."""
    sweeping = asyncio.create_task(_keep_swept(registry))
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.wait([sweeping])


async def _keep_swept(registry: Registry) -> None:
    """Whatever the registry has against it, it tries again later."""
    while True:
        pause = PAUSE_S
        try:
            if await asyncio.to_thread(sweep, registry) == MOST:
                pause = TURN_S
        except RegistryError as error:
            _log.warning("old audit events could not be removed: %s", error)
        await asyncio.sleep(pause)


def sweep(registry: Registry) -> int:
    """One transaction. How many events were forgotten. Raises RegistryError."""
    with registry.change() as change:
        return audit.sweep(change, MOST)
