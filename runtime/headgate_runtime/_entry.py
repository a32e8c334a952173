"""The fast path into the guest: a call that takes its fuel and returns the fuel that is left."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Final

from headgate_runtime import _capi as capi
from headgate_runtime._wasmtime import KIND_I64, VAL_BYTES, VAL_UNION, failure, interrupted

if TYPE_CHECKING:
    from headgate_runtime._wasmtime import Instance, Store, Trap

_ARGUMENTS: Final = 3
_FUEL, _TURNS, _RECALL = ((each * VAL_BYTES + VAL_UNION) // 8 for each in range(_ARGUMENTS))
_RESULT_AT: Final = _ARGUMENTS * VAL_BYTES
_RESULT: Final = (_RESULT_AT + VAL_UNION) // 8
_TRAP_AT: Final = _RESULT_AT + VAL_BYTES
_TRAP, _ERROR = _TRAP_AT // 8, _TRAP_AT // 8 + 1

_Room = tuple[memoryview, int, int, int, int]
"""
Arguments and results of a call: all of it as 64-bit numbers, and the addresses of arguments, result, trap and
error. A room belongs to one call until that is over. Calls take the room that was used last, which is in the
processor's caches; if each sandbox had its own, it often would not be.
"""

_rooms: list[_Room] = []


def _new_room() -> _Room:
    content = ctypes.create_string_buffer(_TRAP_AT + 16)
    for each in range(_ARGUMENTS):
        content[each * VAL_BYTES] = bytes([KIND_I64])
    at = ctypes.addressof(content)
    return memoryview(content).cast("B").cast("q"), at, at + _RESULT_AT, at + _TRAP_AT, at + _TRAP_AT + 8


class Entry:
    """
    The export NAME_with of the engine (guest/build/meter.py), which runs one call at a time: `enter` runs its
    first slice, `step` another, and `trap` and `result` then tell how the call ended.

    result    what NAME returned, meaningful only if `trap` is None
    """

    __slots__ = ("_func", "_func_at", "_future", "_room", "result", "store", "trap")

    def __init__(self, store: Store, instance: Instance, name: str) -> None:
        self.store = store
        self.trap: tuple[Trap, str] | None = None
        self.result = 0
        content = instance.exported(f"{name}_with")
        self._func = ctypes.create_string_buffer(content, len(content))
        self._func_at = ctypes.addressof(self._func)
        self._future = 0

    def enter(self, fuel: int, turns: int, reserve: int, recall: bool) -> int:
        """
        Call the function and run its first slice. Returns the fuel left if it returned 0, else -1; then
        `running`, `trap` and `result` tell more.

        fuel, reserve    fuel of the first slice, and of later ones
        turns            number of slices that the engine may begin by itself
        recall           first load the sandbox into the processor's caches (guest/engine/recall.c)
        """
        store = self.store
        store.reserve = reserve
        room = _rooms.pop() if _rooms else _new_room()
        view, arguments, result, trap, error = room
        view[_FUEL] = fuel
        view[_TURNS] = turns
        view[_RECALL] = recall
        future = capi.call_async(store.context, self._func_at, arguments, _ARGUMENTS, result, 1, trap, error)
        if not capi.future_poll(future):
            self.trap = None
            self._future = future
            self._room = room
            return -1
        capi.future_delete(future)
        left: int = view[_RESULT]
        if left < 0 or view[_TRAP] or view[_ERROR]:
            self._conclude(room)
            return -1
        _rooms.append(room)
        self.result = 0
        return left + store.reserve

    def step(self) -> bool:
        """Run until the call is over (True) or its slice is used up (False)."""
        if not capi.future_poll(self._future):
            if interrupted:
                raise interrupted.pop()
            return False
        self.abandon()
        return True

    @property
    def running(self) -> bool:
        """Whether a call has begun and is not over."""
        return self._future != 0

    def abandon(self) -> None:
        """Drop a suspended call. Its store must not be used again."""
        if self._future:
            capi.future_delete(self._future)
            self._future = 0
            self._conclude(self._room)

    def _conclude(self, room: _Room) -> None:
        view = room[0]
        trap, error = view[_TRAP], view[_ERROR]
        self.trap = failure(trap, error) if trap or error else None
        self.result = max(0, -view[_RESULT])
        view[_TRAP] = view[_ERROR] = 0
        _rooms.append(room)
