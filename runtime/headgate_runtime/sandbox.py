"""
One sandbox: an instance of the engine on the memory of one image, and the bytes that cross its wall.

A sandbox serves one invocation at a time, so that logs, fuel and time are always attributable. It knows nothing of
asyncio: the executor decides when to step it.
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from headgate_runtime import abi, guest, libraries
from headgate_runtime._wasmtime import EngineError, Linker, Store
from headgate_runtime.limits import SLICE_FUEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from headgate_runtime._wasmtime import Function, HostFunction
    from headgate_runtime.invocation import Invocation
    from headgate_runtime.limits import Limits
    from headgate_runtime.overlay import Memory

REFUSED: Final = -1

_GAP: Final = bytes(abi.INPUT_PADDING)

NAME_BYTES_MAX: Final = 256
"""Of a library's name that the guest asks for."""

REQUEST_BYTES_MAX: Final = 64 << 10
DATA_BYTES_MAX: Final = 1 << 20
"""Of a request of the import `keys`, and of what it is to work on."""

HELD_BYTES_MAX: Final = 64 << 20
"""Of all requests that a sandbox filed and the host still has: it copies them before anybody looks at their size."""

CACHE_BYTES_MAX: Final = 2 << 20
"""Of a request to the cache: no entry takes as much."""


class _Held:
    """Counts *size* bytes against *sandbox* for as long as somebody has this."""

    __slots__ = ("_sandbox", "_size")

    def __init__(self, sandbox: Sandbox, size: int) -> None:
        self._sandbox = sandbox
        self._size = size
        sandbox.held += size

    def __del__(self) -> None:
        self._sandbox.held -= self._size


class Request(NamedTuple):
    """
    What the guest filed with the host: kind is "fetch" or "cache", or "full" for one that there is no room for.

    operation     number of the request; another invocation may use the same at the same time
    invocation    whose request it is, as far as services are told
    held          counts its bytes
    """

    operation: int
    kind: str
    payload: bytes
    body: bytes | None
    invocation: Invocation | None = None
    held: object = None


class Answer(NamedTuple):
    """What the host answers to a Request; status 0 is success."""

    operation: int
    status: int
    payload: bytes
    body: bytes | None = None


class Result(NamedTuple):
    """mailbox fields that the guest writes, in their order."""

    outcome: int
    output_ptr: int
    output_len: int
    log_ptr: int
    log_len: int
    log_dropped: int
    heap_peak: int
    operations: int
    due_ms: float
    touched: int
    leftover: int
    handlers: int
    heap_used: int


class Sandbox:
    """
    `start` begins an entry point, `step` runs a slice of it. After a trap, a time-out or `close` it is of no use.

    enter       writes an event of at most abi.INPUT_INLINE bytes and runs the first slice of `invoke`: see `_bind`
    mailbox     address of the mailbox in the guest
    keys        answers the import of that name; None refuses
    settings    the settings JSON, which the guest asks for once
    told        where the answers of `keys` are kept for a record, if anywhere
    requests    what the guest filed since the last entry; the caller takes them
    held        bytes of the requests that somebody still has
    output_max, log_max
                most that the guest can have to tell of an invocation: it may lie, and what it says is copied
    """

    __slots__ = (
        "_base",
        "_fuel",
        "_functions",
        "_instance",
        "_requests_max",
        "_run",
        "_run_row",
        "_size",
        "_slice",
        "_store",
        "closed",
        "enter",
        "entry",
        "held",
        "keys",
        "log_max",
        "mailbox",
        "memory",
        "output_max",
        "requests",
        "row",
        "settings",
        "told",
    )

    by_context: ClassVar[dict[int, Sandbox]] = {}
    """Sandboxes that are alive, by their store: whose import it is, whatever thread its code runs on."""

    def __init__(
        self, start: Memory, limits: Limits, mailbox: int | None = None, settings: bytes = b"{}"
    ) -> None:
        self.closed = False
        self.settings = settings
        self.requests: list[Request] = []
        self.held = 0
        self.output_max = max(limits.output_bytes, abi.DETAIL_BYTES_MAX)
        self.log_max = limits.log_bytes
        self._requests_max = (
            2 * limits.operations
        )  # twice: what is left over of an event may file as many again
        self.keys: Callable[[bytes, bytes], bytes | None] = _answer_keys
        self.told: list[bytes] | None = None
        self._functions: dict[str, Function] = {}
        self._store = Store(guest.engine(), memory_bytes=limits.memory_bytes)
        self._store.yield_every(SLICE_FUEL)
        try:
            self._instance = _linker().instantiate(self._store, guest.code(), start.module)
        except BaseException:
            self._store.close()
            raise
        self._store.set_fuel(1 << 40)
        Sandbox.by_context[self._store.context] = self
        self._base = self._instance.memory_address()
        self._size = 0
        self.memory = memoryview(b"")
        self._map(bound=False)
        start.overlay.lay(self.memory)
        self.mailbox = self.call("mailbox") if mailbox is None else mailbox
        abi.LIMITS.pack_into(
            self.memory,
            self.mailbox + abi.LIMITS_AT,
            limits.output_bytes,
            limits.log_bytes,
            limits.log_lines,
            limits.operations,
            limits.timers,
            limits.stack_bytes,
        )
        abi.WORD.pack_into(self.memory, self.mailbox + abi.ROW_AT, self.mailbox + abi.INPUT_AT)
        self.entry = self.function("invoke")
        self._slice = self.entry.first_slice(limits.fuel)
        self._run = self.entry.quick(limits.fuel)
        self._fuel = limits.fuel
        self._run_row: Callable[[int], int] | None = None
        self.enter = self._bind()

    def _bind(self) -> Callable[[bytes, float, float, bytes, int], int]:
        """
        The short way in: (content, now_ms, monotonic_ms, seed, flags) to the fuel left when the invocation is done, or -1:
        see `_wasmtime.Function.quick`. Bound anew whenever the memory is mapped anew.
        """
        memory, mailbox, run, pack_into = self.memory, self.mailbox, self._run, abi.ENTRY.pack_into
        address, fuel = mailbox + abi.INPUT_AT, self._slice

        def enter(content: bytes, now_ms: float, monotonic_ms: float, seed: bytes, flags: int) -> int:
            size = len(content)
            pack_into(memory, mailbox, now_ms, monotonic_ms, seed, flags, 1, address, size)
            memory[address : address + size] = content
            return run(fuel)

        return enter

    def enter_row(
        self, texts: Sequence[bytes], now_ms: float, monotonic_ms: float, seeds: bytes, flags: int, fuel: int
    ) -> int:
        """
        As `enter`, for several events: one after the other, up to the first that does not end within its slice, or after
        which the host has something to do, or that *fuel* ends with. The answer is that one's, and `result`; `row_results`
        has those before it.
        """
        if self._run_row is None:
            self.row = self.function("row")
            self._run_row = self.row.quick(self._fuel, turns=True)
        memory, mailbox, count = self.memory, self.mailbox, len(texts)
        at = mailbox + abi.INPUT_AT
        end = at + abi.INPUT_INLINE
        joined = _GAP.join(texts)
        start = place = end - len(joined)
        inputs: list[int] = []
        for text in texts:
            size = len(text)
            inputs += (place, size)
            place += size + abi.INPUT_PADDING
        abi.ENTRY.pack_into(memory, mailbox, now_ms, monotonic_ms, b"", flags, 1, 0, 0)
        abi.ROW.pack_into(memory, at, count, 0, self._slice, fuel)
        at += abi.ROW.size
        memory[at : at + len(seeds)] = seeds
        at += len(seeds)
        struct.pack_into(f"<{2 * count}I", memory, at, *inputs)
        memory[start:end] = joined
        left = self._run_row(count)
        if left < 0 and self.row.running:  # the rest is for later
            (done,) = abi.ROW_DONE.unpack_from(memory, mailbox + abi.INPUT_AT)
            abi.WORD.pack_into(memory, mailbox + abi.INPUT_AT, min(done + 1, count))
        return left

    def row_results(self, count: int) -> Iterator[tuple[int, ...]]:
        """Of an `enter_row` with *count* events, abi.ROW_RESULT for each that is over, but for the last the guest ran."""
        at = self.mailbox + abi.INPUT_AT
        memory = self.memory
        (done,) = abi.ROW_DONE.unpack_from(memory, at)
        at += abi.ROW.size
        return abi.ROW_RESULT.iter_unpack(memory[at : at + abi.ROW_RESULT.size * min(done, count - 1)])

    def _map(self, *, bound: bool = True) -> None:
        self._size = self._instance.memory_bytes()
        self.memory.release()
        self.memory = memoryview((ctypes.c_char * self._size).from_address(self._base)).cast("B")
        if bound:
            self.enter = self._bind()

    def remap(self) -> None:
        """Follows the memory where it has grown: `memory` is all of it."""
        self._map()

    @property
    def grown(self) -> bool:
        """Whether the memory is larger than when it was last mapped."""
        return self._instance.memory_bytes() != self._size

    def memory_bytes(self) -> int:
        """Bytes of linear memory at this moment, mapped or not."""
        return self._instance.memory_bytes()

    @property
    def address(self) -> int:
        return self._base

    @property
    def size(self) -> int:
        """Bytes of linear memory, as last mapped."""
        return self._size

    def function(self, name: str) -> Function:
        found = self._functions.get(name)
        if found is None:
            found = self._functions[name] = self._instance.function(name, 1 if name == "reserve" else 0)
        return found

    def call(self, name: str, *arguments: int) -> int:
        """Runs a short entry point to its end; EngineError when it traps. The result is unsigned."""
        function = self.function(name)
        result = function.run(*arguments)
        if result is None:
            raise EngineError(f"{name} trapped: {function.trap}")
        return result & 0xFFFFFFFF

    def set_fuel(self, fuel: int) -> None:
        self._store.set_fuel(fuel)

    def get_fuel(self) -> int:
        return self._store.get_fuel()

    def write_input(
        self, content: bytes, now_ms: float, monotonic_ms: float, seed: bytes, flags: int
    ) -> bool:
        """Puts *content* and the header where the next entry point looks for them; False when it has no room."""
        address = self.mailbox + abi.INPUT_AT
        size = len(content)
        if size > abi.INPUT_INLINE:
            left = self.get_fuel()
            if (
                left < SLICE_FUEL
            ):  # what the event before left over, or this one nearly used up: not enough to be sure
                self.set_fuel(1 << 40)
            address = self.call("reserve", size)
            if left < SLICE_FUEL:
                self.set_fuel(left)
            if not address:
                return False
            if self.grown:
                self._map()
        memory = self.memory
        abi.ENTRY.pack_into(memory, self.mailbox, now_ms, monotonic_ms, seed, flags, 1, address, size)
        memory[address : address + size] = content
        return True

    def write_clock(self, now_ms: float, monotonic_ms: float) -> None:
        abi.CLOCK.pack_into(self.memory, self.mailbox, now_ms, monotonic_ms)

    def start(self, name: str) -> Function:
        """Begins a call that `step` goes on with."""
        function = self.function(name)
        function.start()
        return function

    def run(self) -> int:
        """As `enter`, for input that is written already."""
        return self._run(self._slice)

    def step(self, function: Function) -> bool:
        """Runs one slice; True when the call is over."""
        return function.step()

    def result_fields(self) -> tuple[Any, ...]:
        """The fields of Result, without the names."""
        return abi.RESULT.unpack_from(self.memory, self.mailbox + abi.RESULT_AT)

    def result(self) -> Result:
        return Result._make(self.result_fields())

    def read(self, address: int, size: int) -> bytes:
        """Bytes of the guest's memory; fewer where they are not within it (the guest may lie)."""
        if address + size > self._size and self.grown:
            self._map()
        return bytes(self.memory[address : address + size])

    def may_file(self) -> bool:
        """Whether one more request may be among those that nobody took yet. The guest counts, too, but may lie."""
        return len(self.requests) < self._requests_max

    def read_output(self, address: int, size: int) -> bytes:
        """As `read`, within what an output may be."""
        return self.read(address, min(size, self.output_max))

    def read_log(self, address: int, size: int) -> bytes:
        """As `read`, within what a log may be."""
        return self.read(address, min(size, self.log_max))

    def close(self) -> None:
        """Gives all memory back; may be called twice."""
        if not self.closed:
            self.closed = True
            del Sandbox.by_context[self._store.context]
            self.enter = _closed
            self.requests = []
            for function in self._functions.values():
                function.abandon()
            self.memory.release()
            self._store.close()


def _closed(*_arguments: object) -> int:
    raise EngineError("the sandbox is closed")


def _import_settings(context: int, address: int, size: int) -> int:
    sandbox = Sandbox.by_context.get(context)
    if sandbox is None:
        return REFUSED
    settings = sandbox.settings
    if len(settings) <= size:
        # Checked against the memory as it is now: the guest may have grown it, or may lie.
        if not _within(sandbox, address, len(settings)):
            return REFUSED
        ctypes.memmove(sandbox.address + address, settings, len(settings))
    return len(settings)


def _import_fetch(
    context: int, operation: int, address: int, size: int, body_address: int, body_size: int
) -> int:
    return _file(context, "fetch", operation, address, size, body_address, body_size)


def _import_cache(context: int, operation: int, address: int, size: int) -> int:
    kind = "cache" if size <= CACHE_BYTES_MAX else "full"
    return _file(context, kind, operation, address, size, 0, 0)


def _file(
    context: int, kind: str, operation: int, address: int, size: int, body_address: int, body_size: int
) -> int:
    sandbox = Sandbox.by_context.get(context)
    if (
        sandbox is None
        or not _within(sandbox, address, size)
        or not _within(sandbox, body_address, body_size)
        or not sandbox.may_file()
    ):
        return REFUSED
    if not body_address:
        body_size = 0
    if kind == "full" or sandbox.held + size + body_size > HELD_BYTES_MAX:
        sandbox.requests.append(Request(operation, "full", b"", None))
        return 0
    held = _Held(sandbox, size + body_size)
    payload = ctypes.string_at(sandbox.address + address, size)
    body = ctypes.string_at(sandbox.address + body_address, body_size) if body_address else None
    sandbox.requests.append(Request(operation, kind, payload, body, None, held))
    return 0


def _import_library(context: int, name_address: int, name_size: int, address: int, size: int) -> int:
    sandbox = Sandbox.by_context.get(context)
    if sandbox is None or name_size > NAME_BYTES_MAX or not _within(sandbox, name_address, name_size):
        return REFUSED
    content = libraries.content(ctypes.string_at(sandbox.address + name_address, name_size))
    if content is None:
        return REFUSED
    if len(content) <= size:
        if not _within(sandbox, address, len(content)):
            return REFUSED
        ctypes.memmove(sandbox.address + address, content, len(content))
    return len(content)


def _import_keys(
    context: int, address: int, size: int, data_address: int, data_size: int, answer_address: int, room: int
) -> int:
    sandbox = Sandbox.by_context.get(context)
    if (
        sandbox is None
        or not _within(sandbox, address, size)
        or not _within(sandbox, data_address, data_size)
        or not _within(sandbox, answer_address, room)
    ):
        return REFUSED
    # Larger ones are never the prelude's; the service refuses them, and need not see them whole.
    request = ctypes.string_at(sandbox.address + address, min(size, REQUEST_BYTES_MAX + 1))
    data = ctypes.string_at(sandbox.address + data_address, min(data_size, DATA_BYTES_MAX + 1))
    try:
        answer = sandbox.keys(request, data)
    except BaseException:  # noqa: BLE001 - nothing may pass the guest's frames, and panics of Rust derive from this
        return REFUSED
    if answer is None or len(answer) > room:
        return REFUSED
    if sandbox.told is not None:
        sandbox.told.append(answer)
    ctypes.memmove(sandbox.address + answer_address, answer, len(answer))
    return len(answer)


def _answer_keys(request: bytes, data: bytes) -> bytes | None:
    # Loaded by the first function that asks: it takes as long as all the rest of the runtime.
    from headgate_runtime import keys  # noqa: PLC0415

    return keys.answer(request, data)


def _within(sandbox: Sandbox, address: int, size: int) -> bool:
    return address + size <= sandbox.memory_bytes()


_shared_linker: list[Linker] = []


def _linker() -> Linker:
    if not _shared_linker:
        functions: dict[str, HostFunction] = {
            "settings": _import_settings,
            "fetch": _import_fetch,
            "cache": _import_cache,
            "library": _import_library,
            "keys": _import_keys,
        }
        imports = {name: (arity, functions[name]) for name, arity in abi.IMPORTS.items()}
        _shared_linker.append(Linker(guest.engine(), abi.IMPORT_MODULE, imports))
    return _shared_linker[0]
