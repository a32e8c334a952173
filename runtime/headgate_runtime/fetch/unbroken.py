"""Work of httpcore's that is not to be broken off in the midst of clearing up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    import httpcore


T = TypeVar("T")


async def exchange(work: Coroutine[Any, Any, httpcore.Response]) -> httpcore.Response:
    """*work*, whose response is closed when nobody waits for it any more."""
    return await _unbroken(work, lambda response: response.aclose())


async def closing(work: Coroutine[Any, Any, None]) -> None:
    """*work*, to its end."""
    await _unbroken(work, None)


async def _unbroken(work: Coroutine[Any, Any, T], undo: Callable[[T], Awaitable[None]] | None) -> T:
    """
    Cancelled, *work* ends by anyio's means, from which httpcore keeps the closing of its connections. A task's own `cancel`
    would break that off half way, and the pool would be one connection smaller for good.
    """
    limit = anyio.CancelScope()
    ended: list[T] = []
    task = asyncio.ensure_future(_within(limit, work, ended))
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        limit.cancel()
        await asyncio.wait({task})
        if task.exception() is None and ended and undo is not None:
            await undo(ended[0])
        raise
    task.result()
    return ended[0]


async def _within(limit: anyio.CancelScope, work: Coroutine[Any, Any, T], ended: list[T]) -> None:
    with limit:
        ended.append(await work)
