"""
All bounds on functions with their defaults and ranges; the last word of a name is its unit. Bounds on single
fetches are in fetch/limits.py, the guest's own in guest/ABI.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

from headgate_runtime.errors import LimitError

MEMORY_BYTES_MAX: Final = 512 << 20
"""Upper bound of `memory_bytes` (SPEC D30), and the address space reserved for each memory."""


STACK_BYTES: Final = 960 << 10
"""The part of the guest's C stack that JavaScript calls may use (about 300 bytes per plain call)."""


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
Machine stack of guest code. It is so much larger than STACK_BYTES that JavaScript always hits its own limit
first, even in the parser, which keeps nearly all of its state on this stack. Overflowing this one is a trap
that no function can catch.
"""

FIBER_BYTES: Final = NATIVE_STACK_BYTES + (2 << 20)
"""Stack of a fiber: guest code and the host functions that it calls."""

SLICE_FUEL: Final = 1_000_000
"""Fuel of one slice, after which a running invocation is preempted: 0.2 to 0.35 ms."""

TURN_FUEL: Final = 1_000_000
"""
Fuel that is spent before the event loop gets a turn, about as long as a slice. An event of the service takes
some twenty turns of the loop, so next to functions that never end it is delayed by twenty times this.
"""

STRETCH_FUEL: Final = 8_000_000
"""
The same for events that were submitted together while no other invocation waits: about 2 ms. A turn of the
loop evicts the guest from the processor's caches, which costs as much as one or two events.
"""

RESUME_FUEL: Final = 500_000
FETCH_FUEL: Final = 3_000_000
CACHE_FUEL: Final = 50_000
CACHE_BYTE_FUEL: Final = 4
"""
Host work in fuel, for fair scheduling among tenants: resuming a function that waited, sending a request,
answering a cache request, and each byte of a cache request. It is not charged to the invocation's own fuel.
"""

BATCH_EVENTS: Final = 1_000
"""Most events in a batch (SPEC D9)."""

EVICTED_AT_ONCE: Final = 16
"""Number of idle sandboxes that are closed together when room is needed."""

SPARE_PAGES: Final = 16
"""Unused Wasm pages (64 KiB) at the end of every image, so that ordinary events do not grow the memory."""

REWIND_PAGES: Final = 512
"""Private pages (4 KiB) beyond which a hermetic sandbox is replaced instead of rewound."""

SHARED_PAGES: Final = 32
"""
Private pages (4 KiB) of a hermetic sandbox beyond which no other function takes it over: all events after it in this
sandbox would pay for restoring them.
"""

SHARED_START_BYTES: Final = 64 << 10
"""Largest start of a hermetic function (image, limits and settings) for which it takes over others' sandboxes."""

SANDBOXES_COMPILING: Final = 64
"""Sandboxes for compiling, in addition to those of the executor."""

SANDBOXES: Final = 20_000
"""Sandboxes of one executor, including idle ones, of which the least recently used is closed first."""

assert STACK_BYTES * 16 < NATIVE_STACK_BYTES < FIBER_BYTES
assert SLICE_FUEL <= TURN_FUEL <= STRETCH_FUEL
