"""Canonical JSON, as tables store it: equal values have equal text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from headgate.registry import limits
from headgate.registry.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping


def written(value: object, field: str = "") -> str:
    """Raises Invalid for values that JSON cannot represent, such as a lone surrogate, or a date in TOML."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME).decode()
    except orjson.JSONEncodeError as error:
        raise Invalid(f"cannot be written as JSON: {error}", field) from None


def written_object(value: Mapping[str, Any], field: str) -> str:
    """The text of an object that is stored for its sender and not interpreted. Raises Invalid if it is too large or deep."""
    check_depth(value, field)
    text = written(dict(value), field)
    if len(text) > limits.JSON_BYTES:
        raise Invalid(f"has {len(text)} bytes; at most {limits.JSON_BYTES} are allowed", field)
    return text


def check_depth(value: object, field: str, most: int = limits.JSON_DEPTH) -> None:
    """Raises Invalid if objects and lists nest deeper than *most*."""
    level: list[object] = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list | tuple)
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise Invalid(f"is nested more than {most} deep", field)


def read(text: str) -> Any:
    return orjson.loads(text)
