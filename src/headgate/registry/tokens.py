"""Access tokens of the management API: 256 random bits, kept only as a hash."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select

from headgate.registry import audit, checks, workspaces
from headgate.registry.errors import NotFound
from headgate.registry.records import ROLES, Role, Token
from headgate.registry.tables import tokens

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from headgate.registry.store import Change, View

PREFIX: Final = "hgt_"
"""So that a token that was published by mistake can be found by those who look for such things."""

_BYTES: Final = 32


def create(change: Change, workspace: str, *, name: str, role: Role = "owner") -> tuple[Token, str]:
    """And the token itself, which nobody can tell again. Raises NotFound, Invalid."""
    workspaces.get(change, workspace)
    checks.choice(role, "role", ROLES)
    text = PREFIX + base64.urlsafe_b64encode(change.entropy(_BYTES)).decode().rstrip("=")
    token = Token(
        id=change.new_id(),
        workspace=workspace,
        name=checks.name(name),
        role=role,
        created_at=change.now,
        created_by=change.actor.id,
    )
    change.connection.execute(
        insert(tokens).values(
            id=token.id,
            workspace_id=workspace,
            name=token.name,
            role=role,
            hash=_hash(text),
            created_at=token.created_at,
            created_by=token.created_by,
        )
    )
    audit.record(change, workspace, "Token Created", _resource(token), after=_shown(token))
    return token, text


def revoke(change: Change, token: str, *, workspace: str | None = None) -> Token:
    """Holds at once. Raises NotFound, also for a token that is not of *workspace*."""
    row = change.connection.execute(select(tokens).where(tokens.c.id == token)).mappings().one_or_none()
    if row is None or workspace not in (None, row["workspace_id"]):
        raise NotFound("token", token)
    old = _token(row)
    change.connection.execute(delete(tokens).where(tokens.c.id == token))
    audit.record(change, old.workspace, "Token Revoked", _resource(old), before=_shown(old))
    return old


def verify(view: View, text: str) -> Token | None:
    """
    The token that *text* is. In constant time as far as it could help a guesser: what is looked up is the hash of the
    guess, and nothing is learned from how much of a hash agrees.
    """
    wanted = _hash(text)
    row = view.connection.execute(select(tokens).where(tokens.c.hash == wanted)).mappings().one_or_none()
    if row is None or not hmac.compare_digest(row["hash"], wanted):
        return None
    return _token(row)


def listed(view: View, workspace: str) -> list[Token]:
    """In the order of creation."""
    query = (
        select(tokens).where(tokens.c.workspace_id == workspace).order_by(tokens.c.created_at, tokens.c.id)
    )
    return [_token(row) for row in view.connection.execute(query).mappings()]


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
    )


def _resource(token: Token) -> tuple[str, str, str]:
    return "token", token.id, token.name


def _shown(token: Token) -> audit.Shown:
    return {"id": token.id, "name": token.name, "role": token.role}
