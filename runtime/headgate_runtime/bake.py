"""
Makes the base image, a step of the guest's build: boots the engine, evaluates the prelude and saves the
memory.

    python -m headgate_runtime.bake DIRECTORY       (engine.wasm, boot.wasm, prelude.js, training/*, and scripts
                                                     libraries/*.js, parts/*.js with the index.json of each)

Each script is compiled to bytecode in an engine of its own, so that images hold no leftovers of parsing. The
image is then made twice. After the first pass, training functions show which heap blocks are written to by
events and by loading a function. The second pass puts these blocks next to each other (guest/engine/heap.c),
so that an event writes to a few pages instead of dozens, and overlays are as small.
"""

from __future__ import annotations

import bisect
import ctypes
import operator
import os
import struct
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from headgate_runtime import abi, guest, libraries, wasm
from headgate_runtime._wasmtime import Instance, Linker, Module, Store
from headgate_runtime.limits import SPARE_PAGES
from headgate_runtime.private_pages import PageMap, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from headgate_runtime._wasmtime import HostFunction

ROOM_PAGES: Final = 256
"""Extra Wasm pages while baking; input is put at their end, where the heap does not reach it."""

PARSING_BYTES: Final = 24
"""Heap bytes that compiling may take per byte of a script, including the bytecode."""

LIMITS: Final = (6 << 20, 1 << 16, 1000, 100, 1000, 0)


LEARN_FUEL: Final = 100
"""Fuel between two comparisons of a training function's memory."""

CHUNK_BYTES: Final = 4096
"""Bytes that are compared at a time."""


class BakeError(Exception):
    """The prelude, a library or a training function did not load."""


LARGE_BYTES: Final = 8192
"""
Larger blocks are tables that are filled from the start, so writes go to their end: they precede all other
blocks.
"""


class Plan(NamedTuple):
    """
    The layout of the base image's blocks that are written to: their offsets by serial number, and their total
    size. Blocks are ordered by the number of events that write to them, so that the most written ones share
    few pages.
    """

    places: Mapping[int, int]
    room_bytes: int

    @classmethod
    def of(cls, times: Mapping[int, int], blocks: Iterable[tuple[int, int, int]]) -> Plan:
        """
        Lay out *blocks* (address, size, serial number). *times* maps serial numbers to the number of training
        events that write to the block.
        """
        sizes = {serial: size for _, size, serial in blocks if serial in times}
        places, at = {}, 0
        for serial in sorted(
            sizes, key=lambda serial: (sizes[serial] <= LARGE_BYTES, -times[serial], serial)
        ):
            places[serial] = at
            at += sizes[serial]
        return cls(places, at)

    def encode(self) -> bytes:
        """One u32 per serial number: offset | 1 for planned blocks, 0 for others."""
        numbers = [0] * (max(self.places, default=0) + 1)
        for serial, place in self.places.items():
            numbers[serial] = place | 1
        return struct.pack(f"<{len(numbers)}I", *numbers)


class Oven:
    """An engine instance with its own memory, for the build."""

    def __init__(self, directory: Path, code: Module, memory: bytes, room_pages: int = ROOM_PAGES) -> None:
        engine = guest.engine()
        imports: dict[str, tuple[int, HostFunction]] = {
            name: (arity, _refuse) for name, arity in abi.IMPORTS.items()
        }
        imports["library"] = (abi.IMPORTS["library"], self._library)
        self._linker = Linker(engine, abi.IMPORT_MODULE, imports)
        pages = wasm.memory_pages(memory) + room_pages
        roomy = wasm.memory_module(wasm.segments(memory), pages)
        store = Store(engine, memory_bytes=1 << 30)
        self._store = store
        self._instance: Instance = self._linker.instantiate(store, code, engine.compile(roomy))
        store.set_fuel(1 << 40)
        self._directory = directory
        self.mailbox = self.call("mailbox")
        if self.call("abi") != abi.VERSION:
            raise BakeError(f"the engine speaks ABI {self.call('abi')}, the runtime {abi.VERSION}")

    def _library(self, _context: int, name_address: int, name_size: int, address: int, size: int) -> int:
        view = self.memory()
        content = libraries.content(bytes(view[name_address : name_address + name_size]), self._directory)
        if content is None:
            return -1
        if len(content) <= size:
            view[address : address + len(content)] = content
        return len(content)

    def call(self, name: str) -> int:
        function = self._instance.function(name)
        result = function.run()
        if result is None:
            raise BakeError(f"{name} trapped: {function.trap}")
        return result & 0xFFFFFFFF

    @property
    def address(self) -> int:
        return self._instance.memory_address()

    @property
    def size(self) -> int:
        return self._instance.memory_bytes()

    def memory(self) -> memoryview:
        size = self._instance.memory_bytes()
        return memoryview((ctypes.c_char * size).from_address(self._instance.memory_address())).cast("B")

    def give(self, name: str, content: bytes, flags: int = 0) -> int:
        """Call *name* with *content* as input, which is put at the end of memory and erased afterwards."""
        view = self.memory()
        address = len(view) - len(content) - 4096 & ~15
        abi.ENTRY.pack_into(view, self.mailbox, 1.7e12, 0.0, bytes(32), flags, 0, address, len(content))
        view[address : address + len(content)] = content
        status = self.call(name)
        view = self.memory()
        view[address : address + len(content)] = bytes(len(content))
        return status

    def slices(self, name: str, content: bytes) -> Iterator[None]:
        """Like `give`, yielding after every LEARN_FUEL; the input is not erased."""
        view = self.memory()
        address = len(view) - len(content) - 4096 & ~15
        abi.ENTRY.pack_into(view, self.mailbox, 1.7e12, 0.0, bytes(32), 0, 0, address, len(content))
        view[address : address + len(content)] = content
        self._store.yield_every(LEARN_FUEL)
        self._store.set_fuel(1 << 40)
        function = self._instance.function(name)
        function.start()
        while not function.step():
            yield
        yield
        if function.trap:
            raise BakeError(f"{name} trapped: {function.trap}")

    def output(self) -> bytes:
        view = self.memory()
        result = abi.RESULT.unpack_from(view, self.mailbox + abi.RESULT_AT)
        return bytes(view[result[1] : result[1] + result[2]])

    def expect(self, name: str, content: bytes) -> None:
        if self.give(name, content):
            raise BakeError(f"{name}: {self.output().decode(errors='replace')}")

    def set_plan(self, mode: int, plan: Plan | None = None) -> None:
        view = self.memory()
        address, places, room = 0, b"", 0
        if plan:
            places, room = plan.encode(), plan.room_bytes
            address = len(view) - (2 << 20)
            view[address : address + len(places)] = places
        abi.PLAN.pack_into(view, self.mailbox + abi.PLAN_AT, mode, address, len(places) // 4, room, 0)

    def seal(self) -> bytes:
        """Seal the memory and return its content for an image."""
        end = self.call("seal")
        return bytes(self.memory()[:end])

    def close(self) -> None:
        self._store.close()


def compile_script(directory: Path, code: Module, text: bytes) -> bytes:
    """Compile the script *text* to bytecode, which is valid for this engine only."""
    room_pages = ROOM_PAGES + PARSING_BYTES * len(text) // wasm.PAGE_BYTES
    oven = Oven(directory, code, (directory / "boot.wasm").read_bytes(), room_pages)
    oven.call("boot")
    oven.expect("script", text)
    bytecode = oven.output()
    oven.close()
    return bytecode


def compile_libraries(directory: Path, code: Module) -> None:
    """
    Compile every script in *directory*/libraries and *directory*/parts to a .bytecode file beside it, in
    parallel on all processors.
    """

    def compile_library(script: Path) -> None:
        script.with_suffix(".bytecode").write_bytes(compile_script(directory, code, script.read_bytes()))

    scripts = (*directory.glob("libraries/*.js"), *directory.glob("parts/*.js"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # The largest first, so that the last one to finish is short.
        list(pool.map(compile_library, sorted(scripts, key=lambda script: -script.stat().st_size)))


def bake(directory: Path, code: Module, prelude: bytes, mode: int, plan: Plan | None) -> tuple[bytes, int]:
    """Make the base memory. Returns it and the address of its first heap block."""
    oven = Oven(directory, code, (directory / "boot.wasm").read_bytes())
    oven.set_plan(mode, plan)
    if oven.call("boot"):
        raise BakeError("the engine failed to boot")
    heap = abi.PLAN.unpack_from(oven.memory(), oven.mailbox + abi.PLAN_AT)[4]
    oven.expect("prelude", prelude)
    abi.PLAN.pack_into(oven.memory(), oven.mailbox + abi.PLAN_AT, *(0,) * 5)
    memory = oven.seal()
    oven.close()
    return memory, heap


def module_of(memory: bytes) -> bytes:
    """The image module of *memory* with spare pages at its end."""
    return wasm.memory_module(wasm.segments_of(memory), -(-len(memory) // wasm.PAGE_BYTES) + SPARE_PAGES)


def learn(directory: Path, code: Module, memory: bytes, heap: int) -> Plan:
    """
    Load and run the training functions on *memory*, the result of the first pass, and plan its blocks by the
    observed writes.

    Most writes of events change a reference count and soon restore it, so only frequent comparisons see them:
    the functions run in slices of LEARN_FUEL.
    """
    blocks = list(_blocks(memory, heap))
    times: Counter[int] = Counter()
    events = (directory / "training" / "events.jsonl").read_bytes().splitlines()
    for source in sorted((directory / "training").glob("*.js")):
        loaded = _loaded(directory, code, memory, source.read_bytes())
        written: set[int] = set()
        _Look(memory, blocks, heap).at(memoryview(loaded), [(0, len(memory))], written)
        times.update(
            dict.fromkeys(written, len(events))
        )  # loading writes to these in every sandbox, whatever the event
        # In a fresh instance, so that the page map shows only the pages that events write to.
        oven = Oven(directory, code, module_of(loaded))
        abi.LIMITS.pack_into(oven.memory(), oven.mailbox + abi.LIMITS_AT, *LIMITS)
        look = _Look(loaded[: len(memory)], blocks, heap)
        # The kernel reports the pages that were ever written to; without that, all pages are compared.
        scan = PageMap(oven) if PageMap.available() else None
        for event in events:
            written = set()
            for _ in oven.slices("invoke", event):
                places = runs(scan()) if scan else [(0, len(memory))]
                look.at(oven.memory(), places, written)
            times.update(written)
        oven.close()
    return Plan.of(times, blocks)


def _loaded(directory: Path, code: Module, memory: bytes, source: bytes) -> bytes:
    """The memory of an image of *source*."""
    oven = Oven(directory, code, module_of(memory))
    oven.expect("load", source)
    image = oven.seal()
    oven.close()
    return image


class _Look:
    """Finds the blocks of *memory* that a training function has written to since the last comparison."""

    def __init__(self, memory: bytes, blocks: list[tuple[int, int, int]], heap: int) -> None:
        self._known = bytearray(memory)
        self._blocks = blocks
        self._heap = heap

    def at(self, view: memoryview, places: Iterable[tuple[int, int]], serials: set[int]) -> None:
        """Compare *places* (start, end) of *view*; add the serial numbers of changed blocks to *serials*."""
        known = self._known
        for low, high in places:
            for start in range(max(low, self._heap), min(high, len(known)), CHUNK_BYTES):
                end = min(start + CHUNK_BYTES, len(known))
                content = bytes(view[start:end])  # memoryviews are compared byte by byte, many times slower
                if content != known[start:end]:
                    self._add(start, content, serials)
                    known[start:end] = content

    def _add(self, start: int, content: bytes, serials: set[int]) -> None:
        for at in range(0, len(content), 8):
            if content[at : at + 8] != self._known[start + at : start + at + 8]:
                index = bisect.bisect_right(self._blocks, start + at, key=operator.itemgetter(0)) - 1
                address, size, serial = self._blocks[index]
                if index >= 0 and start + at < address + size:
                    serials.add(serial)


def _blocks(memory: bytes, heap: int) -> Iterator[tuple[int, int, int]]:
    """Address, size and serial number of every block, in ascending order."""
    at = heap
    while at + 8 <= len(memory):
        block_class, serial = struct.unpack_from("<II", memory, at)
        if not block_class | serial:  # zeros: the unused rest of the last page
            return
        size = 8 + _class_size(block_class)
        yield at, size, serial
        at += size


def _class_size(number: int) -> int:
    """heap_class_size of guest/engine/heap.c."""
    if number < 64:
        return (number + 1) * 16
    power, quarter = divmod(number - 64, 4)
    power += 10
    return (1 << power) + (quarter + 1 << power - 2)


def _refuse(*_arguments: int) -> int:
    return -1


def main() -> int:
    directory = Path(sys.argv[1])
    code = guest.engine().compile((directory / "engine.wasm").read_bytes())
    try:
        compile_libraries(directory, code)
        prelude = compile_script(directory, code, (directory / "prelude.js").read_bytes())
        trial, heap = bake(directory, code, prelude, 1, None)
        plan = learn(directory, code, trial, heap)
        base, _ = bake(directory, code, prelude, 3, plan)
        (directory / "base.wasm").write_bytes(module_of(base))
    except BakeError as error:
        print(f"bake: {error}", file=sys.stderr)
        return 1
    print(f"{len(plan.places)} hot blocks of {plan.room_bytes} bytes, {len(base)} bytes of memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
