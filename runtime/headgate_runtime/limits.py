"""
Every bound on a function: name, unit (the name's last word), default, and range. What a
single request may take is in fetch/limits.py, the guest's few in guest/ABI.md; nothing else holds a limit of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

from headgate_runtime.errors import LimitError

MEMORY_BYTES_MAX: Final = 512 << 20
"""Most that `memory_bytes` may be (SPEC D30); address space is reserved for it."""


STACK_BYTES: Final = 960 << 10
"""The guest's C stack, in which JavaScript calls lie (about 300 bytes a plain call)."""


def _limit(default: int, low: int, high: int, text: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "help": text})


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one function. Raises LimitError, naming the field and its range, for a value out of range."""

    time_ms: int = _limit(5_000, 1, 60_000, "wall-clock time of one invocation (SPEC 4.8)")
    fuel: int = _limit(
        20_000_000_000, 100_000, 10**15, "work of one invocation, about a Wasm instruction each; 4 s of CPU"
    )
    memory_bytes: int = _limit(
        128 << 20, 8 << 20, MEMORY_BYTES_MAX, "linear memory of one sandbox (SPEC D30)"
    )
    stack_bytes: int = _limit(
        STACK_BYTES, 64 << 10, STACK_BYTES, "JavaScript call stack; past it the function sees a RangeError"
    )
    source_bytes: int = _limit(1 << 20, 1, 16 << 20, "source text of a function (SPEC D30)")
    input_bytes: int = _limit(6 << 20, 2, 64 << 20, "JSON text of an event or a batch (SPEC 6)")
    output_bytes: int = _limit(
        6 << 20, 2, 64 << 20, "JSON text that comes out of one invocation (SPEC 6, D13)"
    )
    log_lines: int = _limit(1_000, 0, 100_000, "console lines kept of one invocation")
    log_bytes: int = _limit(64 << 10, 0, 16 << 20, "console output kept of one invocation")
    operations: int = _limit(100, 0, 1_000, "host operations (fetch, cache) outstanding at once (SPEC D30)")
    timers: int = _limit(1_000, 0, 10_000, "timers outstanding at once")
    sandboxes: int = _limit(16, 1, 10_000, "sandboxes of one function, so invocations at once")

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            low, high = entry.metadata["low"], entry.metadata["high"]
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise LimitError(f"{entry.name} must be an integer from {low} to {high}, not {value!r}")


NATIVE_STACK_BYTES: Final = 16 << 20
"""
Machine stack of guest code. So much larger than STACK_BYTES that JavaScript meets its own limit first, even in the
parser, whose functions hold nearly all they know in registers, so on this stack (a trap, which no function can catch).
"""

FIBER_BYTES: Final = NATIVE_STACK_BYTES + (2 << 20)
"""Stack of a fiber: guest code, and the host imports it calls."""

SLICE_FUEL: Final = 1_000_000
"""Fuel between two preemptions of a running invocation: 0.2 to 0.35 ms."""

TURN_FUEL: Final = 1_000_000
"""
Fuel that may be spent before the event loop gets its turn: about as long. An event of the service takes some twenty turns
of the loop, so beside functions that never end it comes that much later twenty times.
"""

STRETCH_FUEL: Final = 4_000_000
"""
The same for events that were given at once, while nobody waits for a turn: 1 ms or so. Whatever the loop does in between
drives the guest out of the processor's cache, and costs as much as an event or two.
"""

RESUME_FUEL: Final = 500_000
FETCH_FUEL: Final = 3_000_000
CACHE_FUEL: Final = 50_000
CACHE_BYTE_FUEL: Final = 4
"""
What the host's own work counts as, beside the guest's, when it is shared out among tenants: to enter a function again that
waited, to send a request, to answer one to the cache and each byte of it. No invocation's own fuel.
"""

BATCH_EVENTS: Final = 1_000
"""Events of one batch at most (SPEC D9)."""

EVICTED_AT_ONCE: Final = 16
"""Idle sandboxes closed together when room is needed."""

SPARE_PAGES: Final = 16
"""Wasm pages (64 KiB) of untouched memory in every image, so that ordinary events never grow memory."""

REWIND_PAGES: Final = 512
"""Dirty pages (4 KiB) past which a hermetic sandbox is replaced rather than rewound."""

SANDBOXES_COMPILING: Final = 64
"""Sandboxes for compiling, beside those of the executor."""

SANDBOXES: Final = 20_000
"""Sandboxes of one executor, idle ones included; the least recently used idle one goes first."""

assert STACK_BYTES * 16 < NATIVE_STACK_BYTES < FIBER_BYTES
assert SLICE_FUEL <= TURN_FUEL <= STRETCH_FUEL
