"""JSON as the tables hold it: one text for one value."""

from __future__ import annotations

from typing import Any

import orjson

from headgate.registry.errors import Invalid


def written(value: object, field: str = "") -> str:
    """Raises Invalid for what is no JSON, such as half a surrogate pair."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError as error:
        raise Invalid(f"cannot be written as JSON: {error}", field) from None


def read(text: str) -> Any:
    return orjson.loads(text)
