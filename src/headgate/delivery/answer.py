"""What a destination's answer, or its silence, means for the events it was sent (SPEC 3.3, 7)."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC
from typing import TYPE_CHECKING, Final

from headgate.delivery.carrier import Receipt

if TYPE_CHECKING:
    from headgate_runtime.fetch import SystemFailure

RETRY_AFTER_MS_MAX: Final = 3_600_000
"""What a destination may ask for by Retry-After; more counts as this."""

_BUSY: Final = frozenset((408, 425, 429))
_REASONS: Final = {400: "400", 401: "401", 404: "404", 429: "429", 502: "502", 503: "503"}
_SILENCE: Final = {
    "ECONNREFUSED": "EREFUSED",
    "ECONNRESET": "ECONNRESET",
    "ENOTFOUND": "ENOTFOUND",
    "EPIPE": "ECONNRESET",
    "ETIMEDOUT": "ETIMEDOUT",
}
"""Node's names, as discard-reasons.json has them."""


def of_status(status: int, retry_after: str | None, excerpt: str, now_ms: float) -> Receipt:
    """*excerpt* is the beginning of the answer's body."""
    if 200 <= status < 300:
        return Receipt("delivered", status=status)
    message = f"the destination answered {status}" + (f": {excerpt}" if excerpt else "")
    if status in _BUSY or status >= 500:
        pause = retry_after_ms(retry_after, now_ms)
        reason = _REASONS.get(status, "429" if status < 500 else "INTERNAL")
        return Receipt("retry", reason, message, status, pause, is_outage=status >= 500)
    return Receipt("discard", _REASONS.get(status, "MESSAGE_REJECTED"), message, status)


def of_failure(failure: SystemFailure) -> Receipt:
    """There was no answer, or none that could be read."""
    if failure.code == "EACCES":
        # Not the destination's doing: its URL leads where this server does not go.
        return Receipt("discard", "INVALID_SETTINGS", failure.reason)
    reason = _SILENCE.get(failure.code, "INTERNAL")
    return Receipt("retry", reason, f"{failure.code}: {failure.reason}", is_outage=True)


def of_silence(timeout_ms: int) -> Receipt:
    return Receipt("retry", "ETIMEDOUT", f"ETIMEDOUT: no answer within {timeout_ms} ms", is_outage=True)


def retry_after_ms(value: str | None, now_ms: float) -> float | None:
    """Of a Retry-After header, in seconds or as a date (RFC 9110, 10.2.3); None for what is neither."""
    if value is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,10}\s*", value):
        pause = int(value) * 1e3
    else:
        try:
            date = email.utils.parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # of numbers that no date has
            return None
        pause = date.replace(tzinfo=date.tzinfo or UTC).timestamp() * 1e3 - now_ms
    return min(max(pause, 0.0), RETRY_AFTER_MS_MAX)
