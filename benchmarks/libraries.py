"""Checks the outputs of functions that use a library, against results computed here without the library."""

from __future__ import annotations

import calendar
import hashlib
import hmac
import json
import re
import urllib.parse
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from benchmarks.workload import Mismatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def check(name: str, events: Sequence[bytes], outputs: Sequence[bytes | None]) -> None:
    """Raises Mismatch unless *outputs* are those of the library user *name* for *events*, cyclically."""
    for index, output in enumerate(outputs):
        event = json.loads(events[index % len(events)])
        found = None if output is None else json.loads(output)
        if found is None or not _IS_RIGHT[name](event, found):
            raise Mismatch(f"with {name}: wrong output for event {index % len(events) + 1}: {output!r:.200}")


def _is_in_snake_case(event: Any, found: Any) -> bool:
    properties = {
        re.sub(r"([A-Z])", r"_\1", key).lower(): value for key, value in event["properties"].items()
    }
    return bool(found == {**event, "properties": properties})


def _has_local_time(event: Any, found: Any) -> bool:
    local = datetime.fromisoformat(event["timestamp"]).astimezone(_berlin(event["timestamp"]))
    properties = {**event["properties"], "localTime": local.isoformat(timespec="seconds")}
    return bool(found == {**event, "properties": properties})


def _berlin(time: str) -> timezone:
    """Berlin's offset at *time*. Since 1996, summer time is from the last Sunday of March to that of October, at 1:00 UTC."""
    moment = datetime.fromisoformat(time)

    def change(month: int) -> datetime:
        last = max(week[calendar.SUNDAY] for week in calendar.monthcalendar(moment.year, month))
        return datetime(moment.year, month, last, 1, tzinfo=UTC)

    return timezone(timedelta(hours=2 if change(3) <= moment < change(10) else 1))


def _is_signed(event: Any, found: Any) -> bool:
    """AWS Signature Version 4, in a URL."""
    url = urllib.parse.urlsplit(found["properties"].pop("url"))
    query = dict(urllib.parse.parse_qsl(url.query))
    given = query.pop("X-Amz-Signature")
    canonical = "\n".join(
        [
            "GET",
            url.path,
            urllib.parse.urlencode(sorted(query.items()), quote_via=urllib.parse.quote),
            f"host:{url.netloc}",
            "",
            "host",
            "UNSIGNED-PAYLOAD",
        ]
    )
    time = query["X-Amz-Date"]
    scope = f"{time[:8]}/eu-west-1/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4SECRET"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    return bool(
        given == signature
        and url.path.endswith(f"/{event['messageId']}")
        and query["X-Amz-Credential"] == f"AKID/{scope}"
        and found == event
    )


_IS_RIGHT: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lodash": _is_in_snake_case,
    "moment": _has_local_time,
    "aws": _is_signed,
}
