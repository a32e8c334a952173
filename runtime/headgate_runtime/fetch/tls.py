"""Trusted certificates, and Node's error codes for TLS failures."""

from __future__ import annotations

import os
import ssl
from typing import Final

import certifi

from headgate_runtime.fetch.failure import SystemFailure

_CODES: Final = {
    9: "CERT_NOT_YET_VALID",
    10: "CERT_HAS_EXPIRED",
    18: "DEPTH_ZERO_SELF_SIGNED_CERT",
    19: "SELF_SIGNED_CERT_IN_CHAIN",
    20: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    21: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    23: "CERT_REVOKED",
    26: "INVALID_PURPOSE",
}
"""Node's names for the results of OpenSSL's X509_verify_cert."""

_OTHER_NAME: Final = frozenset((62, 64))
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""


def default_context() -> ssl.SSLContext:
    """A context that trusts Mozilla's roots, like Node, or those in SSL_CERT_FILE and SSL_CERT_DIR if set."""
    file, directory = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or directory:
        return ssl.create_default_context(cafile=file, capath=directory)
    return ssl.create_default_context(cafile=certifi.where())


def failure_of(error: BaseException, host: str | None) -> SystemFailure:
    """Node's error for the exception *error* that ended the TLS handshake with *host*."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        if cause.verify_code in _OTHER_NAME:
            reason = f"Hostname/IP does not match certificate's altnames: Host: {host}. is not in the cert's altnames"
            return SystemFailure("ERR_TLS_CERT_ALTNAME_INVALID", reason)
        code = _CODES.get(cause.verify_code, "ERR_TLS_CERT_INVALID")
        return SystemFailure(code, cause.verify_message)
    reason = getattr(cause, "reason", None) or "EOF"
    if isinstance(cause, ssl.SSLError) and "EOF" not in reason:
        return SystemFailure("EPROTO", f"write EPROTO {reason.lower().replace('_', ' ')}")
    return SystemFailure(
        "ECONNRESET", "Client network socket disconnected before secure TLS connection was established"
    )
