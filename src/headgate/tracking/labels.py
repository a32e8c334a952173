"""The labels by which the delivery overview breaks down events besides their type (SPEC 11.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.queue.labels import joined
from headgate.queue.model import NO_LABELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.queue.model import Labels


def labels_of(event: Mapping[str, Any], event_type: str) -> Labels:
    """
    The labels of *event*, which may be any JSON object, valid or not: its event name (track only) and app
    version.
    """
    name = event.get("event") if event_type == "track" else None
    context = event.get("context")
    app = context.get("app") if isinstance(context, dict) else None
    version = app.get("version") if isinstance(app, dict) else None
    if not (name or version):
        return NO_LABELS
    return joined(name if isinstance(name, str) else "", version if isinstance(version, str) else "")
