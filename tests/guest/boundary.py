"""
One function in one sandbox, text in and bytes out: what the tests of the JSON boundary stand on.

The engine's own JSON stays within reach of user code, since the fast paths take plain calls only: `JSON.parse` with a
second argument and `JSON.stringify` with a third go to QuickJS. That is the oracle, as `engineParse` and
`engineStringify` in ORACLE.
"""

from __future__ import annotations

import functools
import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from headgate_runtime import abi
from headgate_runtime.compiler import compile as compile_function
from headgate_runtime.image import Image
from headgate_runtime.limits import Limits
from headgate_runtime.sandbox import Sandbox

if TYPE_CHECKING:
    from headgate_runtime._wasmtime import Trap

ORACLE = """
const engineParse = (text) => JSON.parse(text, undefined)
const engineStringify = (value) => JSON.stringify(value, null, '')
"""

LIMITS = Limits(fuel=2_000_000_000, memory_bytes=256 << 20, input_bytes=64 << 20, output_bytes=64 << 20)

START_MS = 1_700_000_000_000.0

STEPS_MAX = 1_000
"""Entries of one invocation."""


class Trapped(Exception):
    """The guest faulted, which no input may bring about."""


class Reply(NamedTuple):
    """*kind* is None for input that was refused; *output* then says why."""

    kind: abi.Kind | None
    output: bytes

    @property
    def value(self) -> Any:
        """The forwarded event."""
        assert self.kind is abi.Kind.FORWARD, self
        return json.loads(self.output)  # of the standard library, which takes lone surrogates

    @property
    def error(self) -> tuple[str, str]:
        """Name and message of what was thrown."""
        assert self.kind is abi.Kind.THROWN, self
        _, name, message, _ = json.loads(self.output)
        return name, message


@functools.cache
def _image(source: str) -> Image:
    image = compile_function(source)
    assert isinstance(image, Image), image
    return image


class Boundary:
    """`boundary(text)` sends one event to a warm sandbox; `fresh` begins with another sandbox."""

    def __init__(self, source: str, limits: Limits = LIMITS) -> None:
        self.image = _image(source)
        self.limits = limits
        self.fuel = 0
        """What the last invocation used."""
        self._now_ms = START_MS
        self._sandbox: Sandbox | None = None

    def fresh(self) -> Boundary:
        self.close()
        return self

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def __call__(self, content: bytes | str, flags: int = 0) -> Reply:
        text = content.encode() if isinstance(content, str) else content
        sandbox = self._sandbox
        if sandbox is None:
            sandbox = Sandbox(self.image.compiled, self.limits, self.image.mailbox)
            self._sandbox = sandbox
        sandbox.set_fuel(self.limits.fuel)
        status = self._enter(sandbox, "invoke", text, flags)
        for _ in range(STEPS_MAX):
            if status is not abi.Status.PENDING:
                break
            self._now_ms = max(self._now_ms, sandbox.result().due_ms)
            status = self._enter(sandbox, "resume", b"", flags)
        assert status in (abi.Status.DONE, abi.Status.BAD_INPUT), status
        self.fuel = self.limits.fuel - sandbox.get_fuel()
        result = sandbox.result()
        output = sandbox.read(result.output_ptr, result.output_len)
        if result.leftover:
            sandbox.call("drain")
        return Reply(abi.Kind(result.outcome) if status is abi.Status.DONE else None, output)

    def batch(self, texts: list[str]) -> list[tuple[abi.Item, bytes]]:
        """Sends *texts* as one batch."""
        reply = self("[" + ",".join(texts) + "]", abi.Flag.BATCH)
        assert reply.kind is abi.Kind.ITEMS, reply
        (count,) = struct.unpack_from("<I", reply.output)
        assert count == len(texts)
        items = [abi.ITEM.unpack_from(reply.output, 4 + n * abi.ITEM.size) for n in range(count)]
        return [(abi.Item(kind), reply.output[at : at + size]) for kind, at, size in items]

    def _enter(self, sandbox: Sandbox, name: str, content: bytes, flags: int) -> abi.Status:
        assert sandbox.write_input(content, self._now_ms, self._now_ms - START_MS, bytes(range(32)), flags)
        call = sandbox.start(name)
        while not sandbox.step(call):
            pass
        if call.trap is not None:
            trap: tuple[Trap, str] = call.trap
            self.close()
            raise Trapped(f"{trap[0].value} for {content[:200]!r} ({len(content)} bytes)")
        return abi.Status(call.result)
