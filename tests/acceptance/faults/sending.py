"""Single requests to a server's event API."""

from __future__ import annotations

import http.client
import urllib.parse
from collections.abc import Sequence

import orjson


def send(url: str, write_key: str, message_ids: Sequence[str], **properties: object) -> int:
    """A batch of events with these ids; the status of the answer."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)
    batch = [
        {"type": "track", "event": "Seen", "userId": "u", "messageId": each, "properties": properties}
        for each in message_ids
    ]
    try:
        body = orjson.dumps({"batch": batch, "writeKey": write_key})
        connection.request("POST", "/v1/batch", body, {"content-type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()
