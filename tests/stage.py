"""
Runs functions without a word of asyncio in the test: one executor, small limits, and a check at the end that nothing of
it is left over.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from headgate_runtime import (
    Clock,
    CompileError,
    Entropy,
    Executor,
    Function,
    Image,
    Limits,
    Outcome,
    Service,
    compile,  # noqa: A004 - the field's word
)

Isolation = Literal["warm", "hermetic"]

TRACK: Mapping[str, Any] = {
    "type": "track",
    "event": "Signed Up",
    "messageId": "m1",
    "userId": "u1",
    "properties": {"plan": "free"},
}

SMALL = Limits(time_ms=20_000, fuel=300_000_000, memory_bytes=16 << 20)
"""What a test function may use: a few hundredths of a second of processor, whatever the machine does meanwhile."""


def track(**properties: Any) -> dict[str, Any]:
    """A track event with these properties."""
    return {**TRACK, "properties": properties}


def value(outcome: Outcome) -> Any:
    """The forwarded event."""
    assert outcome.outcome == "forward", outcome
    assert outcome.output is not None
    return orjson.loads(outcome.output)


@functools.lru_cache(maxsize=64)
def compiled(source: str | bytes, limits: Limits) -> Image | CompileError:
    """Images are values: tests may share them."""
    return compile(source, limits)


class Stage:
    """
    `stage(source, event)` gives the outcome. Keyword arguments are limits, on top of SMALL. Equal sources and options
    are the same function, so the same warm sandbox.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        entropy: Entropy | None = None,
        fetch: Service | None = None,
        sandboxes: int = 100,
    ) -> None:
        self.loop = asyncio.Runner()
        self.executor = Executor(clock=clock, entropy=entropy, fetch=fetch, sandboxes=sandboxes)

    def __enter__(self) -> Stage:  # noqa: PYI034 - it has no subclasses
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def compile(self, source: str | bytes, **limits: int) -> Image | CompileError:
        return compiled(source, dataclasses.replace(SMALL, **limits))

    def image(self, source: str | bytes, **limits: int) -> Image:
        image = self.compile(source, **limits)
        assert isinstance(image, Image), image
        return image

    def refusal(self, source: str | bytes, **limits: int) -> CompileError:
        error = self.compile(source, **limits)
        assert isinstance(error, CompileError), error
        return error

    def function(
        self,
        source: str | bytes,
        settings: Mapping[str, Any] | None = None,
        *,
        isolation: Isolation = "warm",
        tenant: str = "default",
        **limits: int,
    ) -> Function:
        return self.executor.function(
            self.image(source, **limits),
            settings,
            isolation=isolation,
            limits=dataclasses.replace(SMALL, **limits),
            tenant=tenant,
        )

    def __call__(
        self,
        source: str | bytes,
        event: Mapping[str, Any] | bytes = TRACK,
        settings: Mapping[str, Any] | None = None,
        *,
        isolation: Isolation = "warm",
        tenant: str = "default",
        record: bool = False,
        **limits: int,
    ) -> Outcome:
        function = self.function(source, settings, isolation=isolation, tenant=tenant, **limits)
        return self.invoke(function, event, record=record)

    def invoke(
        self, function: Function, event: Mapping[str, Any] | bytes = TRACK, *, record: bool = False
    ) -> Outcome:
        return self.loop.run(self.executor.invoke(function, event, record=record))

    def batch(
        self,
        source: str | bytes,
        events: Sequence[Mapping[str, Any] | bytes],
        settings: Mapping[str, Any] | None = None,
        *,
        isolation: Isolation = "warm",
        tenant: str = "default",
        record: bool = False,
        **limits: int,
    ) -> list[Outcome]:
        function = self.function(source, settings, isolation=isolation, tenant=tenant, **limits)
        return self.loop.run(self.executor.invoke(function, list(events), record=record))

    def close(self) -> None:
        """Fails when an invocation kept its sandbox, or the closed executor does."""
        busy = self.executor.live - self.executor.idle
        self.executor.close()
        self.loop.close()
        assert busy == 0, f"{busy} sandboxes were never given back"
        assert self.executor.live == 0
