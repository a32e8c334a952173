"""
Runs user JavaScript as Wasm guests: compile a function once, invoke it on events, get an outcome for each.

    from headgate_runtime import Executor, compile

    image = compile("function onTrack(event) { event.properties.seen = true; return event }")
    async with Executor() as executor:
        outcome = await executor.invoke(image, {"type": "track", "event": "Signed Up", "properties": {}})
        print(outcome.output)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headgate_runtime.compile_error import CompileError
    from headgate_runtime.compiler import compile  # noqa: A004 - the field's word
    from headgate_runtime.errors import (
        EventError,
        ExecutorClosed,
        GuestMissing,
        HeadgateError,
        ImageError,
        LimitError,
        NoRoom,
        ReplayError,
        SettingsError,
    )
    from headgate_runtime.executor import Executor
    from headgate_runtime.function import Function
    from headgate_runtime.host import Clock, Entropy, Service, SystemClock, SystemEntropy
    from headgate_runtime.image import Image
    from headgate_runtime.limits import Limits
    from headgate_runtime.outcome import Cause, Discard, Filtered, Forward, LogLine, Outcome, Retry, Usage
    from headgate_runtime.record import Record, replay
    from headgate_runtime.sandbox import Answer, Request

__all__ = [
    "Answer",
    "Cause",
    "Clock",
    "CompileError",
    "Discard",
    "Entropy",
    "EventError",
    "Executor",
    "ExecutorClosed",
    "Filtered",
    "Forward",
    "Function",
    "GuestMissing",
    "HeadgateError",
    "Image",
    "ImageError",
    "LimitError",
    "Limits",
    "LogLine",
    "NoRoom",
    "Outcome",
    "Record",
    "ReplayError",
    "Request",
    "Retry",
    "Service",
    "SettingsError",
    "SystemClock",
    "SystemEntropy",
    "Usage",
    "compile",
    "replay",
]

_HOMES: Final = {
    "compile_error": ("CompileError",),
    "compiler": ("compile",),
    "errors": (
        "EventError",
        "ExecutorClosed",
        "GuestMissing",
        "HeadgateError",
        "ImageError",
        "LimitError",
        "NoRoom",
        "ReplayError",
        "SettingsError",
    ),
    "executor": ("Executor",),
    "function": ("Function",),
    "host": (
        "Clock",
        "Entropy",
        "Service",
        "SystemClock",
        "SystemEntropy",
    ),
    "image": ("Image",),
    "limits": ("Limits",),
    "outcome": (
        "Cause",
        "Discard",
        "Filtered",
        "Forward",
        "LogLine",
        "Outcome",
        "Retry",
        "Usage",
    ),
    "record": (
        "Record",
        "replay",
    ),
    "sandbox": (
        "Answer",
        "Request",
    ),
}
"""The exports of each module. A module is imported on first use, because few programs need all of them."""

if not TYPE_CHECKING:  # a type checker that sees __getattr__ accepts any name

    def __getattr__(name: str) -> Any:
        for home, names in _HOMES.items():
            if name in names:
                module = importlib.import_module(f"{__name__}.{home}")
                value = globals()[name] = getattr(module, name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
