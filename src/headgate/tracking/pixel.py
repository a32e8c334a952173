"""Events in the URL of an image (SPEC 8.1), for e-mails and pages without scripts."""

from __future__ import annotations

import binascii
from typing import Any
from urllib.parse import parse_qsl

from headgate.tracking import document


def call_of(query: bytes) -> dict[str, Any]:
    """
    The object in *query*: base64 of JSON in `data`, or parameters named by dotted paths with string values
    (`context.library.name=x`). If both are present, top-level keys of `data` win. Raises document.NotJson if
    `data` cannot be decoded.
    """
    call: dict[str, Any] = {}
    data: str | None = None
    for path, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="replace"):
        if path == "data":
            data = value
        else:
            _put(call, path, value)
    if data is not None:
        call |= _decoded(data)
    return call


def _put(call: dict[str, Any], path: str, value: str) -> None:
    """Sets *path* in *call*. The first of two conflicting paths (`a=1`, `a.b=2`) wins."""
    *folders, name = path.split(".")
    place = call
    for folder in folders:
        place = place.setdefault(folder, {})
        if not isinstance(place, dict):
            return
    place.setdefault(name, value)


def _decoded(data: str) -> dict[str, Any]:
    # An unescaped plus sign arrives as a space; both base64 alphabets are common here.
    encoded = data.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        text = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
    except ValueError as error:
        raise document.NotJson from error
    call = document.parse(text)
    if not isinstance(call, dict):
        raise document.NotJson
    return call
