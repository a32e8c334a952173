"""The open connections of a server."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any


class Connections(set[Any]):
    """
    uvicorn's protocols add and remove themselves.

    broken_off    connections refused or broken off since the start, by the limit that they exceeded: the name
                  of a constant of `bounded.py` in lower case
    """

    def __init__(self) -> None:
        super().__init__()
        self.broken_off: Counter[str] = Counter()
        self._waiting: asyncio.Future[None] | None = None

    def discard(self, connection: Any) -> None:
        super().discard(connection)
        if not self and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def gone(self) -> None:
        """Returns when there are no connections."""
        while self:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
