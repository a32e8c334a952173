"""
Faster ctypes bindings of the C API functions of wasmtime that `_wasmtime` calls. The wheel's own bindings
convert and check every argument, and release the interpreter lock even for calls that take nanoseconds.
"""

from __future__ import annotations

import ctypes
from ctypes import c_bool, c_char_p, c_int64, c_size_t, c_void_p
from typing import Any

from wasmtime import _ffi

# Two handles of the same library: `held` keeps the interpreter lock (for calls of nanoseconds, and calls that
# call back), `free` releases it (for slices of guest code).
free = _ffi.dll
held = ctypes.PyDLL(free._name)


def _function(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    function = library[name]  # by item: a fresh object, so the wheel's own prototypes stay as they are
    function.restype = result
    function.argtypes = arguments
    return function


store_new = _function(held, "wasmtime_store_new", c_void_p, c_void_p, c_void_p, c_void_p)
store_delete = _function(held, "wasmtime_store_delete", None, c_void_p)
store_context = _function(held, "wasmtime_store_context", c_void_p, c_void_p)
store_limiter = _function(
    held, "wasmtime_store_limiter", None, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64
)
global_set = _function(held, "wasmtime_global_set", c_void_p, c_void_p, c_void_p, c_void_p)
global_get = _function(held, "wasmtime_global_get", None, c_void_p, c_void_p, c_void_p)
module_new = _function(free, "wasmtime_module_new", c_void_p, c_void_p, c_char_p, c_size_t, c_void_p)
module_delete = _function(held, "wasmtime_module_delete", None, c_void_p)
module_serialize = _function(held, "wasmtime_module_serialize", c_void_p, c_void_p, c_void_p)
module_deserialize_file = _function(
    held, "wasmtime_module_deserialize_file", c_void_p, c_void_p, c_char_p, c_void_p
)
byte_vec_delete = _function(held, "wasm_byte_vec_delete", None, c_void_p)
linker_new = _function(held, "wasmtime_linker_new", c_void_p, c_void_p)
linker_delete = _function(held, "wasmtime_linker_delete", None, c_void_p)
linker_shadowing = _function(held, "wasmtime_linker_allow_shadowing", None, c_void_p, c_bool)
linker_define = _function(
    held,
    "wasmtime_linker_define",
    c_void_p,
    c_void_p,
    c_void_p,
    c_char_p,
    c_size_t,
    c_char_p,
    c_size_t,
    c_void_p,
)
linker_define_func = _function(
    held,
    "wasmtime_linker_define_func_unchecked",
    *(c_void_p, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, c_void_p, c_void_p, c_void_p),
)
linker_define_async_func = _function(
    held,
    "wasmtime_linker_define_async_func",
    *(c_void_p, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_void_p, c_void_p, c_void_p, c_void_p),
)
linker_instantiate = _function(
    held,
    "wasmtime_linker_instantiate_async",
    *(c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p),
)
instance_new = _function(
    held, "wasmtime_instance_new", c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p
)
export_get = _function(
    held, "wasmtime_instance_export_get", c_bool, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p
)
memory_data = _function(held, "wasmtime_memory_data", c_void_p, c_void_p, c_void_p)
memory_size = _function(held, "wasmtime_memory_data_size", c_size_t, c_void_p, c_void_p)
call_async = _function(
    held,
    "wasmtime_func_call_async",
    *(c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p),
)
future_poll = _function(free, "wasmtime_call_future_poll", c_bool, c_void_p)
future_delete = _function(held, "wasmtime_call_future_delete", None, c_void_p)
error_message = _function(held, "wasmtime_error_message", None, c_void_p, c_void_p)
error_delete = _function(held, "wasmtime_error_delete", None, c_void_p)
trap_message = _function(held, "wasm_trap_message", None, c_void_p, c_void_p)
trap_delete = _function(held, "wasm_trap_delete", None, c_void_p)
caller_context = _function(held, "wasmtime_caller_context", c_void_p, c_void_p)
trap_new_code = _function(held, "wasmtime_trap_new_code", c_void_p, ctypes.c_uint8)
trap_code = _function(held, "wasmtime_trap_code", c_bool, c_void_p, c_void_p)
