"""
Compiles source text to an image, in a sandbox under the function's own limits.

`compile` runs to completion. `steps` is the same as a generator that yields after every slice, for use in an
event loop.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from headgate_runtime import abi, conclude, guest, libraries, overlay, typescript, wasm
from headgate_runtime.compile_error import (
    FILENAME,
    CompileError,
    encoded,
    over_memory,
    run_within,
)
from headgate_runtime.image import Image, make
from headgate_runtime.limits import SPARE_PAGES, Limits
from headgate_runtime.overlay import Memory
from headgate_runtime.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Generator

    from headgate_runtime.overlay import Overlay

Language = Literal["javascript", "typescript"]

_POSITION: Final = re.compile(rf"{re.escape(FILENAME)}:(\d+)(?::(\d+))?")

_LINE_END: Final = re.compile(r"\r\n|\n|\r")


def compile(  # noqa: A001 - the field's word
    source: str | bytes, limits: Limits | None = None, *, language: Language = "javascript"
) -> Image | CompileError:
    """
    Compile *source*. Returns its image, or a CompileError. Equal sources give equal images, byte for byte.

    The types of TypeScript are removed without being checked; the rest is JavaScript (SPEC 2.7).

    The top level runs once, during compilation (SPEC 2.7). If it uses the clock, entropy or the host, the
    results must not be frozen into the image; the image then holds the function loaded but not run, and each
    sandbox runs the top level.
    """
    generator = steps(source, limits or Limits(), language)
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            outcome: Image | CompileError = stop.value
            return outcome


def steps(
    source: str | bytes, limits: Limits, language: Language = "javascript"
) -> Generator[None, None, Image | CompileError]:
    """Like `compile`, yielding after every slice."""
    written = encoded(source, limits)
    if isinstance(written, CompileError):
        return written
    if language == "javascript":
        return (yield from _compile(written, written, limits))
    stripped = yield from typescript.steps(written, limits)
    if isinstance(stripped, CompileError):
        return stripped
    image = yield from _compile(stripped, written, limits)
    return _of_typescript(image, written) if isinstance(image, CompileError) else image


def _compile(text: bytes, written: bytes, limits: Limits) -> Generator[None, None, Image | CompileError]:
    """Compile the JavaScript *text*, made from *written*, the user's source."""
    loaded = yield from _load(text, limits, abi.Flag(0))
    if isinstance(loaded, CompileError):
        return loaded
    handlers, touched = loaded.handlers, loaded.touched
    if touched:
        loaded = yield from _load(text, limits, abi.Flag.DEFER)
        if isinstance(loaded, CompileError):
            return loaded
    if loaded.memory is None:
        # Load again by the plan of the first pass, which puts the surviving heap blocks next to each other.
        # Otherwise they are scattered among blocks that parsing allocated and freed.
        flags = abi.Flag.DEFER if touched else abi.Flag(0)
        loaded = yield from _load(text, limits, flags, loaded.plan)
        if isinstance(loaded, CompileError):
            return loaded
    metadata = {
        "abi": abi.VERSION,
        "engine": guest.digest(),
        "handlers": [name for bit, name in enumerate(abi.HANDLERS) if handlers >> bit & 1],
        "deferred": bool(touched),
        "source": hashlib.sha256(written).hexdigest(),
        "mailbox": _mailbox(),
    }
    memory = loaded.memory
    assert memory is not None
    if isinstance(memory, bytes):
        return Image(make(memory, loaded.pages, metadata))
    return Image.of_overlay(memory, loaded.pages, metadata)


class _Plan(NamedTuple):
    """A bit map of the heap blocks that survive loading, and the bytes they need (guest/engine/heap.c)."""

    bits: bytes
    room_bytes: int


class _Loaded(NamedTuple):
    """
    A loaded function. *memory* is an overlay over the base image, or the whole memory if the overlay would be
    too large; None on the first pass of two, which only makes the plan.
    """

    memory: Overlay | bytes | None
    pages: int
    handlers: int
    touched: abi.Touched
    plan: _Plan


_PLAN_AT: Final = 4096
"""Address of a plan: the bottom of the guest's stack, below any JavaScript call (limits.STACK_BYTES)."""

_PLAN_BYTES: Final = 8 << 10
"""Size of a plan, one bit per block in order of allocation. Later blocks are not planned."""


def _load(
    text: bytes, limits: Limits, flags: abi.Flag, plan: _Plan | None = None
) -> Generator[None, None, _Loaded | CompileError]:
    if limits.memory_bytes < overlay.base_pages() * wasm.PAGE_BYTES:
        return over_memory(limits)
    sandbox = Sandbox(_base(), limits, _mailbox())
    try:
        for library in libraries.named_in(text):
            sandbox.set_fuel(1 << 40)
            if not sandbox.write_input(library, 0.0, 0.0, bytes(32), 0) or sandbox.call("touch"):
                return over_memory(limits)
        if not sandbox.write_input(text, 0.0, 0.0, bytes(32), flags):
            return over_memory(limits)
        _give_plan(sandbox, plan)
        function = yield from run_within(sandbox, "load", limits)
        if isinstance(function, CompileError):
            return function
        status = abi.Load(function.result)
        result = sandbox.result()
        if status in (abi.Load.SYNTAX, abi.Load.THROWN):
            detail = sandbox.read_output(result.output_ptr, result.output_len)
            return _error("syntax" if status is abi.Load.SYNTAX else "throw", detail, text)
        if status is abi.Load.OUT_OF_MEMORY:
            return over_memory(limits)
        if status is not abi.Load.OK:
            return CompileError("syntax", "SyntaxError", "the source cannot be loaded")
        sandbox.set_fuel(1 << 40)
        end = sandbox.call("seal")
        pages = -(-end // wasm.PAGE_BYTES) + SPARE_PAGES
        found = _take_plan(sandbox)
        memory: Overlay | bytes | None = None
        if plan is not None:
            memory = overlay.of_sandbox(sandbox, end, pages)
        if memory is None and (plan is not None or found.room_bytes > overlay.OVERLAY_BYTES):
            # A large heap may still give a small overlay, if most of it is zeros.
            memory = sandbox.read(0, end)
            memory = overlay.of_memory(memory, pages) or memory
        return _Loaded(memory, pages, result.handlers, abi.Touched(result.touched), found)
    finally:
        sandbox.close()


def _give_plan(sandbox: Sandbox, plan: _Plan | None) -> None:
    """Give the guest *plan* to follow; with None, it records a plan."""
    mode, bits, room = (1, bytes(_PLAN_BYTES), 0) if plan is None else (2, *plan)
    memory, at = sandbox.memory, sandbox.mailbox + abi.PLAN_AT
    memory[_PLAN_AT : _PLAN_AT + _PLAN_BYTES] = bits
    abi.PLAN.pack_into(memory, at, mode, _PLAN_AT, _PLAN_BYTES * 8, room, 0)


def _take_plan(sandbox: Sandbox) -> _Plan:
    """Read the plan that `seal` made, and erase it from the memory of *sandbox*."""
    at = sandbox.mailbox + abi.PLAN_AT
    room = abi.PLAN.unpack(sandbox.read(at, abi.PLAN.size))[3]
    plan = _Plan(sandbox.read(_PLAN_AT, _PLAN_BYTES), room)
    sandbox.memory[_PLAN_AT : _PLAN_AT + _PLAN_BYTES] = bytes(_PLAN_BYTES)
    sandbox.memory[at : at + abi.PLAN.size] = bytes(abi.PLAN.size)
    return plan


def _error(kind: Literal["syntax", "throw"], detail: bytes, text: bytes) -> CompileError:
    _, name, message, stack = conclude.error_detail(detail)
    message = message or ""
    place = _POSITION.search((stack or "").removeprefix(f"{name}: {message}"))
    if place is None:
        return CompileError(kind, name, message, stack=stack)
    line, column = int(place[1]), int(place[2] or 1)
    # Split as the engine counts lines; `str.splitlines` would also split at form feeds and the like.
    lines = _LINE_END.split(text.decode(errors="replace").removeprefix("\ufeff"))
    if line > len(lines):
        # The error is at the end of the function in which the engine wraps the source (SPEC 2.7).
        surplus = message == "Unexpected token '}'"
        message = "unexpected token '}'" if surplus else "unexpected end of the source"
        line, column = _last_place(lines, "}" if surplus else "")
        stack = f"{name}: {message}\n    at {FILENAME}:{line}:{column}"
    else:  # the engine counts columns in UTF-8 bytes, users in characters
        column = len(lines[line - 1].encode()[: column - 1].decode(errors="ignore")) + 1
    return CompileError(kind, name, message, line, column, lines[line - 1], stack)


def _of_typescript(error: CompileError, written: bytes) -> CompileError:
    """*error*, found in the JavaScript made from *written*, with the line of *written* as its source line."""
    if error.line is None:
        return error
    line = _LINE_END.split(written.decode().removeprefix("\ufeff"))[error.line - 1]
    return error._replace(source_line=line, column=min(error.column or 1, len(line) + 1))


def _last_place(lines: list[str], mark: str) -> tuple[int, int]:
    """
    Line and column of the last *mark* in *lines*; for an empty mark, the end of the last line that is not
    blank.
    """
    for number in range(len(lines), 0, -1):
        line = lines[number - 1].rstrip()
        if line and mark in line:
            return number, line.rindex(mark) + 1
    return 1, 1


_cached_mailbox: list[int] = []


def _base() -> Memory:
    return Memory(overlay.base_module(overlay.base_pages()))


def _mailbox() -> int:
    if not _cached_mailbox:
        sandbox = Sandbox(_base(), Limits())
        _cached_mailbox.append(sandbox.mailbox)
        sandbox.close()
    return _cached_mailbox[0]
