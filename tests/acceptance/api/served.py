"""A server on a new data directory, with the token that its first start printed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.acceptance.service.project import Server, until


class Served(NamedTuple):
    """
    data   the data directory
    token  of the owner, as the first start printed it
    http   with that token
    """

    data: Path
    server: Server
    token: str
    http: httpx.Client

    @property
    def url(self) -> str:
        return self.server.url


@contextlib.contextmanager
def served(data: Path, *flags: str) -> Iterator[Served]:
    with Server(data, 0, *flags) as server:
        until(lambda: "hgt_" in "\n".join(server.log))
        found = re.search(r"hgt_\S+", "\n".join(server.log))
        assert found is not None
        with client(server.url, found[0]) as http:
            yield Served(data, server, found[0], http)


def client(url: str, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    )
