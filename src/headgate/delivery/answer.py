"""Maps a destination's response, or the lack of one, to a Receipt (SPEC 3.3, 7)."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

from headgate.delivery.carrier import Receipt

if TYPE_CHECKING:
    from headgate_runtime.fetch import SystemFailure

RETRY_AFTER_MS_MAX: Final = 3_600_000
"""Upper bound of the delay that a destination may ask for by Retry-After."""

_BUSY: Final = frozenset((408, 425, 429))
_REASONS: Final = {400: "400", 401: "401", 404: "404", 429: "429", 502: "502", 503: "503"}
_SILENCE: Final = {
    "ECONNREFUSED": "EREFUSED",
    "ECONNRESET": "ECONNRESET",
    "ENOTFOUND": "ENOTFOUND",
    "EPIPE": "ECONNRESET",
    "ETIMEDOUT": "ETIMEDOUT",
}
"""Maps Node's error codes to the codes of discard-reasons.json."""


def of_status(status: int, retry_after: str | None, excerpt: str, now_ms: float) -> Receipt:
    """The receipt for a response. *excerpt* is the beginning of its body."""
    if 200 <= status < 300:
        return Receipt("delivered", status=status)
    message = f"the destination answered {status}" + (f": {excerpt}" if excerpt else "")
    if status in _BUSY or status >= 500:
        pause = retry_after_ms(retry_after, now_ms)
        reason = _REASONS.get(status, "429" if status < 500 else "INTERNAL")
        return Receipt("retry", reason, message, status, pause, is_outage=status >= 500)
    return Receipt("discard", _REASONS.get(status, "MESSAGE_REJECTED"), message, status)


def of_failure(failure: SystemFailure) -> Receipt:
    """The receipt for a failed request, without a valid response."""
    if failure.code == "EACCES":
        # Not the destination's fault: its URL resolves to an address that this server must not contact.
        return Receipt("discard", "INVALID_SETTINGS", failure.reason)
    reason = _SILENCE.get(failure.code, "INTERNAL")
    return Receipt("retry", reason, f"{failure.code}: {failure.reason}", is_outage=True)


def of_silence(timeout_ms: int) -> Receipt:
    return Receipt("retry", "ETIMEDOUT", f"ETIMEDOUT: no answer within {timeout_ms} ms", is_outage=True)


def retry_after_ms(value: str | None, now_ms: float) -> float | None:
    """
    The delay that a Retry-After header gives in seconds or as a
    date (RFC 9110, 10.2.3); None if invalid.
    """
    if value is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,10}\s*", value):
        pause = int(value) * 1e3
    else:
        try:
            date = email.utils.parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # the latter for numbers of too many digits
            return None
        pause = date.replace(tzinfo=date.tzinfo or UTC).timestamp() * 1e3 - now_ms
    return min(max(pause, 0.0), RETRY_AFTER_MS_MAX)
