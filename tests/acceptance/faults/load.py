"""Clients that send as SDKs do: single events and batches, again after a failure, and sometimes twice."""

from __future__ import annotations

import base64
import http.client
import random
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import orjson

from tests.acceptance.faults.fates import FATES, WRITE_KEY
from tests.acceptance.faults.waiting import Waiter

_PAUSE_S = 0.05
"""Delay before a request is sent again."""


class Load:
    """
    Sends within a `with` block, at whose end all events of begun requests are accepted.

    sent          the fates of all events of requests that were begun, by message id
    accepted      those whose request was answered with 200
    statuses      answers by status
    cut           requests that had no answer
    refusals      (status, Retry-After) of each that was neither 200
    """

    def __init__(
        self,
        waiter: Waiter,
        url: Callable[[], str],
        seed: int,
        *,
        clients: int = 3,
        fates: tuple[str, ...] = FATES,
        padding: int = 0,
        events: int | None = None,
    ) -> None:
        self.sent: dict[str, str] = {}
        self.accepted: dict[str, str] = {}
        self.statuses: Counter[int] = Counter()
        self.refusals: list[tuple[int, str | None]] = []
        self.cut: list[Exception] = []
        self._waiter = waiter
        self._url = url
        self._fates = fates
        self._padding = "x" * padding
        self._most = events
        self._stopping = threading.Event()
        self._abandoned = threading.Event()
        self._threads = [
            threading.Thread(target=self._send_all, args=(client, random.Random(f"{seed}-{client}")))
            for client in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if kind is not None:
            self._abandoned.set()
        for thread in self._threads:
            thread.join()

    def join(self) -> None:
        """Returns when all events are accepted."""
        for thread in self._threads:
            thread.join()

    def abandon(self) -> None:
        """Ends the load without waiting for events that are not accepted yet."""
        self._stopping.set()
        self._abandoned.set()
        self.join()

    def _send_all(self, client: int, luck: random.Random) -> None:
        connection: http.client.HTTPConnection | None = None
        for path, batch in self._requests(client, luck):
            fates = {event["messageId"]: event["properties"]["fate"] for event in batch}
            self.sent |= fates
            while not self._abandoned.is_set():
                try:
                    connection = connection or self._connect()
                    status = self._exchange(connection, path, batch)
                except (OSError, http.client.HTTPException) as error:
                    self.cut.append(error)
                    if connection is not None:
                        connection.close()
                        connection = None
                else:
                    if status == 200:
                        break
                self._waiter.pause(_PAUSE_S)
            else:
                break
            self.accepted |= fates
            self._waiter.notify()
        if connection is not None:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urllib.parse.urlsplit(self._url()).netloc, timeout=30)

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, batch: list[dict[str, Any]]
    ) -> int:
        body = {"batch": batch} if path == "/v1/batch" else batch[0]
        key = base64.b64encode(f"{WRITE_KEY}:".encode()).decode()
        headers = {"content-type": "application/json", "authorization": f"Basic {key}"}
        connection.request("POST", path, orjson.dumps(body), headers)
        answer = connection.getresponse()
        answer.read()
        self.statuses[answer.status] += 1
        if answer.status != 200:
            self.refusals.append((answer.status, answer.headers.get("retry-after")))
        return answer.status

    def _requests(self, client: int, luck: random.Random) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        number = 0
        last: list[dict[str, Any]] = []
        while not self._stopping.is_set() and (self._most is None or number < self._most):
            if last and luck.random() < 0.1:
                yield "/v1/batch", last
            size = luck.choice((1, 1, 5, 15))
            batch = [self._event(f"{client}-{number + each}", luck) for each in range(size)]
            number += size
            yield ("/v1/track" if size == 1 else "/v1/batch"), batch
            last = batch

    def _event(self, name: str, luck: random.Random) -> dict[str, Any]:
        properties = {"fate": luck.choice(self._fates), "padding": self._padding}
        return {
            "type": "track",
            "event": "Seen",
            "userId": "u",
            "messageId": f"m-{name}",
            "properties": properties,
        }
