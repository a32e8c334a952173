"""A slow and obvious model of the event API of SPEC 8 and of the fate of its events, to compare the server with."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

TYPES = ("identify", "track", "page", "screen", "group", "alias")

NULLABLE = (
    *("userId", "anonymousId", "previousId", "groupId", "messageId", "category", "name"),
    *("context", "integrations", "properties", "traits"),
)

EVENT_BYTES = 32 << 10
BATCH_BYTES = 500 << 10
BATCH_EVENTS = 2_500

RECEIVED = "successfully-received"
FAILED = "failed-on-ingest"
FILTERED = "filtered-at-destination"
DELIVERED = "successful-delivery"


class Count(NamedTuple):
    """A counter's labels. *destined*: of the source's destination."""

    source: str
    destined: bool
    step: str
    event_type: str
    reason: str


@dataclasses.dataclass
class ModelSource:
    name: str
    workspace: str
    enabled: bool = True


@dataclasses.dataclass
class Model:
    """
    sources    by write key
    arrived    events without their times, by source and by the mark that each item carries
    counts     of every decision
    refused    of requests without a source
    """

    sources: dict[str, ModelSource]
    arrived: dict[tuple[str, str], dict[str, Any]] = dataclasses.field(default_factory=dict)
    counts: Counter[Count] = dataclasses.field(default_factory=Counter)
    refused: Counter[str] = dataclasses.field(default_factory=Counter)
    duplicates: int = 0
    seen: set[tuple[str, str]] = dataclasses.field(default_factory=set)

    def refuse(self, code: str) -> str:
        """The code of a 400."""
        self.refused[code] += 1
        return code

    def post(self, kind: str, body: bytes, header_key: str | None, *, browser: bool = False) -> str | None:
        """*kind* is an event type or "batch", *body* decompressed. The code of a 400; None for a 200."""
        if len(body) > (BATCH_BYTES if kind == "batch" else EVENT_BYTES):
            return self.refuse("body_too_large")
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            request = None
        if not isinstance(request, dict):
            return self.refuse("malformed_json")
        key = header_key or request.get("writeKey")
        key = key.strip() if isinstance(key, str) else None
        if not key:
            return self.refuse("missing_write_key")
        source = self.sources.get(key)
        items = _items(request) if kind == "batch" else [request]
        if source is None:
            self.refused["unknown_source"] += len(items or [])
        elif not source.enabled:
            for item in items or []:
                self._fail(source, "source_disabled", _type(item) if kind == "batch" else kind)
        elif items is None:
            self._fail(source, "bad_request")
        elif kind == "batch":
            self._batch(source, items, request)
        else:
            self._take(source, request, kind, {}, browser=browser)
        return None

    def _batch(self, source: ModelSource, items: list[Any], request: Mapping[str, Any]) -> None:
        if not items:
            self._fail(source, "empty_batch")
            return
        good = 0
        for number, item in enumerate(items):
            if number >= BATCH_EVENTS or not _type(item):
                self._fail(source, "bad_request", _type(item))
            else:
                good += self._take(source, item, _type(item), request)
        if good < len(items):
            self._fail(source, "multi_user_error" if good else "empty_batch_result")

    def _take(
        self,
        source: ModelSource,
        item: Mapping[str, Any],
        event_type: str,
        around: Mapping[str, Any],
        *,
        browser: bool = False,
    ) -> bool:
        """Whether *item* is valid; a duplicate is."""
        event = {name: value for name, value in item.items() if value is not None or name not in NULLABLE}
        event.pop("writeKey", None)
        for name in ("userId", "anonymousId", "previousId", "groupId", "messageId"):
            if type(event.get(name)) is int:
                event[name] = str(event[name])
        reason = fault(event, event_type)
        if reason is None and len(orjson.dumps(item)) > EVENT_BYTES:
            reason = "bad_request"
        if reason is not None:
            self._fail(source, reason, event_type)
            return False
        if message_id := event.get("messageId"):
            if (source.workspace, message_id) in self.seen:
                self.duplicates += 1
                return True
            self.seen.add((source.workspace, message_id))
        else:
            event.pop("messageId", None)
        self.counts[Count(source.name, False, RECEIVED, event_type, "")] += 1
        event["type"] = event_type
        if event_type in ("identify", "group"):
            event.setdefault("traits", {})
        elif event_type != "alias":
            event.setdefault("properties", {})
        event["integrations"] = _dict(around.get("integrations")) | _dict(event.get("integrations"))
        event["context"] = _dict(around.get("context")) | _dict(event.get("context"))
        event["context"].setdefault("library", {"name": "unknown", "version": "unknown"})
        if browser:
            event["context"].setdefault("ip", "127.0.0.1")
        event |= {"channel": "client" if browser else "server", "version": 2}
        if event["integrations"].get("Sink", event["integrations"].get("All", True)) is False:
            reason = "FILTERED_BY_INTEGRATIONS_OBJECT"
            self.counts[Count(source.name, True, FILTERED, event_type, reason)] += 1
        else:
            self.counts[Count(source.name, True, DELIVERED, event_type, "")] += 1
            self.arrived[source.name, event["mark"]] = event
        return True

    def _fail(self, source: ModelSource, reason: str, event_type: str = "") -> None:
        self.counts[Count(source.name, False, FAILED, event_type, reason)] += 1


def fault(event: Mapping[str, Any], event_type: str) -> str | None:
    """The first thing wrong with *event* (SPEC 8.5): who it is of, what its type wants, what all types have."""
    ids = [event[name] for name in ("userId", "anonymousId") if name in event]
    message_id = event.get("messageId", "")
    is_page = event_type in ("page", "screen")
    checks = (
        ("no_user_anon_id", bool(ids)),
        ("id_not_string", all(isinstance(each, str) and each for each in ids)),
        ("event_not_defined", event_type != "track" or "event" in event),
        ("event_not_string", event_type != "track" or isinstance(event.get("event"), str)),
        (
            "name_not_string",
            not is_page or (isinstance(event.get("name", "x"), str) and event.get("name", "x")),
        ),
        ("category_not_string", not is_page or isinstance(event.get("category", ""), str)),
        ("properties_not_object", isinstance(event.get("properties", {}), dict)),
        ("traits_not_object", isinstance(event.get("traits", {}), dict)),
        ("bad_request", isinstance(message_id, str) and len(message_id) < 100),
    )
    return next((reason for reason, passed in checks if not passed), None)


def _items(request: Mapping[str, Any]) -> list[Any] | None:
    items = request.get("batch")
    if items is None:
        return []
    return items if isinstance(items, list) else None


def _type(item: object) -> str:
    claimed = item.get("type") if isinstance(item, dict) else None
    return claimed if isinstance(claimed, str) and claimed in TYPES else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
