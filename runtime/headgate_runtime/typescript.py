"""
Strips the types from TypeScript and keeps its line numbers, in a fresh sandbox under the function's limits.

sucrase does the work (guest/libraries/typescript.js). The source is not executed, and each has a sandbox of
its own.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Final

import orjson

from headgate_runtime import abi, conclude, guest, overlay, wasm
from headgate_runtime.compile_error import CompileError, encoded, over_memory, run_within
from headgate_runtime.limits import SPARE_PAGES, Limits
from headgate_runtime.overlay import Memory
from headgate_runtime.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Generator


_PROGRAM: Final = b"onTrack = (event) => typescript(event.source)"

DECLARATIONS: Final = "types/"
"""Folder of the type declarations in the built guest."""

_OUTPUT_BYTES: Final = 64 << 20
"""Enough for the largest source; the function's own output limit does not apply here."""


def strip(source: str | bytes, limits: Limits | None = None) -> str | CompileError:
    """
    The JavaScript that `compile(source, language="typescript")` loads: *source* without its types, line for
    line. Enums and parameter properties become JavaScript. `import type` is removed; other imports and
    exports stay, and are errors when the result is loaded.
    """
    bounds = limits or Limits()
    text = encoded(source, bounds)
    if isinstance(text, CompileError):
        return text
    generator = steps(text, bounds)
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            stripped: bytes | CompileError = stop.value
            return stripped if isinstance(stripped, CompileError) else stripped.decode()


def declarations() -> dict[str, bytes]:
    """
    The type declarations of the function environment, for editors and the TypeScript compiler: contents by
    file name. `headgate.d.ts` refers to the others. Raises GuestMissing.
    """
    files = orjson.loads(guest.read("manifest.json"))["files"]
    return {
        place.removeprefix(DECLARATIONS): guest.read(place)
        for place in files
        if place.startswith(DECLARATIONS)
    }


def steps(text: bytes, limits: Limits) -> Generator[None, None, bytes | CompileError]:
    """Like `strip`, for valid UTF-8 *text*, yielding after every slice."""
    source = text.decode().removeprefix("\ufeff")
    start, mailbox, size = _image()
    if limits.memory_bytes < size:
        return over_memory(limits)
    sandbox = Sandbox(start, dataclasses.replace(limits, output_bytes=_OUTPUT_BYTES), mailbox)
    try:
        event = orjson.dumps({"type": "track", "messageId": "", "source": source})
        if not sandbox.write_input(event, 0.0, 0.0, bytes(32), 0):
            return over_memory(limits)
        function = yield from run_within(sandbox, "invoke", limits)
        if isinstance(function, CompileError):
            return function
        result = sandbox.result()
        return _concluded(
            abi.Kind(result.outcome),
            sandbox.read_output(result.output_ptr, result.output_len),
            source,
            limits,
        )
    finally:
        sandbox.close()


def _concluded(kind: abi.Kind, output: bytes, source: str, limits: Limits) -> bytes | CompileError:
    if kind in (abi.Kind.OUT_OF_MEMORY, abi.Kind.TOO_LARGE):
        return over_memory(limits)
    if kind is not abi.Kind.FORWARD:  # for example, nesting that overflows the stack
        _, name, message, _ = conclude.error_detail(output)
        return CompileError("syntax", name, message or "the source cannot be read as TypeScript")
    answer = orjson.loads(output)
    if "code" in answer:
        code: str = answer["code"]
        return code.encode()
    line, column = answer["line"], answer["column"]
    lines = source.split("\n")
    source_line = lines[line - 1].removesuffix("\r") if 0 < line <= len(lines) else None
    return CompileError("syntax", "SyntaxError", answer["message"], line, column, source_line)


@functools.cache
def _image() -> tuple[Memory, int, int]:
    """The base image with sucrase loaded, the address of its mailbox, and the bytes of memory it needs."""
    sandbox = Sandbox(Memory(overlay.base_module(overlay.base_pages())), Limits())
    try:
        for content, entry in ((guest.read("libraries/typescript.bytecode"), "library"), (_PROGRAM, "load")):
            sandbox.write_input(content, 0.0, 0.0, bytes(32), 0)
            status = sandbox.call(entry)
            assert status == abi.Load.OK, (entry, status)
        end = sandbox.call("seal")
        memory, mailbox = sandbox.read(0, end), sandbox.mailbox
    finally:
        sandbox.close()
    pages = -(-len(memory) // wasm.PAGE_BYTES) + SPARE_PAGES
    module = guest.engine().compile(wasm.memory_module(wasm.segments_of(memory), pages))
    return Memory(module), mailbox, pages * wasm.PAGE_BYTES
