"""
Signatures that receivers check with the libraries they have: Standard Webhooks 1.0, HMAC-SHA256 over id, time and body,
so that neither can be changed and an old request cannot be sent again later.
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def signature_headers(key: bytes, identity: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """*identity* is the same on every attempt; the receiver drops what it has seen."""
    signed = b"%s.%d." % (identity.encode(), timestamp_s) + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
