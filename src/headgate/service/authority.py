"""Whose a bearer token is, without asking the database for every request."""

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
"""Tokens remembered between two changes of the registry."""


class TokenAuthority:
    """
    Remembers who a token belongs to until the registry changes, so a revoked one is refused from then on.

    A token of a workspace may what its role says, for all of the workspace, and what was granted to it; a user's token
    may what the user may, and all groups the user is in.
    """

    def __init__(self, registry: Registry, directory: Directory) -> None:
        self._registry = registry
        self._directory = directory
        self._revision = -1
        self._known: dict[bytes, Principal | None] = {}

    async def principal(self, token: str) -> Principal | None:
        """Whose *token* is; None for one that is not known, or revoked."""
        revision = (await self._directory.current()).revision
        if revision != self._revision or len(self._known) >= KNOWN:
            self._known.clear()
            self._revision = revision
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        if digest in self._known:
            return self._known[digest]
        principal = await asyncio.to_thread(self._look_up, token)
        # What was looked up before a change says nothing about the time after it.
        if revision == self._revision:
            self._known[digest] = principal
        return principal

    async def workspace_of(self, token: str) -> str | None:
        """The id of the token's workspace, where it may run every function there; else None."""
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
