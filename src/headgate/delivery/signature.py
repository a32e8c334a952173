"""
Signatures that receivers check with the libraries they have: Standard Webhooks 1.0, HMAC-SHA256 over id, time and body,
so that neither can be changed and an old request cannot be sent again later.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

PREFIX: Final = "whsec_"


def key_of(secret: str) -> bytes:
    """The key in *secret*: what is in base64 after "whsec_", as the standard writes it, or else its own UTF-8 bytes."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def signature_headers(key: bytes, identity: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """*identity* is the same on every attempt; the receiver drops what it has seen."""
    signed = b"%s.%d." % (identity.encode(), timestamp_s) + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
