"""The labels of a workspace. Sources can have only these; `sources` attaches and detaches them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from headgate.registry import audit, checks, limits
from headgate.registry.errors import Conflict, Full, Invalid, NotFound
from headgate.registry.records import Label
from headgate.registry.tables import labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from headgate.registry.store import Change, View


def create(change: Change, workspace: str, *, key: str, value: str, description: str = "") -> Label:
    """Raises Invalid; Conflict if the workspace has this label already, or too many."""
    check(key, value)
    checks.description(description)
    if find(change, workspace, key, value) is not None:
        raise Conflict(f"there is a label {key}:{value} already")
    if change.count(labels, labels.c.workspace_id == workspace) >= limits.LABELS_PER_WORKSPACE:
        raise Full("workspace", limits.LABELS_PER_WORKSPACE, "labels")
    made = Label(change.new_id(), workspace, key, value, description, change.now)
    values = asdict(made)
    change.connection.execute(insert(labels).values(workspace_id=values.pop("workspace"), **values))
    audit.record(change, workspace, "Label Created", _resource(made), after=made.as_json())
    return made


def ensured(change: Change, workspace: str, wanted: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """*wanted*, each once, as the workspace has them; creates those it lacks. Raises Invalid, Conflict."""
    found: dict[tuple[str, str], Label] = {}
    for each in wanted:
        key, value = each["key"], each["value"]
        if (key, value) not in found:
            found[key, value] = find(change, workspace, key, value) or create(
                change, workspace, key=key, value=value, description=each.get("description") or ""
            )
    return [label.as_json() for label in found.values()]


def remove(change: Change, label: Label) -> None:
    """Only from the workspace; `sources.remove_label` detaches it from its sources first."""
    change.connection.execute(delete(labels).where(labels.c.id == label.id))
    audit.record(change, label.workspace, "Label Deleted", _resource(label), before=label.as_json())


def get(view: View, workspace: str, key: str, value: str) -> Label:
    """Raises NotFound."""
    found = find(view, workspace, key, value)
    if found is None:
        raise NotFound("label", f"{key}:{value}")
    return found


def find(view: View, workspace: str, key: str, value: str) -> Label | None:
    wanted = (labels.c.workspace_id == workspace) & (labels.c.key == key) & (labels.c.value == value)
    row = view.connection.execute(select(labels).where(wanted)).one_or_none()
    return None if row is None else Label(*row)


def listed(view: View, workspace: str) -> list[Label]:
    """Sorted by key and value."""
    query = select(labels).where(labels.c.workspace_id == workspace).order_by(labels.c.key, labels.c.value)
    return [Label(*row) for row in view.connection.execute(query)]


def check(key: str, value: str, field: str = "label") -> None:
    """Raises Invalid. "key:value" must be unambiguous, and both appear in URL paths."""
    for name, text, forbidden in (("key", key, "/:"), ("value", value, "/")):
        checks.name(text, f"{field}.{name}")
        if any(char in text for char in forbidden):
            raise Invalid(f"must not contain {' or '.join(forbidden)}", f"{field}.{name}")


def _resource(label: Label) -> tuple[str, str, str]:
    return "label", label.id, f"{label.key}:{label.value}"[: limits.DISPLAY_NAME_CHARS]
