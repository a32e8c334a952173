"""The actions of filters on events that match (SPEC 9.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from headgate.filters.error import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEGACY: Final = {
    "DROP_EVENT": "DROP",
    "SAMPLE_EVENT": "SAMPLE",
    "BLOCKLIST_FIELDS": "DROP_PROPERTIES",
    "WHITELIST_FIELDS": "ALLOW_PROPERTIES",
}
"""The names of the actions in older clients."""

ORDER: Final = ("SAMPLE", "DROP", "DROP_PROPERTIES", "ALLOW_PROPERTIES")
"""The order in which actions take effect, whatever the order of their filters (SPEC D23)."""


class Action(NamedTuple):
    """
    kind       one of ORDER
    percent    SAMPLE: the share of events that pass, from 0 to 1
    path       SAMPLE: the path whose value decides; None to decide at random
    fields     property actions: pairs of a path and the keys to drop or to keep in the object there
    """

    kind: str
    percent: float = 1.0
    path: tuple[str, ...] | None = None
    fields: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = ()


def kind_of(name: object) -> str | None:
    """The member of ORDER that *name* stands for, in any case and under its older name too; None if there is none."""
    kind = name.upper() if isinstance(name, str) else ""
    kind = _LEGACY.get(kind, kind)
    return kind if kind in ORDER else None


def action_of(wire: Mapping[str, Any]) -> Action:
    """The Action for a JSON object such as {"type": "DROP"}. Raises FilterError, which names the field."""
    name = wire.get("type")
    kind = kind_of(name)
    if kind is None:
        raise FilterError(f"type must be one of {', '.join(ORDER)}, not {name!r}")
    if kind == "DROP":
        return Action(kind)
    if kind == "SAMPLE":
        percent, path = wire.get("percent"), wire.get("path")
        if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 1:
            raise FilterError(f"percent must be a number from 0 to 1, not {percent!r}")
        if path is not None and not isinstance(path, str):
            raise FilterError(f"path must be a string, not {path!r}")
        return Action(kind, float(percent), _names(path) if path else None)
    fields = wire.get("fields")
    if not isinstance(fields, Mapping) or not all(
        isinstance(keys, list | tuple) and all(isinstance(key, str) for key in keys)
        for keys in fields.values()
    ):
        raise FilterError("fields must map each path to a list of keys")
    return Action(kind, fields=tuple((_names(path), frozenset(keys)) for path, keys in fields.items()))


def passes(action: Action, value: Any, random: Callable[[], float]) -> bool:
    """Whether the SAMPLE *action* passes an event that has *value* at the action's path (SPEC D22)."""
    if action.percent >= 1:
        return True
    if action.path is None:
        return random() < action.percent
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        value = int(value)  # 1.0 is hashed as 1, the way JavaScript writes it
    digest = hashlib.md5(orjson.dumps(value), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < action.percent


def edit(event: dict[str, Any], action: Action) -> dict[str, Any]:
    """*event* after a property action. The original is left as it is; only objects that change are copied."""
    keep = action.kind == "ALLOW_PROPERTIES"
    for names, keys in action.fields:
        event = _edit(event, names, keys, keep)
    return event


def _edit(value: Any, names: Sequence[str], keys: frozenset[str], keep: bool) -> Any:
    if names:
        if type(value) is not dict or names[0] not in value:
            return value
        old = value[names[0]]
        new = _edit(old, names[1:], keys, keep)
        return value if new is old else {**value, names[0]: new}
    if type(value) is list:
        return [_pick(item, keys, keep) for item in value]
    return _pick(value, keys, keep)


def _pick(value: Any, keys: frozenset[str], keep: bool) -> Any:
    if type(value) is not dict or not any((key in keys) is not keep for key in value):
        return value
    return {key: item for key, item in value.items() if (key in keys) is keep}


def _names(path: str) -> tuple[str, ...]:
    """*path* split at its dots. A backslash makes the next character literal, as in FQL."""
    names = [""] if path else []
    at = 0
    while at < len(path):
        if path[at] == ".":
            names.append("")
        else:
            at += path[at] == "\\" and at + 1 < len(path)
            names[-1] += path[at]
        at += 1
    return tuple(names)
