"""
Query strings as the official clients write them (SPEC 12.1): dotted, in brackets, mixed, JSON in a value, repeated keys,
lists parted by commas. All become one nested value.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from headgate.api.errors import ApiError

QUERY_BYTES: Final = 16 << 10
"""Of a query string at most."""

PAIRS: Final = 1_000
"""Of name and value at most."""

DEPTH: Final = 4
"""Names inside each other at most."""

_PART: Final = re.compile(r"[^.\[\]]+")

_INDEX: Final = re.compile(r"[0-9]{1,3}")


def parsed(query: bytes) -> dict[str, Any]:
    """
    A nested value of objects, lists and strings; values that are JSON objects or arrays are taken as such. Raises
    ApiError for what none of the clients writes.
    """
    if len(query) > QUERY_BYTES:
        raise ApiError(413, f"the query has {len(query)} bytes, more than {QUERY_BYTES}")
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=PAIRS
        )
    except ValueError as error:
        raise ApiError(400, f"the query cannot be read: {error}") from None
    root: dict[str, Any] = {}
    for name, text in pairs:
        path = _PART.findall(name)
        if not path or len(path) > DEPTH:
            raise ApiError(400, f"the query has no parameter {name[:80]!r}")
        _put(root, path, _value(text), name)
    return {key: _lists(value) for key, value in root.items()}


def strings(value: Any, field: str) -> list[str]:
    """A list of strings, in any of the forms a list can have. Raises ApiError."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [part for part in value.split(",") if part]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise ApiError(422, f'"{field}" must be a list of strings', field=field)


def _value(text: str) -> Any:
    if text[:1] in ("{", "["):
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
    return text


def _put(root: dict[str, Any], path: list[str], value: Any, name: str) -> None:
    place = root
    for part in path[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise ApiError(400, f"the query gives {name[:80]!r} two meanings")
    last = path[-1]
    if last not in place:
        place[last] = value
    elif isinstance(place[last], list):
        place[last].append(value)
    elif isinstance(place[last], dict) or isinstance(value, dict):
        raise ApiError(400, f"the query gives {name[:80]!r} two meanings")
    else:
        place[last] = [place[last], value]


def _lists(value: Any) -> Any:
    """Objects whose keys are all indices are lists."""
    if isinstance(value, list):
        return [_lists(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value and all(_INDEX.fullmatch(key) for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(each) for key, each in value.items()}
