"""Brings events into the form that functions see (SPEC 2.5, 8.5, 8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from headgate.tracking import timestamps
from headgate.tracking.message_ids import message_id
from headgate.tracking.validate import NULLABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate_runtime import Entropy

_IDS: Final = ("userId", "anonymousId", "previousId", "groupId", "messageId")

_UNTIDY: Final = frozenset({type(None), int, float})
"""Types of values that `tidy` may have to change. Most events have none of them at the top level."""

_CHANNELS: Final = {
    "analytics.js": "client",
    "@segment/analytics-next": "client",
    "analytics-android": "mobile",
    "analytics-ios": "mobile",
    "analytics-kotlin": "mobile",
    "analytics-swift": "mobile",
    "analytics-flutter": "mobile",
    "analytics-react-native": "mobile",
    "@segment/analytics-react-native": "mobile",
}
"""Channels of the official client-side libraries, by `context.library.name`."""

CLIENT_SIDE: Final = frozenset({"client", "browser", "mobile"})
"""Channels for which `context.ip` is filled in, because the sender's address is the user's."""


class Envelope(NamedTuple):
    """
    What all events of a request have in common.

    project         id of the source
    received_ms     server clock, ms since the epoch
    received_at     the same, as text
    behind_ms       how far the sender's clock was behind when it sent; 0 if the request has no `sentAt`
    sent_at         the sender's clock when it sent, as text
    context         shared by the items of a batch; so are *integrations*
    browser         whether the request looks like a browser's
    ip              address of the sender
    """

    project: str
    received_ms: int
    received_at: str
    behind_ms: int
    sent_at: str
    context: dict[str, Any]
    integrations: dict[str, Any]
    browser: bool
    ip: str | None


def envelope(
    request: Mapping[str, Any], project: str, now_ms: int, *, batch: bool, browser: bool, ip: str | None
) -> Envelope:
    """The envelope of *request*, the JSON object in a request's body: a batch or a single call."""
    received_at = timestamps.format_ms(now_ms)
    sent_ms = timestamps.parse(request.get("sentAt"))
    if sent_ms is None:
        sent_ms = now_ms
    sent_at = timestamps.format_ms(sent_ms)
    context = _object(request.get("context")) if batch else {}
    integrations = _object(request.get("integrations")) if batch else {}
    return Envelope(
        project, now_ms, received_at, now_ms - sent_ms, sent_at, context, integrations, browser, ip
    )


def tidy(item: Mapping[str, Any]) -> dict[str, Any]:
    """
    A copy of *item* without the nulls that count as absent, with numeric ids as strings, and without
    `writeKey`, which is ignored in an item and must not reach destinations.
    """
    event = dict(item)
    event.pop("writeKey", None)
    if _UNTIDY.isdisjoint(map(type, event.values())):
        return event
    event = {name: value for name, value in event.items() if value is not None or name not in NULLABLE}
    for name in _IDS:
        value = event.get(name)
        if type(value) is int or type(value) is float:
            event[name] = _text_of(value)
    return event


def _text_of(number: float) -> str:
    """*number* as JavaScript prints it, except that integers keep all their digits."""
    whole = isinstance(number, int) or (number.is_integer() and abs(number) < 1e21)
    return str(int(number)) if whole else orjson.dumps(number).decode()


def complete(event: dict[str, Any], event_type: str, around: Envelope, entropy: Entropy) -> None:
    """Fills in the missing fields of a valid, tidied *event* and sets those that only the server knows."""
    event["type"] = event_type
    if not event.get("messageId"):
        event["messageId"] = message_id(around.received_ms, entropy)
    if event_type in ("identify", "group"):
        event.setdefault("traits", {})
    elif event_type != "alias":
        event.setdefault("properties", {})
    integrations = _object(event.get("integrations"))
    event["integrations"] = {**around.integrations, **integrations} if around.integrations else integrations
    _set_context(event, around)
    _set_times(event, around)
    event["projectId"] = around.project
    event["version"] = 2


def _object(value: object) -> dict[str, Any]:
    """
    *value* if it is an object, else an empty one: no rejection code covers these fields, and functions rely
    on them.
    """
    return value if isinstance(value, dict) else {}


def _set_context(event: dict[str, Any], around: Envelope) -> None:
    context = event["context"] = {**around.context, **_object(event.get("context"))}
    library = context.get("library")
    if library is None:
        library = context["library"] = {"name": "unknown", "version": "unknown"}
    channel = event.get("channel")
    if not isinstance(channel, str):
        channel = event["channel"] = _channel(library, around)
    direct = channel in CLIENT_SIDE or context.get("direct") is True
    if direct and around.ip is not None and context.get("ip") is None:
        context["ip"] = around.ip


def _channel(library: object, around: Envelope) -> str:
    name = library.get("name") if isinstance(library, dict) else None
    known = _CHANNELS.get(name) if isinstance(name, str) else None
    return known or ("client" if around.browser else "server")


def _set_times(event: dict[str, Any], around: Envelope) -> None:
    """
    Sets the timestamps of *event* (SPEC 8.6). `timestamp` is the sender's time corrected by the offset of its
    clock. An event without a time gets the server's, which needs no correction.
    """
    original_ms = timestamps.parse(event.get("timestamp"))
    if original_ms is None:
        original_ms = timestamps.parse(event.get("originalTimestamp"))
    event["receivedAt"] = around.received_at
    event["sentAt"] = around.sent_at
    if original_ms is None:
        event["originalTimestamp"] = event["timestamp"] = around.received_at
        return
    event["originalTimestamp"] = event["timestamp"] = timestamps.format_ms(original_ms)
    if around.behind_ms:
        true_ms = original_ms + around.behind_ms
        sayable = timestamps.EARLIEST_MS <= true_ms <= timestamps.LATEST_MS
        event["timestamp"] = timestamps.format_ms(true_ms) if sayable else around.received_at
