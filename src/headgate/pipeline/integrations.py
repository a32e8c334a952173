"""The integrations object: what the sender says about who may have an event (SPEC 9.4)."""

from __future__ import annotations

from typing import Any


def allows(event: dict[str, Any], catalog_name: str) -> bool:
    """
    Whether the event's `integrations` let the destination called *catalog_name* have it. An exact name wins over
    `All`; what is neither a boolean nor an object says nothing. Deletions are not the sender's to withhold (SPEC D32).
    """
    integrations = event.get("integrations")
    if not integrations or not isinstance(integrations, dict) or event.get("type") == "delete":
        return True
    named = integrations.get(catalog_name)
    if isinstance(named, bool):
        return named
    if isinstance(named, dict):
        return True
    return integrations.get("All") is not False
