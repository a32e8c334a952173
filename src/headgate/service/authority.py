"""Whose a bearer token is, without asking the database for every request."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

from headgate.registry import tokens

if TYPE_CHECKING:
    from headgate.pipeline.directory import Directory
    from headgate.registry.store import Registry

KNOWN: Final = 10_000
"""Tokens remembered between two changes of the registry."""


class TokenAuthority:
    """Remembers who a token belongs to until the registry changes, so a revoked one is refused from then on."""

    def __init__(self, registry: Registry, directory: Directory) -> None:
        self._registry = registry
        self._directory = directory
        self._revision = -1
        self._known: dict[bytes, str | None] = {}

    async def workspace_of(self, token: str) -> str | None:
        """The id of the token's workspace; None for a token that is not known or revoked."""
        if not token:
            return None
        revision = (await self._directory.current()).revision
        if revision != self._revision or len(self._known) >= KNOWN:
            self._known.clear()
            self._revision = revision
        digest = hashlib.sha256(token.encode()).digest()
        if digest not in self._known:
            self._known[digest] = await asyncio.to_thread(self._look_up, token)
        return self._known[digest]

    def _look_up(self, token: str) -> str | None:
        with self._registry.view() as view:
            found = tokens.verify(view, token)
        return None if found is None else found.workspace
