"""Resolves bearer tokens to principals without querying the database for every request."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

from headgate.api.permissions import Principal
from headgate.registry import grants, tokens, users
from headgate.registry.records import Actor, Grant, Resource

if TYPE_CHECKING:
    from headgate.pipeline.directory import Directory
    from headgate.registry.store import Registry

KNOWN: Final = 10_000
"""Tokens cached between two changes of the registry."""


class TokenAuthority:
    """
    Caches the principals of tokens until the registry changes, so that a revoked token is refused at once.

    A workspace token has its role for the whole workspace and its own grants. A user's token also has the
    grants of the user and of all groups the user is in.
    """

    def __init__(self, registry: Registry, directory: Directory) -> None:
        self._registry = registry
        self._directory = directory
        self._revision = -1
        self._known: dict[bytes, Principal | None] = {}

    async def principal(self, token: str) -> Principal | None:
        """The principal of *token*; None if it is unknown or revoked."""
        revision = (await self._directory.current()).revision
        if revision != self._revision or len(self._known) >= KNOWN:
            self._known.clear()
            self._revision = revision
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        if digest in self._known:
            return self._known[digest]
        principal = await asyncio.to_thread(self._look_up, token)
        # If the registry changed meanwhile, the result may be outdated and is not cached.
        if revision == self._revision:
            self._known[digest] = principal
        return principal

    async def workspace_of(self, token: str) -> str | None:
        """The id of the token's workspace if the token may run every function in it; else None."""
        principal = await self.principal(token) if token else None
        if principal is None or not principal.may_function(None, "admin"):
            return None
        return principal.workspace

    def _look_up(self, token: str) -> Principal | None:
        with self._registry.view() as view:
            found = tokens.verify(view, token)
            if found is None:
                return None
            if found.user is None:
                actor, holders = Actor("token", found.id), [found.id]
            else:
                groups = [group for group, _ in users.groups_of(view, found.user)]
                actor, holders = Actor("user", found.user), [found.user, *groups]
            given = grants.of(view, holders)
        own = Grant(found.role, (Resource("WORKSPACE", found.workspace),))
        more = [grant for each in given.values() for grant in each]
        return Principal(actor, found.workspace, (own, *more))
