"""
POST requests over persistent connections: by autocannon, in a process of its own, or if it is not installed over a single
connection of this process, which also fetches the answers that are checked.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from benchmarks.load.testbed import pinned
from benchmarks.peers import install
from benchmarks.peers.child import PATIENCE_S, Child, Failed
from benchmarks.peers.served import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.peers.transformers import Transformer


class Answered(NamedTuple):
    requests: int
    seconds: float


class Autocannon(Child):
    """
    Runs on the cores *side*. Raises Missing and Failed.

    least    requests per connection; with fewer, the time to connect would be measured
    """

    least = 20

    def __init__(self, side: frozenset[int]) -> None:
        with pinned(side):
            super().__init__(
                "autocannon", "", [install.node(), PROGRAMS / "autocannon.mjs", install.node_modules()]
            )

    def send(self, at: Transformer, bodies: Sequence[bytes], count: int, connections: int) -> Answered:
        """Sends *count* requests. Raises Failed if one is refused."""
        texts = [body.decode() for body in bodies]
        found = self._ask(
            url=at.url, headers=dict(at.headers), bodies=texts, count=count, connections=connections
        )
        if "failed" in found:
            raise Failed(found["failed"])
        return Answered(found["answered"], found["seconds"])


class SingleConnection:
    """One connection, one request at a time."""

    least = 1

    def send(self, at: Transformer, bodies: Sequence[bytes], count: int, connections: int) -> Answered:  # noqa: ARG002 - has one connection; the parameter is Autocannon's
        start = time.perf_counter()
        requests = sum(1 for _ in zip(range(count), answers(at, itertools.cycle(bodies)), strict=False))
        return Answered(requests, time.perf_counter() - start)

    def close(self) -> None:
        pass


def answers(at: Transformer, bodies: Iterator[bytes]) -> Iterator[bytes]:
    """The response bodies. Raises Failed for a request that is refused."""
    parts = urlsplit(at.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)) as connection:
        for body in bodies:
            connection.request("POST", target, body, dict(at.headers))
            answer = connection.getresponse()
            content = answer.read()
            if answer.status not in (200, 204):
                raise Failed(f"{answer.status}: {content.decode(errors='replace'):.200}")
            yield content


def load_generator(side: frozenset[int], *, fetched: bool) -> tuple[Autocannon | SingleConnection, str]:
    """The load generator and its description. *fetched*: autocannon, if it can be installed."""
    if fetched:
        try:
            return Autocannon(side), "autocannon over persistent connections, one request at a time on each"
        except (install.Missing, Failed) as error:
            return SingleConnection(), f"a single connection, since autocannon is not installed: {error}"
    return SingleConnection(), "a single connection"
