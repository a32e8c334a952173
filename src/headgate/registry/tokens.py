"""Access tokens of the management API: 256 random bits each, stored only as a hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select

from headgate.registry import audit, checks, grants, limits, workspaces
from headgate.registry.errors import Full, Invalid, NotFound
from headgate.registry.records import ROLES, Role, Token
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping

    from headgate.registry.records import Grant, User
    from headgate.registry.store import Change, View

PREFIX: Final = "hgt_"
"""Lets secret scanners recognise a token that was published by mistake."""

_BYTES: Final = 32


def create(
    change: Change,
    workspace: str,
    *,
    name: str,
    role: Role = "owner",
    user: User | None = None,
    permissions: Sequence[Grant] = (),
) -> tuple[Token, str]:
    """
    The record, and the token itself, which cannot be recovered later. A *user*'s token has the permissions of the user,
    and neither *role* nor *permissions* of its own. Raises NotFound, Invalid, Conflict.
    """
    workspaces.get(change, workspace)
    checks.choice(role, "role", ROLES)
    grants.check(change, workspace, permissions)
    if change.count(tokens, tokens.c.workspace_id == workspace) >= limits.TOKENS_PER_WORKSPACE:
        raise Full("workspace", limits.TOKENS_PER_WORKSPACE, "tokens")
    if user is not None and (user.workspace != workspace or permissions):
        raise Invalid("a user's token has the permissions of the user, and none of its own", "permissions")
    text = PREFIX + base64.urlsafe_b64encode(change.entropy(_BYTES)).decode().rstrip("=")
    token = Token(
        id=change.new_id(),
        workspace=workspace,
        name=checks.name(name),
        role="member" if user is not None else role,
        created_at=change.now,
        created_by=change.actor.id,
        user=None if user is None else user.id,
    )
    change.connection.execute(
        insert(tokens).values(
            id=token.id,
            workspace_id=workspace,
            name=token.name,
            role=token.role,
            hash=_hash(text),
            created_at=token.created_at,
            created_by=token.created_by,
            user_id=token.user,
        )
    )
    grants.write(change, workspace, "token", token.id, permissions)
    audit.record(change, workspace, "Token Created", _resource(token), after=_shown(change, token))
    return token, text


def revoke(change: Change, token: str, *, workspace: str | None = None) -> Token:
    """Takes effect at once. Raises NotFound, also for a token of another workspace than *workspace*."""
    row = change.connection.execute(select(tokens).where(tokens.c.id == token)).mappings().one_or_none()
    if row is None or workspace not in (None, row["workspace_id"]):
        raise NotFound("token", token[:80])
    old = _token(row)
    before = _shown(change, old)
    grants.remove(change, token)
    change.connection.execute(delete(tokens).where(tokens.c.id == token))
    audit.record(change, old.workspace, "Token Revoked", _resource(old), before=before)
    return old


def verify(view: View, text: str) -> Token | None:
    """
    The record of the token *text*; None if it is unknown. The time this takes tells a guesser nothing: the lookup is by
    the hash of the guess, and how much of a hash matches says nothing about the token.
    """
    wanted = _hash(text)
    row = view.connection.execute(select(tokens).where(tokens.c.hash == wanted)).mappings().one_or_none()
    if row is None or not hmac.compare_digest(row["hash"], wanted):
        return None
    return _token(row)


def listed(view: View, workspace: str, *, user: str | None = None, span: Span = ALL) -> list[Token]:
    """All of them, or those of *user*; in order of creation (by id)."""
    query = select(tokens).where(tokens.c.workspace_id == workspace)
    if user is not None:
        query = query.where(tokens.c.user_id == user)
    return [_token(row) for row in read(view, query, [tokens.c.id], span)]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _token(row: RowMapping) -> Token:
    return Token(
        id=row["id"],
        workspace=row["workspace_id"],
        name=row["name"],
        role=row["role"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        user=row["user_id"],
    )


def _resource(token: Token) -> tuple[str, str, str]:
    return "token", token.id, token.name


def _shown(view: View, token: Token) -> audit.Shown:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "user": token.user,
        "permissions": grants.shown(grants.of(view, [token.id]).get(token.id, [])),
    }
