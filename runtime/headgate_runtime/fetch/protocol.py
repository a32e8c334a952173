"""Translates httpcore's protocol errors to the codes and messages of Node."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

import httpcore

from headgate_runtime.fetch.failure import Failure, SystemFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def in_nodes_words() -> Iterator[None]:
    """Turn the exceptions that httpcore raises within the block into SystemFailure."""
    try:
        yield
    except (Failure, SystemFailure, TimeoutError):
        raise
    except httpcore.RemoteProtocolError as error:
        raise _of_remote(error) from None
    except httpcore.WriteError:
        raise SystemFailure("EPIPE", "write EPIPE") from None
    except Exception as error:  # noqa: BLE001 - any failure has an answer
        # A server can provoke unforeseen errors in a protocol library; such an error must end one fetch only.
        _log.debug("a server was not understood", exc_info=True)
        raise SystemFailure("EPROTO", f"protocol error: {type(error).__name__}") from None


def _of_remote(error: httpcore.RemoteProtocolError) -> SystemFailure:
    text = str(error)
    if "complete message body" in text or "chunked" in text:
        return SystemFailure("ECONNRESET", "aborted")
    if "isconnected" in text or "StreamReset" in text or "ConnectionTerminated" in text:
        return SystemFailure("ECONNRESET", "socket hang up")
    if "too long" in text:
        return SystemFailure("HPE_HEADER_OVERFLOW", "Parse Error: Header overflow")
    return SystemFailure("HPE_INVALID_CONSTANT", f"Parse Error: {text}")


async def chunks(response: httpcore.Response) -> AsyncIterator[bytes]:
    """The body in chunks, as they arrive. Raises SystemFailure when it ends early."""
    with in_nodes_words():
        async for chunk in response.aiter_stream():
            yield chunk
