"""
The public names as a type checker sees them: `make lint` checks this file, nothing runs it.

An `assert_type` that fails, or an ignore that is not needed, means that a caller's code would no longer check.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, assert_never, assert_type

from headgate_runtime import (
    Answer,
    Cause,
    Clock,
    CompileError,
    Discard,
    Entropy,
    Executor,
    Filtered,
    Forward,
    Function,
    Image,
    Limits,
    LogLine,
    Outcome,
    Record,
    Request,
    Retry,
    Service,
    SystemClock,
    SystemEntropy,
    compile,  # noqa: A004 - the field's word
    replay,
)


def compiling(path: Path) -> Image:
    compiled = compile(path.read_bytes(), Limits(fuel=1_000_000))
    assert_type(compiled, Image | CompileError)
    if isinstance(compiled, CompileError):
        assert_type(compiled.line, int | None)
        assert_type(compiled.source_line, str | None)
        raise SystemExit(str(compiled))
    assert_type(compiled.handlers, tuple[str, ...])
    compiled.save(path.with_suffix(".wasm"))
    return Image.load(path)


async def invoking(image: Image, event: Mapping[str, Any], settings: Mapping[str, str]) -> None:
    async with Executor(sandboxes=10) as executor:
        assert_type(executor, Executor)
        function = executor.function(image, settings, isolation="hermetic", tenant="t", weight=2)
        assert_type(function, Function)
        executor.function(image, isolation="lukewarm")  # type: ignore[arg-type]
        executor.function(image, [1])  # type: ignore[arg-type]

        assert_type(await executor.invoke(function, event), Outcome)
        assert_type(await executor.invoke(function, b"{}"), Outcome)
        assert_type(await executor.invoke(function, "{}"), Outcome)
        assert_type(await executor.invoke(image, event, settings, limits=Limits()), Outcome)
        assert_type(await executor.invoke(function, [event, b"{}", "{}"]), list[Outcome])
        assert_type(await executor.invoke(function, (event,)), list[Outcome])
        await executor.invoke(function, 5)  # type: ignore[call-overload]
        await executor.invoke(event, function)  # type: ignore[call-overload]
        assert_type(await executor.compile(""), Image | CompileError)
        assert_type((executor.live, executor.idle), tuple[int, int])


def reading(outcome: Outcome) -> str:
    assert_type(outcome.cause, Cause)
    assert_type(outcome.output, bytes | None)
    assert_type(outcome.logs, tuple[LogLine, ...])
    assert_type(outcome.logs[0].level, str)
    assert_type((outcome.fuel, outcome.wall_ms, outcome.memory_bytes), tuple[int, float, int])
    assert_type(outcome.category, str | None)
    assert_type(outcome.status, int)
    match outcome.outcome:
        case "forward":
            return Forward.outcome
        case "filtered":
            return Filtered.outcome
        case "discard":
            return Discard.outcome
        case "retry":
            return Retry.outcome
        case never:
            assert_never(never)


def replaying(outcome: Outcome, image: Image, text: bytes) -> None:
    assert_type(outcome.record, Record | None)
    record = Record.loads(text)
    assert_type(record.dumps(), bytes)
    assert_type(replay(record, image), Outcome | list[Outcome])


async def respond(request: Request) -> Answer:
    assert_type(request.body, bytes | None)
    return Answer(request.operation, 0, b"{}", b"body")


def providing() -> Executor:
    clock: Clock = SystemClock()
    entropy: Entropy = SystemEntropy()
    fetch: Service = respond
    assert_type(entropy(32), bytes)
    Limits(nonsense=1)  # type: ignore[call-arg]
    Limits(fuel="much")  # type: ignore[arg-type]
    return Executor(clock=clock, entropy=entropy, fetch=fetch)
