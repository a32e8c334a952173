"""
One sandbox: an instance of the engine with the memory of one image, and the data that crosses its boundary.

A sandbox serves one invocation at a time, so logs, fuel and time can always be attributed. It is independent
of asyncio: the executor decides when to step it.
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from headgate_runtime import abi, guest, libraries
from headgate_runtime._entry import Entry
from headgate_runtime._wasmtime import EngineError, Linker, Store
from headgate_runtime.limits import SLICE_FUEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from headgate_runtime._wasmtime import Function, HostFunction
    from headgate_runtime.invocation import Invocation
    from headgate_runtime.limits import Limits
    from headgate_runtime.overlay import Memory, Overlay

REFUSED: Final = -1

_PACK_ENTRY: Final = abi.ENTRY.pack_into

_GAP: Final = bytes(abi.INPUT_PADDING)

NAME_BYTES_MAX: Final = 256
"""Longest library name that the guest may ask for."""

REQUEST_BYTES_MAX: Final = 64 << 10
DATA_BYTES_MAX: Final = 1 << 20
"""Largest request of the import `keys`, and largest data with it."""

HELD_BYTES_MAX: Final = 64 << 20
"""Total size of a sandbox's requests in the host, which are copied before services check their size."""

CACHE_BYTES_MAX: Final = 2 << 20
"""Largest request to the cache, more than any entry needs."""


class _Held:
    """Counts *size* bytes in `sandbox.held` for as long as this object exists."""

    __slots__ = ("_sandbox", "_size")

    def __init__(self, sandbox: Sandbox, size: int) -> None:
        self._sandbox = sandbox
        self._size = size
        sandbox.held += size

    def __del__(self) -> None:
        self._sandbox.held -= self._size


class Request(NamedTuple):
    """
    A request that the guest filed with the host.

    operation     number of the request, unique within its invocation
    kind          "fetch" or "cache"; "full" for a request whose content was dropped because it is too large
    invocation    the invocation that filed it; set for services
    held          counts its bytes against the sandbox
    """

    operation: int
    kind: str
    payload: bytes
    body: bytes | None
    invocation: Invocation | None = None
    held: object = None


class Answer(NamedTuple):
    """The host's answer to a Request; status 0 means success."""

    operation: int
    status: int
    payload: bytes
    body: bytes | None = None


class Result(NamedTuple):
    """The mailbox fields that the guest writes, in their order."""

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
    An instance of the engine. `start` begins a call of an entry point, `step` runs a slice of it. After a
    trap, a timeout or `close`, the sandbox cannot be used any more.

    entry       the entry point `invoke`
    mailbox     address of the mailbox in the guest
    keys        answers requests of the import `keys`; returns None to refuse
    settings    the settings JSON, which the guest reads once
    told        list that collects the answers of `keys` for a record, or None
    requests    requests that the guest has filed and the caller has not taken yet
    held        total size of requests that still exist
    output_max, log_max
                bounds on the output and log that are copied, since the guest's own sizes cannot be trusted
    """

    __slots__ = (
        "_base",
        "_functions",
        "_instance",
        "_requests_max",
        "_reserve",
        "_row",
        "_size",
        "_slice",
        "_store",
        "closed",
        "entry",
        "held",
        "keys",
        "log_max",
        "mailbox",
        "memory",
        "output_max",
        "requests",
        "settings",
        "told",
    )

    by_context: ClassVar[dict[int, Sandbox]] = {}
    """Live sandboxes by the context of their store, for the imports to find the sandbox that calls them."""

    def __init__(
        self, start: Memory, limits: Limits, mailbox: int | None = None, settings: bytes = b"{}"
    ) -> None:
        self.closed = False
        self.requests: list[Request] = []
        self.held = 0
        self.output_max = max(limits.output_bytes, abi.DETAIL_BYTES_MAX)
        self.log_max = limits.log_bytes
        self._requests_max = 2 * limits.operations  # twice, since leftover jobs may file as many again
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
        self._map()
        self.lay(start.overlay, limits, mailbox, settings)
        self._slice = min(limits.fuel, SLICE_FUEL)
        self._reserve = limits.fuel - self._slice
        self.entry = Entry(self._store, self._instance, "invoke")
        self._row: Entry | None = None

    def lay(self, over: Overlay, limits: Limits, mailbox: int | None, settings: bytes) -> None:
        """
        Make a sandbox whose memory is that of its module one of a function, by what sets the function apart.
        *limits* are those of the sandbox.
        """
        self.settings = settings
        over.lay(self.memory)
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

    def enter(
        self, content: bytes, now_ms: float, monotonic_ms: float, seed: bytes, flags: int, recall: bool
    ) -> int:
        """
        Write an event of at most abi.INPUT_INLINE bytes and run the first slice of `invoke`. Returns the fuel
        left if the invocation is done, else -1 (see `Entry.enter`).
        """
        memory, mailbox, size = self.memory, self.mailbox, len(content)
        address = mailbox + abi.INPUT_AT
        _PACK_ENTRY(memory, mailbox, now_ms, monotonic_ms, seed, flags, 1, address, size)
        memory[address : address + size] = content
        return self.entry.enter(self._slice, 0, self._reserve, recall)

    @property
    def row(self) -> Entry:
        """The entry point `row`."""
        if self._row is None:
            self._row = Entry(self._store, self._instance, "row")
        return self._row

    def enter_row(
        self,
        texts: Sequence[bytes],
        now_ms: float,
        monotonic_ms: float,
        seeds: bytes,
        flags: int,
        recall: bool,
        fuel: int,
    ) -> int:
        """
        Like `enter`, for several events in order. The row ends with the first event that exceeds its slice,
        that needs the host, or with which *fuel* is used up. The return value and `result` are those of the
        last event that ran; `row_results` has the earlier ones.
        """
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
        left = self.row.enter(self._slice, count, self._reserve, recall)
        if left < 0 and self.row.running:  # end the row with the event that goes on
            (done,) = abi.ROW_DONE.unpack_from(memory, mailbox + abi.INPUT_AT)
            abi.WORD.pack_into(memory, mailbox + abi.INPUT_AT, min(done + 1, count))
        return left

    def row_results(self, count: int) -> Iterator[tuple[int, ...]]:
        """The abi.ROW_RESULT of each event of an `enter_row` of *count* events but the last that ran."""
        at = self.mailbox + abi.INPUT_AT
        memory = self.memory
        (done,) = abi.ROW_DONE.unpack_from(memory, at)
        at += abi.ROW.size
        return abi.ROW_RESULT.iter_unpack(memory[at : at + abi.ROW_RESULT.size * min(done, count - 1)])

    def _map(self) -> None:
        self._size = self._instance.memory_bytes()
        self.memory.release()
        self.memory = memoryview((ctypes.c_char * self._size).from_address(self._base)).cast("B")

    def remap(self) -> None:
        """Update `memory` after the guest's memory has grown."""
        self._map()

    @property
    def grown(self) -> bool:
        """Whether the guest's memory has grown since it was last mapped."""
        return self._instance.memory_bytes() != self._size

    def memory_bytes(self) -> int:
        """Current size of linear memory, even if it is not mapped yet."""
        return self._instance.memory_bytes()

    @property
    def address(self) -> int:
        return self._base

    @property
    def size(self) -> int:
        """Size of linear memory when it was last mapped."""
        return self._size

    def function(self, name: str) -> Function:
        found = self._functions.get(name)
        if found is None:
            found = self._functions[name] = self._instance.function(name, 1 if name == "reserve" else 0)
        return found

    def call(self, name: str, *arguments: int) -> int:
        """Run a short entry point to its end. Returns its unsigned result; raises EngineError if it traps."""
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
        """Write *content* and the header for the next entry point. Returns False when there is no room."""
        address = self.mailbox + abi.INPUT_AT
        size = len(content)
        if size > abi.INPUT_INLINE:
            left = self.get_fuel()
            if left < SLICE_FUEL:  # what earlier calls left may be too little for `reserve`
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
        """Begin a call, to be run by `step`."""
        function = self.function(name)
        function.start()
        return function

    def run(self) -> int:
        """Like `enter`, for input that has already been written."""
        return self.entry.enter(self._slice, 0, self._reserve, False)

    def step(self, function: Function | Entry) -> bool:
        """Run one slice. Returns True when the call is over."""
        return function.step()

    def result_fields(self) -> tuple[Any, ...]:
        """The fields of Result as a plain tuple."""
        return abi.RESULT.unpack_from(self.memory, self.mailbox + abi.RESULT_AT)

    def result(self) -> Result:
        return Result._make(self.result_fields())

    def read(self, address: int, size: int) -> bytes:
        """Read guest memory. Returns fewer bytes if the range exceeds the memory, since the guest may lie."""
        if address + size > self._size and self.grown:
            self._map()
        return bytes(self.memory[address : address + size])

    def may_file(self) -> bool:
        """Whether the guest may file one more request. The guest checks this too, but is not trusted."""
        return len(self.requests) < self._requests_max

    def read_output(self, address: int, size: int) -> bytes:
        """Like `read`, limited to the size of an output."""
        return self.read(address, min(size, self.output_max))

    def read_log(self, address: int, size: int) -> bytes:
        """Like `read`, limited to the size of a log."""
        return self.read(address, min(size, self.log_max))

    def close(self) -> None:
        """Free the sandbox. May be called more than once."""
        if not self.closed:
            self.closed = True
            del Sandbox.by_context[self._store.context]
            self.requests = []
            for call in (*self._functions.values(), self.entry, self._row):
                if call is not None:
                    call.abandon()
            self.memory.release()
            self._store.close()


def _import_settings(context: int, address: int, size: int) -> int:
    sandbox = Sandbox.by_context.get(context)
    if sandbox is None:
        return REFUSED
    settings = sandbox.settings
    if len(settings) <= size:
        # Checked against the current size of memory, which the guest may have grown.
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
    # The prelude never sends larger ones. `keys` refuses them by their size, so they need not be copied
    # whole.
    request = ctypes.string_at(sandbox.address + address, min(size, REQUEST_BYTES_MAX + 1))
    data = ctypes.string_at(sandbox.address + data_address, min(data_size, DATA_BYTES_MAX + 1))
    try:
        answer = sandbox.keys(request, data)
    except BaseException:  # noqa: BLE001 - exceptions must not cross guest frames; Rust panics are BaseExceptions
        return REFUSED
    if answer is None or len(answer) > room:
        return REFUSED
    if sandbox.told is not None:
        sandbox.told.append(answer)
    ctypes.memmove(sandbox.address + answer_address, answer, len(answer))
    return len(answer)


def _answer_keys(request: bytes, data: bytes) -> bytes | None:
    # Imported on first use, because it takes as long as all the rest of the runtime.
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
