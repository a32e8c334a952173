"""Events in the address of an image (SPEC 8.1), for e-mails and pages without scripts."""

from __future__ import annotations

import binascii
from typing import Any
from urllib.parse import parse_qsl

from headgate.tracking import document


def call_of(query: bytes) -> dict[str, Any]:
    """
    The object that *query* stands for: base64 of JSON in `data`, or parameters whose names are paths with dots, all of
    them strings (`context.library.name=x`). With both, what `data` says goes before. Raises document.NotJson for `data`
    that cannot be read.
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
    """The first of two that are at odds (`a=1`, `a.b=2`) stays."""
    *folders, name = path.split(".")
    place = call
    for folder in folders:
        place = place.setdefault(folder, {})
        if not isinstance(place, dict):
            return
    place.setdefault(name, value)


def _decoded(data: str) -> dict[str, Any]:
    # A plus sign that was not escaped arrives as a space; both alphabets of base64 are common here.
    encoded = data.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        text = binascii.a2b_base64(encoded + "=" * (-len(encoded) % 4), strict_mode=True)
    except ValueError as error:
        raise document.NotJson from error
    call = document.parse(text)
    if not isinstance(call, dict):
        raise document.NotJson
    return call
