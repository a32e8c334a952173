"""Looking up a path in an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def read(event: Any, names: Sequence[str]) -> Any:
    """The value at the path *names*; None if there is none (SPEC D31)."""
    for name in names:
        if type(event) is not dict:
            return None
        event = event.get(name)
    return event
