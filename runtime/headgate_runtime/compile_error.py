"""Compile errors: the reason why a source has no image."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from headgate_runtime._wasmtime import Trap

if TYPE_CHECKING:
    from collections.abc import Generator

    from headgate_runtime._wasmtime import Function
    from headgate_runtime.limits import Limits
    from headgate_runtime.sandbox import Sandbox

FILENAME: Final = "function.js"
"""The name of the user's source in stack traces, for JavaScript and TypeScript alike."""


class CompileError(NamedTuple):
    """
    The reason why a source was refused (SPEC D4). It is returned, not raised, because it is the function's
    fault.

    kind            "syntax", "throw" (the top level threw), or "limit" (time, fuel, memory or size)
    line, column    position in the user's source, from 1; None if unknown. For TypeScript, the column of an
                    error that was found after the types were removed is the one in the text without types
    source_line     the text of that line
    """

    kind: Literal["syntax", "throw", "limit"]
    error_name: str | None
    message: str
    line: int | None = None
    column: int | None = None
    source_line: str | None = None
    stack: str | None = None

    def __str__(self) -> str:
        place = f"{FILENAME}:{self.line}:{self.column}: " if self.line else ""
        name = f"{self.error_name}: " if self.error_name else ""
        return f"{place}{name}{self.message}"


def encoded(source: str | bytes, limits: Limits) -> bytes | CompileError:
    """*source* as UTF-8, or the CompileError for text that is invalid or too long."""
    try:
        text = source.encode() if isinstance(source, str) else source
        text.decode()
    except UnicodeError:
        return CompileError("syntax", "SyntaxError", "the source is not valid UTF-8")
    if len(text) > limits.source_bytes:
        return CompileError(
            "limit", None, f"the source has {len(text)} bytes, more than source_bytes = {limits.source_bytes}"
        )
    return text


def over_memory(limits: Limits) -> CompileError:
    return CompileError("limit", None, f"loading needs more memory than memory_bytes = {limits.memory_bytes}")


def over_time(limits: Limits) -> CompileError:
    return CompileError("limit", None, f"loading took longer than time_ms = {limits.time_ms}")


def trapped(trap: tuple[Trap, str], limits: Limits) -> CompileError:
    kind, message = trap
    if kind is Trap.OUT_OF_FUEL:
        return CompileError("limit", None, f"loading used more than fuel = {limits.fuel}")
    if kind is Trap.STACK_OVERFLOW:
        return CompileError("throw", "RangeError", "Maximum call stack size exceeded")
    return CompileError("throw", None, f"the sandbox failed while loading: {message.partition(chr(10))[0]}")


def run_within(sandbox: Sandbox, name: str, limits: Limits) -> Generator[None, None, Function | CompileError]:
    """
    Run the entry point *name* under the function's own limits of fuel and time, yielding after every slice.
    Returns the finished call, or the CompileError that ended it.
    """
    sandbox.set_fuel(limits.fuel)
    deadline = time.monotonic() + limits.time_ms / 1e3
    function = sandbox.start(name)
    while not sandbox.step(function):
        if time.monotonic() > deadline:
            return over_time(limits)
        yield
    return trapped(function.trap, limits) if function.trap else function
