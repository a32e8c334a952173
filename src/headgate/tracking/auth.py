"""Write keys: where senders put them (SPEC 8.2)."""

from __future__ import annotations

import binascii


def header_key(authorization: bytes | None) -> str | None:
    """
    The write key in the value of an `Authorization` header: the user name of the Basic scheme, with or
    without a colon after it. None if the scheme is another (a Bearer token is not a write key), or the value
    is blank or not base64.
    """
    if authorization is None or authorization[:6].lower() != b"basic ":
        return None
    encoded = authorization[6:].strip()
    try:
        pair = binascii.a2b_base64(encoded + b"=" * (-len(encoded) % 4), strict_mode=True).decode()
    except ValueError:
        return None
    return pair.partition(":")[0].strip() or None


def body_key(value: object) -> str | None:
    """The write key in a body or query; None if it is missing, blank or not a string."""
    return (value.strip() or None) if isinstance(value, str) else None
