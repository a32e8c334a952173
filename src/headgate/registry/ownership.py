"""Finds the workspace that something belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from headgate.registry.errors import NotFound
from headgate.registry.tables import destinations, sources

if TYPE_CHECKING:
    from headgate.registry.store import View


def workspace_of(view: View, destination: str) -> str:
    """The id of a destination's workspace. Raises NotFound."""
    found: str | None = view.connection.scalar(
        select(sources.c.workspace_id)
        .join(destinations, sources.c.id == destinations.c.source_id)
        .where(destinations.c.id == destination)
    )
    if found is None:
        raise NotFound("destination", destination)
    return found
