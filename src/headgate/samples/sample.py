"""One failure, with all that helps to understand it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from headgate.pipeline.redact import redaction_of

if TYPE_CHECKING:
    from headgate.queue.model import Error, Lane, Step
    from headgate_runtime import Outcome
    from headgate_runtime.fetch import Raw, Redaction, Trace

EVENT_BYTES: Final = 64 << 10
"""Of the event that are kept."""

LOG_BYTES: Final = 4 << 10
"""Of console output (SPEC 10)."""

REQUESTS: Final = 20
"""Of the function's requests."""


class Sample(NamedTuple):
    """
    function    id; "" where none was involved
    attempt     from 1
    event       JSON text: what the function got, or what the destination was sent
    outcome     of the function, where it is what failed
    trace       what that asked the network for
    request     to the destination, where that is what failed
    secrets     to be shown nowhere
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
        JSON {"event": text, "eventTruncated", "error": {"name", "message", "stack", "category", "status"}, "logs":
        [{"level", "message"}], "logsTruncated", "requests": [as in previews], "requestsTruncated"}, without secrets.
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
    Taking secrets out of 6 MB to show 64 KiB of it would be a waste. What is cut off before may leave half a secret at the
    end, so the end is not shown.
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
