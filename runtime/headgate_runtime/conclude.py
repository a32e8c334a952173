"""
Turns results of the guest into Outcomes: every status, outcome kind, item kind and trap is translated here
and nowhere else. The functions are total; a test covers every member of the enums.
"""

from __future__ import annotations

import bisect
import json
import struct
from typing import TYPE_CHECKING, Any, Final

import orjson

from headgate_runtime import abi
from headgate_runtime._wasmtime import Trap
from headgate_runtime.outcome import ERROR_CLASSES, Cause, Forward, LogLine, Outcome, of_cause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from headgate_runtime.limits import Limits
    from headgate_runtime.outcome import Usage

STUCK_MESSAGE: Final = (
    "the handler's promise can never settle: no timer, request or job is left that could settle it"
)
EMPTY_MESSAGE: Final = "the handler returned nothing: the event will not reach the destination"
MALFORMED_MESSAGE: Final = "sandbox fault: its answer is malformed"
OMITTED_MESSAGE: Final = "omitted from the batch result: the event will not reach the destination"

_THROWN: Final = int(abi.Kind.THROWN)
OWN_SCRIPT: Final = "headgate.js:"
"""File name of the prelude and the libraries in stack traces, with the colon before the line number."""

FRAME: Final = "    at "
"""Prefix of a frame's line in a stack trace."""

_LOG_RECORD: Final = struct.Struct("<BI")


def of_trap(trap: tuple[Trap, str], usage: Usage, limits: Limits) -> Outcome:
    """The outcome of a call that trapped; its sandbox cannot be used any more."""
    kind, message = trap
    if kind is Trap.OUT_OF_FUEL:
        return of_cause(Cause.TIMEOUT, usage, message=f"CPU limit exceeded: fuel = {limits.fuel}")
    if kind is Trap.STACK_OVERFLOW:
        return of_cause(
            Cause.BAD_REQUEST, usage, message="Maximum call stack size exceeded", error_name="RangeError"
        )
    reason = message.strip().rpartition("\n")[2].strip()
    return of_cause(Cause.INTERNAL, usage, message=f"sandbox fault: {reason}")


def of_timeout(usage: Usage, limits: Limits) -> Outcome:
    return of_cause(Cause.TIMEOUT, usage, message=f"time limit exceeded: time_ms = {limits.time_ms}")


def of_stuck(usage: Usage) -> Outcome:
    return of_cause(Cause.TIMEOUT, usage, message=STUCK_MESSAGE)


def of_memory(usage: Usage, limits: Limits) -> Outcome:
    return of_cause(Cause.INTERNAL, usage, message=f"out of memory: memory_bytes = {limits.memory_bytes}")


def of_output(kind: int, output: bytes, usage: Usage, limits: Limits) -> Outcome:
    """The outcome of an event or a whole batch, from its output and its abi.Kind (any but ITEMS)."""
    if kind == _THROWN:
        return _thrown(output, usage)
    if kind == abi.Kind.FORWARD:
        return Forward(Cause.FORWARD, *usage, output)
    if kind == abi.Kind.OUT_OF_MEMORY:
        return of_memory(usage, limits)
    if kind == abi.Kind.TOO_LARGE:
        return of_cause(
            Cause.BAD_REQUEST,
            usage,
            message=f"the output is larger than output_bytes = {limits.output_bytes}",
        )
    text = output.decode(errors="replace")
    if kind == abi.Kind.MISSING:
        return of_cause(
            Cause.UNSUPPORTED, usage, message=f"{text} not supported", error_name="EventNotSupported"
        )
    if kind == abi.Kind.UNKNOWN_TYPE:
        return of_cause(Cause.UNKNOWN_TYPE, usage, message=f"unknown event type {text or 'undefined'}")
    if kind == abi.Kind.BAD_RETURN:
        return of_cause(Cause.BAD_REQUEST, usage, message=text)
    if kind == abi.Kind.EMPTY:
        return of_cause(Cause.EMPTY, usage, message=EMPTY_MESSAGE)
    return of_cause(Cause.INTERNAL, usage, message=MALFORMED_MESSAGE)  # the guest may lie


def error_detail(text: bytes) -> tuple[str | None, str | None, str | None, str | None]:
    """(class, name, message, stack) of a thrown error. Never raises, whatever the guest wrote."""
    try:
        parts = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            parts = json.loads(text)  # takes lone surrogates, which a JavaScript string may hold
        except (ValueError, RecursionError):
            parts = None
        if isinstance(parts, list):
            parts = [_without_surrogates(part) for part in parts]
    if not isinstance(parts, list) or len(parts) != 4:
        return None, None, MALFORMED_MESSAGE, None
    error_class, name, message, stack = [part if isinstance(part, str) else None for part in parts]
    if stack and OWN_SCRIPT in stack:
        stack = _frames_of_user(stack)
    return error_class, name, message, stack


def _frames_of_user(stack: str) -> str:
    """
    *stack* without the frames of our own scripts and of the native functions that they called. The lines
    above the first frame are the error's name and message, which are arbitrary text and stay.
    """
    kept: list[str] = []
    native: list[str] = []
    for frame in stack.splitlines(keepends=True):
        if not frame.startswith(FRAME):
            kept.append(frame)
        elif frame.rstrip().endswith("(native)"):
            native.append(frame)
        elif OWN_SCRIPT in frame:
            native.clear()
        else:
            kept += [*native, frame]
            native.clear()
    return "".join([*kept, *native])


def _without_surrogates(part: Any) -> Any:
    if not isinstance(part, str):
        return part
    return part.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _thrown(detail: bytes, usage: Usage) -> Outcome:
    error_class, name, message, stack = error_detail(detail)
    cause = ERROR_CLASSES.get(error_class, Cause.BAD_REQUEST)
    return of_cause(cause, usage, error_name=name, message=message, stack=stack or None)


def of_items(output: bytes, events: list[bytes], usage: Usage, limits: Limits) -> list[Outcome]:
    """The outcomes of a batch, one per event, in the order of the events."""
    outcomes = []
    left = len(output)
    try:
        (count,) = abi.ITEM_COUNT.unpack_from(output)
        for index, event in zip(range(count), events, strict=True):
            kind, offset, length = abi.ITEM.unpack_from(output, abi.ITEM_COUNT.size + index * abi.ITEM.size)
            body = output[offset : offset + length]
            left -= len(body)
            if left < 0:
                break  # bodies overlap: a little text could be told a thousand times
            outcomes.append(_item(abi.Item(kind), body, event, usage, limits))
    except (ValueError, struct.error):  # the guest may lie
        left = -1
    if left < 0:
        return [of_cause(Cause.INTERNAL, usage, message=MALFORMED_MESSAGE)] * len(events)
    return outcomes


def _item(kind: abi.Item, body: bytes, event: bytes, usage: Usage, limits: Limits) -> Outcome:
    if kind is abi.Item.FORWARD:
        return Forward(Cause.FORWARD, *usage, body)
    if kind is abi.Item.UNCHANGED:
        return Forward(Cause.FORWARD, *usage, event)
    if kind is abi.Item.THROWN:
        return _thrown(body, usage)
    if kind is abi.Item.TOO_LARGE:
        return of_cause(
            Cause.BAD_REQUEST,
            usage,
            message=f"the output is larger than output_bytes = {limits.output_bytes}",
        )
    message = body.decode(errors="replace")
    if kind is abi.Item.FILTERED:
        return of_cause(Cause.EMPTY, usage, message=message or OMITTED_MESSAGE)
    cause = Cause.RETRY if kind is abi.Item.RETRY else Cause.BAD_REQUEST
    return of_cause(cause, usage, message=message)


def log_lines(content: bytes) -> tuple[LogLine, ...]:
    """The console lines of one invocation (guest/ABI.md, "Log"), up to the first malformed one."""
    lines = []
    for level, at, size in _log_records(content):
        lines.append(LogLine(abi.LEVELS[level], content[at : at + size].decode(errors="replace")))
    return tuple(lines)


def log_times(content: bytes, turns: Sequence[tuple[int, float]]) -> tuple[float, ...]:
    """
    For each of `log_lines(content)`, the time at which the turn began that wrote it, in ms since the epoch.

    turns    for each turn, the size of the log when it began, and that time
    """
    sizes = [size for size, _ in turns]
    return tuple(
        turns[bisect.bisect(sizes, at - _LOG_RECORD.size) - 1][1] for _, at, _ in _log_records(content)
    )


def _log_records(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yields level, start and size of each record's text."""
    at = 0
    while at + _LOG_RECORD.size <= len(content):
        level, size = _LOG_RECORD.unpack_from(content, at)
        at += _LOG_RECORD.size
        if level >= len(abi.LEVELS):
            break
        yield level, at, size
        at += size
