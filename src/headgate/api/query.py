"""
Parses query strings in all the forms the official clients use (SPEC 12.1): dotted names, brackets, a mixture of both, JSON
as a value, repeated names, and comma-separated lists. Each form yields the same nested value.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson

from headgate.api.errors import ApiError

QUERY_BYTES: Final = 16 << 10
"""The longest query string."""

PAIRS: Final = 1_000
"""The most pairs of name and value."""

DEPTH: Final = 4
"""How many names may nest, as in a.b.c.d."""

VALUE_DEPTH: Final = 8
"""How deep names, and the objects and lists of a JSON value, may nest in total."""

_PART: Final = re.compile(r"[^.\[\]]+")

_INDEX: Final = re.compile(r"[0-9]{1,3}")


def parsed(query: bytes) -> dict[str, Any]:
    """
    *query* as nested objects, lists and strings; a value that is a JSON object or array is parsed. Raises ApiError for
    what no client sends.
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
    return {key: _lists(value, VALUE_DEPTH) for key, value in root.items()}


def strings(value: Any, field: str) -> list[str]:
    """*value* as a list of strings: a list, a comma-separated string, or nothing. Raises ApiError 422."""
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


def _lists(value: Any, depth: int) -> Any:
    """*value* with objects whose keys are all indices turned into lists. Raises ApiError beyond *depth*."""
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        raise ApiError(400, f"the query nests a value more than {VALUE_DEPTH} deep")
    if isinstance(value, list):
        return [_lists(each, depth - 1) for each in value]
    if value and all(_INDEX.fullmatch(key) for key in value):
        return [_lists(value[key], depth - 1) for key in sorted(value, key=int)]
    return {key: _lists(each, depth - 1) for key, each in value.items()}
