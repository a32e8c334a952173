"""
A fresh global scope for each script: a sandbox on an image that holds a harness, thrown back to it byte for byte after
each. Scripts are global code here, as test suites want it; a user's function is the body of a function (SPEC 2.7).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal, NamedTuple

import orjson

from headgate_runtime import abi, guest, wasm
from headgate_runtime._wasmtime import EngineError
from headgate_runtime.image import Image, make
from headgate_runtime.limits import SPARE_PAGES, Limits
from headgate_runtime.overlay import Memory
from headgate_runtime.rewind import Rewinder
from headgate_runtime.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMITS = Limits(memory_bytes=256 << 20)

FUEL = 60_000_000_000
"""Of one script: some go through all of Unicode."""

NOW_MS = 1_700_000_000_000.0


class Failure(NamedTuple):
    """*name* of an error, "" for a value that is none; *phase* "trap" when the sandbox itself gave up."""

    phase: Literal["parse", "runtime", "trap"]
    name: str
    message: str


class Realm:
    """`run(script)` in the scope that the scripts *harness* have made; none of them sees the one before it."""

    def __init__(self, harness: Sequence[str]) -> None:
        self._image = _image(harness)
        self._sandbox: Sandbox | None = None
        self._rewinder: Rewinder | None = None

    def run(self, script: str, finish: str | None = None) -> Failure | None:
        """
        What escaped from *script*. The jobs it queued are run, and then, when all was well, the script *finish*, whose
        failure is the answer.
        """
        sandbox = self._fresh()
        try:
            failure = _evaluate(sandbox, script)
            if failure is None:
                sandbox.call("drain")
                failure = _evaluate(sandbox, finish) if finish else None
        except EngineError as error:
            self.close()
            return Failure("trap", "", str(error))
        return failure

    def parse(self, script: str) -> Failure | None:
        """As `run`, without running it."""
        return _parse(self._fresh(), script)

    def close(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = self._rewinder = None

    def _fresh(self) -> Sandbox:
        if self._sandbox is not None and self._rewinder is not None and self._rewinder.rewind():
            return self._sandbox
        self.close()
        self._sandbox = Sandbox(self._image.compiled, LIMITS, self._image.mailbox)
        self._rewinder = Rewinder(self._sandbox, self._image.baseline)
        return self._sandbox


def _parse(sandbox: Sandbox, script: str) -> Failure | None:
    sandbox.set_fuel(FUEL)
    _put(sandbox, script.encode(errors="surrogatepass"))
    if not sandbox.call("script"):
        return None
    name, _, message = _output(sandbox).decode(errors="replace").partition("\n")[0].partition(": ")
    return Failure("parse", name, message)


def _evaluate(sandbox: Sandbox, script: str) -> Failure | None:
    failure = _parse(sandbox, script)
    if failure is not None:
        return failure
    _put(sandbox, _output(sandbox))
    if sandbox.call("library"):
        _, error, message, _ = orjson.loads(_output(sandbox))
        return Failure("runtime", error or "", message or "")
    return None


def _put(sandbox: Sandbox, content: bytes) -> None:
    assert sandbox.write_input(content, NOW_MS, 0.0, bytes(32), 0)


def _output(sandbox: Sandbox) -> bytes:
    result = sandbox.result()
    return sandbox.read(result.output_ptr, result.output_len)


def _image(harness: Sequence[str]) -> Image:
    sandbox = Sandbox(Memory(guest.engine().compile(guest.read("base.wasm"))), LIMITS)
    try:
        for script in harness:
            failure = _evaluate(sandbox, script)
            assert failure is None, failure
        memory = sandbox.read(0, sandbox.call("seal"))
        metadata = {
            "abi": abi.VERSION,
            "engine": guest.digest(),
            "handlers": [],
            "deferred": False,
            "source": hashlib.sha256("\0".join(harness).encode()).hexdigest(),
            "mailbox": sandbox.mailbox,
        }
        return Image(make(memory, -(-len(memory) // wasm.PAGE_BYTES) + SPARE_PAGES, metadata))
    finally:
        sandbox.close()
