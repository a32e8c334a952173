"""What of an event the delivery overview tells apart beside its type (SPEC 11.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.queue.labels import joined
from headgate.queue.model import NO_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.queue.model import Labels


def labels_of(event: Mapping[str, Any], event_type: str) -> Labels:
    """Of any JSON object, whatever is wrong with it."""
    name = event.get("event") if event_type == "track" else None
    context = event.get("context")
    app = context.get("app") if isinstance(context, dict) else None
    version = app.get("version") if isinstance(app, dict) else None
    if not (name or version):
        return NO_LABELS
    return joined(name if isinstance(name, str) else "", version if isinstance(version, str) else "")
