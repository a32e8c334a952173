"""
Makes the base image: boots the engine, evaluates the prelude, keeps the memory. A step of the guest's build.

    python -m headgate_runtime.bake DIRECTORY       (which holds engine.wasm, boot.wasm, prelude.js)
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

from headgate_runtime import abi, guest, wasm
from headgate_runtime._wasmtime import Linker, Store
from headgate_runtime.limits import SPARE_PAGES


class BakeError(Exception):
    """The prelude did not load."""


def bake(directory: Path) -> bytes:
    """The base image as a module. Raises BakeError with the prelude's own error."""
    engine = guest.engine()
    store = Store(engine, memory_bytes=1 << 30)
    store.set_fuel(1 << 40)
    refuse = {"settings": (2, _refuse), "fetch": (5, _refuse), "cache": (3, _refuse)}
    linker = Linker(engine, abi.IMPORT_MODULE, refuse)
    code = engine.compile((directory / "engine.wasm").read_bytes())
    instance = linker.instantiate(store, code, engine.compile((directory / "boot.wasm").read_bytes()))
    prelude = (directory / "prelude.js").read_bytes()

    def call(name: str, *arguments: int) -> int:
        function = instance.function(name, len(arguments))
        result = function.run(*arguments)
        if result is None:
            raise BakeError(f"{name} trapped: {function.trap}")
        return result

    def memory() -> memoryview:
        size = instance.memory_bytes()
        return memoryview((ctypes.c_char * size).from_address(instance.memory_address())).cast("B")

    if call("abi") != abi.VERSION:
        raise BakeError(f"the engine speaks ABI {call('abi')}, the runtime {abi.VERSION}")
    mailbox = call("mailbox")
    address = call("reserve", len(prelude))
    view = memory()
    abi.ENTRY.pack_into(view, mailbox, 0.0, 0.0, bytes(32), 0, 0, address, len(prelude))
    view[address : address + len(prelude)] = prelude
    if call("boot"):
        result = abi.RESULT.unpack_from(memory(), mailbox + abi.RESULT_AT)
        report = bytes(memory()[result[1] : result[1] + result[2]]).decode(errors="replace")
        raise BakeError(f"the prelude failed to load: {report}")
    call("seal")
    content = bytes(memory())
    store.close()
    return wasm.memory_module(wasm.segments_of(content), len(content) // wasm.PAGE_BYTES + SPARE_PAGES)


def _refuse(*_arguments: int) -> int:
    return -1


def main() -> int:
    directory = Path(sys.argv[1])
    try:
        (directory / "base.wasm").write_bytes(bake(directory))
    except BakeError as error:
        print(f"bake: {error}", file=sys.stderr)  # noqa: T201 - a build step talks to its terminal
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
