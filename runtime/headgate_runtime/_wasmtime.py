"""
Wraps the `wasmtime` wheel. This module, `_capi` and `_entry` are the only ones that use its private names, and its
version is pinned exactly because of them.

The public classes of the wheel cost 12 to 16 us per call and cannot preempt. Here, a call is a *future* of
wasmtime's C API (wasmtime_func_call_async) that runs on its own fiber: `Function.step` runs it for one slice
of fuel and returns, so that one event loop can serve many sandboxes. The engine counts its own fuel
(guest/build/meter.py). When a slice is used up it calls the asynchronous host function `pause`, which leaves
the future pending. Addresses are passed as plain integers.

Failures of the host (a module that does not compile, a failed instantiation) raise EngineError. Faults of the
guest (a trap, out of fuel) are values: `Function.trap`.
"""

from __future__ import annotations

import ctypes
import enum
import importlib.metadata
import threading
from ctypes import c_bool, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import TYPE_CHECKING, Any, ClassVar, Final

import wasmtime
from wasmtime import _bindings

from headgate_runtime import _capi as capi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    HostFunction = Callable[..., int]
    """
    A function that the guest imports. It takes the `Store.context` of the caller and unsigned i32 arguments,
    and returns an i32. It must not raise.
    """


WASMTIME_VERSION: Final = importlib.metadata.version("wasmtime")

VAL_BYTES: Final = ctypes.sizeof(_bindings.wasmtime_val_t)
_RAW_BYTES: Final = ctypes.sizeof(_bindings.wasmtime_val_raw_t)
_EXTERN_BYTES: Final = ctypes.sizeof(_bindings.wasmtime_extern_t)
_FUNC_BYTES: Final = ctypes.sizeof(_bindings.wasmtime_func_t)
_MEMORY_BYTES: Final = ctypes.sizeof(_bindings.wasmtime_memory_t)
_EXTERN_UNION: Final[int] = _bindings.wasmtime_extern_t.of.offset
VAL_UNION: Final[int] = _bindings.wasmtime_val_t.of.offset
_GLOBAL_BYTES: Final = ctypes.sizeof(_bindings.wasmtime_global_t)
_KIND_FUNC: Final = 0
_KIND_GLOBAL: Final = 1
KIND_I64: Final = 1

FUEL: Final = "fuel"
TURNS: Final = "turns"
PAUSE: Final = "pause"
"""
Names of the global that the engine counts down, the global with the number of times that it may refill that
itself, and the import that it calls when the first is below zero.
"""

_FIBER_RESIDENT_BYTES: Final = 64 << 10
"""Part of a fiber's stack that stays in memory between two calls."""

_TABLE_ELEMENTS: Final = 10_000
_INSTANCE_BYTES: Final = 1 << 20
"""Room for the engine module's function table and instance data."""


class EngineError(Exception):
    """wasmtime failed at something that Headgate, not a function, asked for."""


class Trap(enum.Enum):
    """Why a call ended without a result."""

    OUT_OF_FUEL = "out of fuel"
    STACK_OVERFLOW = "call stack exhausted"
    FAULT = "fault in the guest"


_OUT_OF_FUEL_CODE: Final = 11
_TRAP_CODES: Final = {0: Trap.STACK_OVERFLOW, _OUT_OF_FUEL_CODE: Trap.OUT_OF_FUEL}


class _ByteVec(ctypes.Structure):
    _fields_ = (("size", c_size_t), ("data", c_void_p))


def _take_text(vector: _ByteVec) -> str:
    text = ctypes.string_at(vector.data, vector.size) if vector.data else b""
    capi.byte_vec_delete(ctypes.byref(vector))
    return text.rstrip(b"\0").decode(errors="replace")


def _check(error: int | None) -> None:
    if error:
        vector = _ByteVec()
        capi.error_message(error, ctypes.byref(vector))
        capi.error_delete(error)
        raise EngineError(_take_text(vector))


class Engine:
    """
    A wasmtime engine with the settings that all parts of Headgate share.

    stack_bytes     bound on the native stack of guest code
    fiber_bytes     size of a fiber's stack: stack_bytes and what host functions need
    sandboxes, memory_bytes
                    number of memories and largest size of each, for which address space is reserved in
                    advance

    The reservation uses wasmtime's pooling allocator, which saves 36 KB of private memory per sandbox and
    closes one in a quarter of the time (measured). If the system does not grant that much address space,
    memories are mapped one by one.
    """

    def __init__(self, *, stack_bytes: int, fiber_bytes: int, sandboxes: int, memory_bytes: int) -> None:
        try:
            config = _configure(stack_bytes, fiber_bytes)
            _pool(config, sandboxes, memory_bytes)
            self._engine = wasmtime.Engine(config)
        except wasmtime.WasmtimeError:
            self._engine = wasmtime.Engine(_configure(stack_bytes, fiber_bytes))
        self.pointer: int = _address(self._engine.ptr())

    def compile(self, module: bytes) -> Module:
        """Compile a Wasm module. Raises EngineError when it is not valid."""
        out = c_void_p()
        _check(capi.module_new(self.pointer, module, len(module), ctypes.byref(out)))
        return Module(self, out.value or 0)

    def load(self, path: str) -> Module:
        """
        Load a file written from `Module.serialize`. Raises EngineError when it is not for this engine.

        The file is machine code and is trusted, so nobody else must be able to write it.
        """
        out = c_void_p()
        _check(capi.module_deserialize_file(self.pointer, path.encode(), ctypes.byref(out)))
        return Module(self, out.value or 0)


def _configure(stack_bytes: int, fiber_bytes: int) -> wasmtime.Config:
    config = wasmtime.Config()
    config.wasm_threads = False
    pointer = config.ptr()
    _bindings.wasmtime_config_max_wasm_stack_set(pointer, stack_bytes)
    _bindings.wasmtime_config_async_stack_size_set(pointer, fiber_bytes)
    _bindings.wasmtime_config_memory_init_cow_set(pointer, True)
    _bindings.wasmtime_config_wasm_branch_hinting_set(pointer, True)
    # Images have no code, so compiler threads cost more than they save. The engine is compiled once and
    # cached.
    _bindings.wasmtime_config_parallel_compilation_set(pointer, False)
    return config


def _pool(config: wasmtime.Config, sandboxes: int, memory_bytes: int) -> None:
    pool = _bindings.wasmtime_pooling_allocation_config_new()
    for name, value in {
        "total_memories": sandboxes,
        "total_tables": sandboxes,
        "total_core_instances": 2 * sandboxes,  # one for the image's memory, one for the engine's code
        "total_stacks": sandboxes,  # a store keeps its stack between calls
        "async_stack_keep_resident": _FIBER_RESIDENT_BYTES,
        "max_memory_size": memory_bytes,
        "table_elements": _TABLE_ELEMENTS,
        "max_core_instance_size": _INSTANCE_BYTES,
    }.items():
        getattr(_bindings, f"wasmtime_pooling_allocation_config_{name}_set")(pool, value)
    _bindings.wasmtime_pooling_allocation_strategy_set(config.ptr(), pool)
    _bindings.wasmtime_pooling_allocation_config_delete(pool)


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, c_void_p).value or 0


class Module:
    """A compiled module; it may be instantiated in any number of stores."""

    def __init__(self, engine: Engine, pointer: int) -> None:
        self.engine = engine
        self.pointer = pointer

    def serialize(self) -> bytes:
        vector = _ByteVec()
        _check(capi.module_serialize(self.pointer, ctypes.byref(vector)))
        content = ctypes.string_at(vector.data, vector.size)
        capi.byte_vec_delete(ctypes.byref(vector))
        return content

    def __del__(self) -> None:
        if self.pointer:
            capi.module_delete(self.pointer)
            self.pointer = 0


class Linker:
    """Host functions of one import module, shared by all instances."""

    def __init__(
        self, engine: Engine, module: str, functions: Mapping[str, tuple[int, HostFunction]]
    ) -> None:
        self.engine = engine
        self._module = module.encode()
        self._linker: int = capi.linker_new(engine.pointer)
        self._callbacks: list[Any] = []
        self._lock = threading.Lock()
        capi.linker_shadowing(self._linker, True)
        for name, (arity, function) in functions.items():
            self._define(name.encode(), arity, function)
        self._define_pause()

    def _define(self, name: bytes, arity: int, function: HostFunction) -> None:
        i32 = wasmtime.ValType.i32()
        kind = wasmtime.FuncType([i32] * arity, [i32])
        offsets = range(0, arity * _RAW_BYTES, _RAW_BYTES)

        def callback(_env: int, caller: int, values: int, _count: int) -> int:
            # Exceptions cannot cross guest frames, so host functions return a status instead.
            arguments = [c_uint32.from_address(values + offset).value for offset in offsets]
            c_int32.from_address(values).value = function(capi.caller_context(caller), *arguments)
            return 0

        prototype = ctypes.PYFUNCTYPE(c_size_t, c_void_p, c_void_p, c_void_p, c_size_t)
        self._bind(capi.linker_define_func, name, kind, prototype(callback))

    def _define_pause(self) -> None:
        i64 = wasmtime.ValType.i64()
        kind = wasmtime.FuncType([i64], [i64])
        # This callback runs on the guest's stack, and returns before the future is suspended.
        called = ctypes.PYFUNCTYPE(None, *[c_void_p] * 3, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p)(
            _pause
        )
        self._bind(capi.linker_define_async_func, PAUSE.encode(), kind, called)

    def _bind(self, define: Any, name: bytes, kind: wasmtime.FuncType, callback: Any) -> None:
        self._callbacks.append(callback)
        names = (self._module, len(self._module), name, len(name))
        called = ctypes.cast(callback, c_void_p)
        _check(define(self._linker, *names, _address(kind.ptr()), called, None, None))

    def instantiate(self, store: Store, engine_module: Module, image: Module) -> Instance:
        """Instantiate *engine_module* on the memory of *image* in *store*. Raises EngineError."""
        trap = c_void_p()
        memory_instance = ctypes.create_string_buffer(16)
        _check(
            capi.instance_new(
                store.context, image.pointer, None, 0, ctypes.byref(memory_instance), ctypes.byref(trap)
            )
        )
        extern = ctypes.create_string_buffer(_EXTERN_BYTES)
        if not capi.export_get(store.context, memory_instance, b"memory", 6, extern):
            raise EngineError("the image exports no memory")
        instance = ctypes.create_string_buffer(16)
        with self._lock:  # no other thread may redefine the memory before the instantiation
            _check(
                capi.linker_define(
                    self._linker, store.context, self._module, len(self._module), b"memory", 6, extern
                )
            )
            error = c_void_p()
            future = capi.linker_instantiate(
                self._linker,
                store.context,
                engine_module.pointer,
                instance,
                ctypes.byref(trap),
                ctypes.byref(error),
            )
            while not capi.future_poll(future):  # ends at once: there is no start function to pause
                pass
            capi.future_delete(future)
            _check(error.value)
        if trap.value:
            raise EngineError(f"instantiation trapped: {_take_trap(trap.value)[1]}")
        memory = ctypes.create_string_buffer(
            ctypes.string_at(ctypes.addressof(extern) + _EXTERN_UNION, _MEMORY_BYTES), _MEMORY_BYTES
        )
        for name, at in ((FUEL, store.fuel_at), (TURNS, store.turns_at)):
            found = ctypes.create_string_buffer(_EXTERN_BYTES)
            if not capi.export_get(store.context, instance, name.encode(), len(name), found) or (
                found.raw[0] != _KIND_GLOBAL
            ):
                raise EngineError("the engine does not count its fuel")
            ctypes.memmove(at, ctypes.addressof(found) + _EXTERN_UNION, _GLOBAL_BYTES)
        return Instance(store, instance, memory)

    def __del__(self) -> None:
        if self._linker:
            capi.linker_delete(self._linker)
            self._linker = 0


def _take_trap(pointer: int) -> tuple[Trap, str]:
    code = ctypes.c_uint8()
    kind = Trap.FAULT
    if capi.trap_code(pointer, ctypes.byref(code)):
        kind = _TRAP_CODES.get(code.value, Trap.FAULT)
    vector = _ByteVec()
    capi.trap_message(pointer, ctypes.byref(vector))
    capi.trap_delete(pointer)
    return kind, _take_text(vector)


def _pause(
    _env: int,
    caller: int,
    arguments: int,
    _count: int,
    results: int,
    _room: int,
    trap: int,
    continuation: int,
) -> None:
    """
    Called when the engine has used up its slice: grants the next one, for the next poll, or traps if none is
    left.
    """
    try:
        _grant(caller, arguments, results, trap, continuation)
    except BaseException as error:  # noqa: BLE001 - from a signal handler; nothing else here raises
        interrupted.append(error)
        _grant(caller, arguments, results, trap, continuation)


def _grant(caller: int, arguments: int, results: int, trap: int, continuation: int) -> None:
    context = capi.caller_context(caller)
    cells = (c_void_p * 3).from_address(continuation)
    cells[0], cells[1], cells[2] = _go_on_at, context, None
    grant = Store.by_context[context].grant()
    if grant:
        _paused.add(context)
        fuel = c_int64.from_address(arguments + VAL_UNION).value
        ctypes.c_uint8.from_address(results).value = KIND_I64
        c_int64.from_address(results + VAL_UNION).value = fuel + grant
    else:
        c_void_p.from_address(trap).value = capi.trap_new_code(_OUT_OF_FUEL_CODE)


interrupted: list[BaseException] = []
"""
Exceptions of signal handlers that ran on a guest's stack, which exceptions must not cross. They are raised
after the pause.
"""


_paused: set[int] = set()
"""Contexts of stores whose engine has paused in the current poll."""


def _may_go_on(context: int) -> bool:
    if context in _paused:
        _paused.discard(context)
        return False
    return True


_go_on = ctypes.PYFUNCTYPE(c_bool, c_void_p)(_may_go_on)
_go_on_at = ctypes.cast(_go_on, c_void_p).value


class Store:
    """
    The wasmtime resources of one sandbox. `close` frees them and may be called more than once.

    slice       fuel after which a call pauses
    reserve     fuel for later slices
    fuel_at, turns_at
                the engine's globals FUEL and TURNS, each a `wasmtime_global_t`
    """

    __slots__ = ("_engine", "_store", "cell", "context", "fuel_at", "reserve", "slice", "turns_at", "view")

    by_context: ClassVar[dict[int, Store]] = {}

    def __init__(self, engine: Engine, *, memory_bytes: int) -> None:
        self._engine = engine
        self._store: int = capi.store_new(engine.pointer, None, None)
        self.context: int = capi.store_context(self._store)
        self.slice = 1 << 62
        self.reserve = 0
        value = ctypes.create_string_buffer(VAL_BYTES)
        value[0] = bytes([KIND_I64])
        self.cell = ctypes.addressof(value)
        self.view = memoryview(value).cast("B").cast("q")  # [VAL_UNION // 8]: fuel; it keeps the cell alive
        self.fuel_at = ctypes.create_string_buffer(_GLOBAL_BYTES)
        self.turns_at = ctypes.create_string_buffer(_GLOBAL_BYTES)
        Store.by_context[self.context] = self
        capi.store_limiter(self._store, memory_bytes, -1, 2, -1, 1)

    def set_fuel(self, fuel: int) -> None:
        """Set the fuel of later calls, and of the current one. The store must have an instance."""
        first = min(fuel, self.slice)
        self.reserve = fuel - first
        self.view[VAL_UNION // 8] = first
        error = capi.global_set(self.context, self.fuel_at, self.cell)
        if error:
            _check(error)

    def get_fuel(self) -> int:
        """The fuel that is left. Must not be used during a call."""
        capi.global_get(self.context, self.fuel_at, self.cell)
        return max(0, self.view[VAL_UNION // 8] + self.reserve)

    def grant(self) -> int:
        """Take the next slice from the reserve. Returns its fuel, 0 when the reserve is empty."""
        grant = min(self.slice, self.reserve)
        self.reserve -= grant
        return grant

    def yield_every(self, fuel: int) -> None:
        """Make calls pause after every *fuel* units, from the next `set_fuel` on."""
        self.slice = fuel

    def close(self) -> None:
        if self._store:
            del Store.by_context[self.context]
            capi.store_delete(self._store)
            self._store = self.context = 0


class Instance:
    """The code and memory of one sandbox."""

    __slots__ = ("_instance", "_memory", "_memory_at", "store")

    def __init__(self, store: Store, instance: Any, memory: Any) -> None:
        self.store = store
        self._instance = instance
        self._memory = memory
        self._memory_at = ctypes.addressof(memory)  # ctypes passes numbers faster than buffers

    def memory_address(self) -> int:
        address: int = capi.memory_data(self.store.context, self._memory_at)
        return address

    def memory_bytes(self) -> int:
        size: int = capi.memory_size(self.store.context, self._memory_at)
        return size

    def function(self, name: str, arity: int = 0) -> Function:
        return Function(self.store, self.exported(name), arity)

    def exported(self, name: str) -> bytes:
        """The `wasmtime_func_t` of an exported function. Raises EngineError."""
        extern = ctypes.create_string_buffer(_EXTERN_BYTES)
        encoded = name.encode()
        found = capi.export_get(self.store.context, self._instance, encoded, len(encoded), extern)
        if not found or extern.raw[0] != _KIND_FUNC:
            raise EngineError(f"the engine exports no function {name}")
        return ctypes.string_at(ctypes.addressof(extern) + _EXTERN_UNION, _FUNC_BYTES)


class Function:
    """
    An exported function with i32 arguments and an i32 result, which runs one call at a time: `start` makes
    the future, `step` runs a slice, and `trap` and `result` then tell how the call ended.
    """

    __slots__ = (
        "_arguments",
        "_arity",
        "_call",
        "_failures",
        "_func",
        "_future",
        "_outcome",
        "store",
        "trap",
    )

    def __init__(self, store: Store, content: bytes, arity: int) -> None:
        self.store = store
        self.trap: tuple[Trap, str] | None = None
        self._arity = arity
        self._func = ctypes.create_string_buffer(content, len(content))
        self._arguments = ctypes.create_string_buffer(VAL_BYTES * max(arity, 1))
        result = ctypes.create_string_buffer(VAL_BYTES)
        failures = ctypes.create_string_buffer(16)
        self._outcome = memoryview(result).cast("B").cast("i")  # [VAL_UNION // 4]: the i32
        self._failures = memoryview(failures).cast("B").cast("Q")  # [trap, error]
        self._future = 0
        at = ctypes.addressof(failures)
        self._call = (
            store.context,
            ctypes.addressof(self._func),
            ctypes.addressof(self._arguments),
            arity,
            ctypes.addressof(result),
            1,
            at,
            at + 8,
        )

    def start(self, *arguments: int) -> None:
        for index, value in enumerate(arguments):
            c_int32.from_address(
                ctypes.addressof(self._arguments) + index * VAL_BYTES + VAL_UNION
            ).value = value
        self.trap = None
        self._future = capi.call_async(*self._call)

    def step(self) -> bool:
        """Run until the call is over (returns True) or its slice of fuel is used up (returns False)."""
        if not capi.future_poll(self._future):
            if interrupted:
                raise interrupted.pop()
            return False
        capi.future_delete(self._future)
        self._future = 0
        failures = self._failures
        if failures[0] or failures[1]:
            self._take_failure()
        return True

    @property
    def running(self) -> bool:
        """Whether a call was started and has not ended."""
        return self._future != 0

    @property
    def result(self) -> int:
        """The i32 result; only meaningful if `trap` is None."""
        return self._outcome[VAL_UNION // 4]

    def abandon(self) -> None:
        """Drop a suspended call. Its store must not be used again."""
        if self._future:
            capi.future_delete(self._future)
            self._future = 0

    def run(self, *arguments: int) -> int | None:
        """Run a call to its end. Returns its result, or None when it trapped."""
        self.start(*arguments)
        while not self.step():
            pass
        return None if self.trap else self.result

    def _take_failure(self) -> None:
        failures = self._failures
        self.trap = failure(failures[0], failures[1])
        failures[0] = failures[1] = 0


def failure(trap: int, error: int) -> tuple[Trap, str]:
    """How a call failed; frees *trap* or *error*, of which one is not 0."""
    if trap:
        return _take_trap(trap)
    vector = _ByteVec()
    capi.error_message(error, ctypes.byref(vector))
    capi.error_delete(error)
    message = _take_text(vector)
    return Trap.OUT_OF_FUEL if "fuel" in message else Trap.FAULT, message
