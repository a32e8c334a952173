"""Protects httpcore's cleanup from being cancelled half way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    import httpcore


T = TypeVar("T")


async def exchange(work: Coroutine[Any, Any, httpcore.Response]) -> httpcore.Response:
    """Await *work*. On cancellation, a response that has arrived anyway is closed."""
    return await _unbroken(work, lambda response: response.aclose())


async def closing(work: Coroutine[Any, Any, None]) -> None:
    """Await *work*; cancellation reaches it as `_unbroken` says."""
    await _unbroken(work, None)


async def _unbroken(work: Coroutine[Any, Any, T], undo: Callable[[T], Awaitable[None]] | None) -> T:
    """
    Run *work* in a task. On cancellation, cancel it through an anyio scope, from which httpcore shields the
    closing of its connections. `Task.cancel` would interrupt the closing, and the pool would lose a
    connection permanently.

    *undo* is called with the result if *work* completes in spite of the cancellation.
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
