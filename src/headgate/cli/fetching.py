"""The `fetch` of functions on the command line: reaches public addresses, or answers from a file of canned replies."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import CommandError, file_error
from headgate_runtime.fetch import Egress, Fetcher, MockFetcher, tracing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractContextManager

    from headgate_runtime.fetch import FetchService, Trace

SECRET_CHARACTERS: Final = 4
"""Texts of at least this length in the settings are redacted as secrets; redacting shorter ones would ruin a trace."""


@asynccontextmanager
async def service(mock: str | None, *, allow_private: bool, keep_alive: bool) -> AsyncIterator[FetchService]:
    """Raises CommandError for a *mock* file that cannot be read, or that makes *keep_alive* pointless; MockError for what is in it."""
    if mock is None:
        async with Fetcher(Egress(allow_private=allow_private), keep_alive=keep_alive) as fetcher:
            yield fetcher
        return
    if keep_alive:
        raise CommandError("--keep-alive says how connections are used, and with --mock there are none")
    try:
        canned = MockFetcher.load(mock)
    except OSError as error:
        raise file_error(error, mock) from None
    yield canned


def tracer(settings: bytes) -> Callable[[], AbstractContextManager[Trace]]:
    """Makes the trace of one invocation, in which no text of *settings* is shown."""
    secrets = [text for text in _texts(json.loads(settings)) if len(text) >= SECRET_CHARACTERS]
    return partial(tracing, secrets)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
