"""
POST after POST over connections that stay open: by autocannon, in a process of its own, or by ourselves, which is what
checks answers, and for want of autocannon all there is.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from benchmarks.load.plant import pinned
from benchmarks.peers import install
from benchmarks.peers.child import PATIENCE_S, Child, Failed
from benchmarks.peers.served import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.peers.transformers import Transformer


class Fired(NamedTuple):
    answered: int
    seconds: float


class Autocannon(Child):
    """
    Runs on *side*. Raises Missing and Failed.

    least    requests over a connection without which making the connection would be measured
    """

    least = 20

    def __init__(self, side: frozenset[int]) -> None:
        with pinned(side):
            super().__init__(
                "autocannon", "", [install.node(), PROGRAMS / "fire.mjs", install.node_modules()]
            )

    def fire(self, at: Transformer, bodies: Sequence[bytes], count: int, connections: int) -> Fired:
        """*count* requests. Raises Failed when one of them is refused."""
        texts = [body.decode() for body in bodies]
        found = self._ask(
            url=at.url, headers=dict(at.headers), bodies=texts, count=count, connections=connections
        )
        if "failed" in found:
            raise Failed(found["failed"])
        return Fired(found["answered"], found["seconds"])


class Asking:
    """One connection, one request after the other."""

    least = 1

    def fire(self, at: Transformer, bodies: Sequence[bytes], count: int, connections: int) -> Fired:  # noqa: ARG002 - see above
        start = time.perf_counter()
        answered = sum(1 for _ in zip(range(count), answers(at, itertools.cycle(bodies)), strict=False))
        return Fired(answered, time.perf_counter() - start)

    def close(self) -> None:
        pass


def answers(at: Transformer, bodies: Iterator[bytes]) -> Iterator[bytes]:
    """The bodies of the answers. Raises Failed for one that is refused."""
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


def load_generator(side: frozenset[int], *, fetched: bool) -> tuple[Autocannon | Asking, str]:
    """And a word on it. *fetched*: autocannon, if it can be had."""
    if fetched:
        try:
            return Autocannon(side), "autocannon, in turn over connections that stay open"
        except (install.Missing, Failed) as error:
            return Asking(), f"one connection of our own, for autocannon is not to be had: {error}"
    return Asking(), "one connection of our own"
