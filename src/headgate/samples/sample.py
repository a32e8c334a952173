"""One failure, with everything that helps to understand it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from headgate.pipeline.redact import redaction_of

if TYPE_CHECKING:
    from headgate.queue.model import Error, Lane, Step
    from headgate_runtime import Outcome
    from headgate_runtime.fetch import Raw, Redaction, Trace

EVENT_BYTES: Final = 64 << 10
"""How much of the event is kept."""

LOG_BYTES: Final = 4 << 10
"""How much console output is kept (SPEC 10)."""

REQUESTS: Final = 20
"""How many of the function's requests are kept."""


class Sample(NamedTuple):
    """
    at          ms since the epoch
    function    its id; "" if there is none
    attempt     counted from 1
    event       JSON text: the function's input, or what was sent to the destination
    outcome     of the function, if that is what failed
    trace       the network requests of that function
    request     to the destination, if that is what failed
    secrets     texts to redact
    """

    at: int
    lane: Lane
    source: str
    function: str
    step: Step
    message_id: str
    event_type: str
    attempt: int
    error: Error
    event: bytes
    outcome: Outcome | None
    trace: Trace | None
    request: Raw | None
    secrets: tuple[str, ...]

    def content(self) -> bytes:
        """
        The JSON to store, redacted: {"event": text, "eventTruncated", "error": {"name", "message", "stack", "category", "status"}, "logs":
        [{"level", "message"}], "logsTruncated", "requests": [as in previews], "requestsTruncated"}.
        """
        redaction = redaction_of(self.secrets)
        event, is_cut = _cut(self.event, redaction, max(map(len, self.secrets), default=0))
        outcome = self.outcome
        error = {
            "name": outcome and outcome.error_name and redaction.text(outcome.error_name),
            "message": redaction.text(self.error.message),
            "stack": outcome and outcome.stack and redaction.text(outcome.stack),
            "category": outcome and outcome.category,
            "status": self.error.status,
        }
        exchanges = [] if self.trace is None else self.trace.exchanges[:REQUESTS]
        if self.request is not None:
            exchanges.append(self.request.shown(redaction))
        dropped = self.trace is not None and len(self.trace) + self.trace.dropped > REQUESTS
        return orjson.dumps(
            {
                "event": event,
                "eventTruncated": is_cut,
                "error": error,
                **_logs(outcome, redaction),
                "requests": [each.as_json() for each in exchanges],
                "requestsTruncated": dropped,
            }
        )


def _cut(event: bytes, redaction: Redaction, longest: int) -> tuple[str, bool]:
    """
    The start of *event*, redacted, and whether it was truncated. To avoid redacting megabytes, the event is cut before;
    as that may split a secret of up to *longest* characters, the end of the cut is not shown.
    """
    some = event[: 2 * EVENT_BYTES]
    text = redaction.text(some.decode(errors="replace"))
    if len(some) < len(event):
        text = text[: -longest or None]
    content = text.encode()
    is_cut = len(some) < len(event) or len(content) > EVENT_BYTES
    return content[:EVENT_BYTES].decode(errors="ignore"), is_cut


def _logs(outcome: Outcome | None, redaction: Redaction) -> dict[str, Any]:
    shown: list[dict[str, str]] = []
    left = LOG_BYTES
    for line in () if outcome is None else outcome.logs:
        if left <= 0:
            left = -1
            break
        content = redaction.text(line.message).encode()
        shown.append({"level": line.level, "message": content[:left].decode(errors="ignore")})
        left -= len(content)
    dropped = outcome is not None and outcome.logs_dropped > 0
    return {"logs": shown, "logsTruncated": left < 0 or dropped}
