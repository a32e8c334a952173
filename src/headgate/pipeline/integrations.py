"""The integrations object, by which a sender selects the destinations of an event (SPEC 9.4)."""

from __future__ import annotations

from typing import Any


def allows(event: dict[str, Any], catalog_name: str) -> bool:
    """
    Whether the event's `integrations` admit the destination called *catalog_name*. An exact name takes
    precedence over `All`; values other than booleans and objects are ignored. A sender cannot withhold
    deletions (SPEC D32).
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
