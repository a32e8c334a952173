"""
Makes the base image: the engine's memory once it is booted and has evaluated the prelude. A step of the guest's build.

    python -m headgate_runtime.bake DIRECTORY       (engine.wasm, boot.wasm, prelude.js, training/*, and scripts
                                                     libraries/*.js, parts/*.js with the index.json of each)

Scripts are compiled to bytecode in an engine of their own, so that no image holds what parsing left behind. Then the
image is made twice: after the first time, training functions show which blocks of the heap are written to by events and
while a function is loaded, and the second time those lie side by side (guest/engine/heap.c). What an event touches, and
what an image has over the base image, is then a few pages instead of dozens.
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
from headgate_runtime.rewind import PageMap, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from headgate_runtime._wasmtime import HostFunction

ROOM_PAGES: Final = 256
"""Wasm pages behind the engine's own memory while baking: input is put at their end, out of the heap's way."""

PARSING_BYTES: Final = 24
"""Heap that a byte of source may take while a script is compiled, the bytecode included."""

LIMITS: Final = (6 << 20, 1 << 16, 1000, 100, 1000, 0)


LEARN_FUEL: Final = 100
"""Between two looks at what a training function has written to."""

CHUNK_BYTES: Final = 4096
"""Compared at once."""


class BakeError(Exception):
    """The prelude, a library or a training function did not load."""


LARGE_BYTES: Final = 8192
"""Of larger blocks, which are tables that fill up, the end is written to: they lie in front of all others."""


class Plan(NamedTuple):
    """
    Where the blocks of the base image are to lie that are written to: offsets from the first, by serial number; and the
    room they need. What is written to by most events lies together, and so on few pages.
    """

    places: Mapping[int, int]
    room_bytes: int

    @classmethod
    def of(cls, times: Mapping[int, int], blocks: Iterable[tuple[int, int, int]]) -> Plan:
        """*times*: how many events of training write to a block, by serial number."""
        sizes = {serial: size for _, size, serial in blocks if serial in times}
        places, at = {}, 0
        for serial in sorted(
            sizes, key=lambda serial: (sizes[serial] <= LARGE_BYTES, -times[serial], serial)
        ):
            places[serial] = at
            at += sizes[serial]
        return cls(places, at)

    def encode(self) -> bytes:
        """A number for each serial number: offset and 1, or 0."""
        numbers = [0] * (max(self.places, default=0) + 1)
        for serial, place in self.places.items():
            numbers[serial] = place | 1
        return struct.pack(f"<{len(numbers)}I", *numbers)


class Oven:
    """An engine on a memory of its own, driven by hand."""

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
        """Calls *name* with *content* as its input, which lies at the end of memory and is wiped again."""
        view = self.memory()
        address = len(view) - len(content) - 4096 & ~15
        abi.ENTRY.pack_into(view, self.mailbox, 1.7e12, 0.0, bytes(32), flags, 0, address, len(content))
        view[address : address + len(content)] = content
        status = self.call(name)
        view = self.memory()
        view[address : address + len(content)] = bytes(len(content))
        return status

    def slices(self, name: str, content: bytes) -> Iterator[None]:
        """As `give`, pausing after every LEARN_FUEL; the input stays."""
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
        """The memory as an image holds it."""
        end = self.call("seal")
        return bytes(self.memory()[:end])

    def close(self) -> None:
        self._store.close()


def compile_script(directory: Path, code: Module, text: bytes) -> bytes:
    """Bytecode of *text*, for this engine only."""
    room_pages = ROOM_PAGES + PARSING_BYTES * len(text) // wasm.PAGE_BYTES
    oven = Oven(directory, code, (directory / "boot.wasm").read_bytes(), room_pages)
    oven.call("boot")
    oven.expect("script", text)
    bytecode = oven.output()
    oven.close()
    return bytecode


def compile_libraries(directory: Path, code: Module) -> None:
    """
    Writes the bytecode of every script in *directory*/libraries and */parts beside it; as many at once as there are
    processors.
    """

    def compile_library(script: Path) -> None:
        script.with_suffix(".bytecode").write_bytes(compile_script(directory, code, script.read_bytes()))

    scripts = (*directory.glob("libraries/*.js"), *directory.glob("parts/*.js"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # The largest first, so that none is left for the end.
        list(pool.map(compile_library, sorted(scripts, key=lambda script: -script.stat().st_size)))


def bake(directory: Path, code: Module, prelude: bytes, mode: int, plan: Plan | None) -> tuple[bytes, int]:
    """The base memory, and where its first heap block lies."""
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
    """The image: *memory* and spare pages behind it."""
    return wasm.memory_module(wasm.segments_of(memory), -(-len(memory) // wasm.PAGE_BYTES) + SPARE_PAGES)


def learn(directory: Path, code: Module, memory: bytes, heap: int) -> Plan:
    """
    Loads and runs the training functions on *memory*, baked in a trial run, and sees which of its blocks they write to.

    Most writes of events are to reference counts, which go up and soon down again: only a look in between sees them. So
    they run in slices of LEARN_FUEL.
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
        )  # with every event, a sandbox has these on its pages
        # In an engine anew: only the pages that events write to need looking at.
        oven = Oven(directory, code, module_of(loaded))
        abi.LIMITS.pack_into(oven.memory(), oven.mailbox + abi.LIMITS_AT, *LIMITS)
        look = _Look(loaded[: len(memory)], blocks, heap)
        # The kernel knows the pages that were ever written to; without its help all are compared.
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
    """The image of *source*."""
    oven = Oven(directory, code, module_of(memory))
    oven.expect("load", source)
    image = oven.seal()
    oven.close()
    return image


class _Look:
    """Sees what a training function has written to *memory* since the last look."""

    def __init__(self, memory: bytes, blocks: list[tuple[int, int, int]], heap: int) -> None:
        self._known = bytearray(memory)
        self._blocks = blocks
        self._heap = heap

    def at(self, view: memoryview, places: Iterable[tuple[int, int]], serials: set[int]) -> None:
        """Adds the blocks that differ in *view*, in *places* of it, to *serials*."""
        known = self._known
        for low, high in places:
            for start in range(max(low, self._heap), min(high, len(known)), CHUNK_BYTES):
                end = min(start + CHUNK_BYTES, len(known))
                content = bytes(
                    view[start:end]
                )  # views are compared byte by byte, which takes many times as long
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
        if not block_class | serial:  # the first of all blocks is larger: this is the rest of the last page
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
