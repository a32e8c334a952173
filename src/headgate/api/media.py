"""Media types of requests and responses (SPEC 12.1, D28)."""

from __future__ import annotations

import re
from typing import Final

from headgate.api.errors import ApiError

JSON: Final = "application/json"

VENDOR: Final = re.compile(r"application/vnd\.segment\.(v1|v1beta|v1alpha|stable|beta|alpha)\+json")


def accepted(accept: str | None, versions: tuple[str, ...]) -> str:
    """
    The media type that answers an Accept header: the first acceptable one that *versions* offer. Plain JSON is always
    offered, and is the default. Raises ApiError 406.
    """
    if not accept or not accept.strip():
        return JSON
    for entry in accept.split(","):
        name, _, parameters = entry.strip().partition(";")
        name = name.strip().lower()
        if re.search(r"\bq\s*=\s*0(\.0*)?\s*(;|$)", parameters):
            continue
        if name in (JSON, "application/*", "*/*"):
            return JSON
        found = VENDOR.fullmatch(name)
        if found and _version(found[1]) in versions:
            return name
    raise ApiError(406, f"the response is {JSON}, or application/vnd.segment.{versions[0]}+json")


def check_download(accept: str | None, kind: str) -> None:
    """Raises ApiError 406 unless the Accept header allows a file of the media type *kind*."""
    wanted = {entry.partition(";")[0].strip().lower() for entry in (accept or "*/*").split(",")}
    if not wanted & {kind, f"{kind.partition('/')[0]}/*", "*/*"}:
        raise ApiError(406, f"the response is {kind}")


def check_content_type(value: str | None) -> None:
    """Raises ApiError 415 unless the Content-Type is one of the JSON types."""
    name = (value or JSON).partition(";")[0].strip().lower()
    if name != JSON and not VENDOR.fullmatch(name):
        raise ApiError(415, f"the body must be {JSON}, not {name[:80]}")


def _version(name: str) -> str:
    return {"stable": "v1", "beta": "v1beta", "alpha": "v1alpha"}.get(name, name)
