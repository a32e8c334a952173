"""
Signs requests as Standard Webhooks 1.0 specifies, so that receivers can verify them with existing libraries:
HMAC-SHA256 over id, time and body, which protects all three from change and old requests from replay.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

PREFIX: Final = "whsec_"


def key_of(secret: str) -> bytes:
    """The key in *secret*: decoded from base64 after the standard's prefix "whsec_", else its UTF-8 bytes."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def signature_headers(key: bytes, identity: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """
    The headers of a request. *identity* is the same for every
    attempt, so that receivers can drop duplicates.
    """
    signed = b"%s.%d." % (identity.encode(), timestamp_s) + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
