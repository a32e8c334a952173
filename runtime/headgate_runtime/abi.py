"""The numbers of the contract with the guest (guest/ABI.md): mailbox layout, statuses and outcome kinds."""

from __future__ import annotations

import enum
import struct
from typing import Final

VERSION: Final = 1
"""ABI version; images of other versions are refused."""

IMPORT_MODULE: Final = "headgate"

IMPORTS: Final = {"settings": 2, "fetch": 5, "cache": 3, "library": 4, "keys": 6}
"""The functions that the guest imports and their number of arguments. Arguments and results are i32."""

NOW: Final = 0
"""Offset of the clock cell: two doubles, wall and monotonic milliseconds."""

CLOCK: Final = struct.Struct("<2d")
ENTRY: Final = struct.Struct("<2d32s4I")
"""Offset 0, host to guest: now_ms, monotonic_ms, seed, flags, settings_version, input_ptr, input_len."""

RESULT_AT: Final = 64
RESULT: Final = struct.Struct("<8IdIIII")
"""Guest to host: outcome, output_ptr, output_len, log_ptr, log_len, log_dropped, heap_peak, operations, due_ms,
touched, leftover, handlers, heap_used."""

RESULT_QUICK: Final = struct.Struct("<7I16xI")
"""The fields of RESULT that most outcomes need: outcome, output_ptr, output_len, log_ptr, log_len, log_dropped,
heap_peak, leftover."""

LIMITS_AT: Final = 120
LIMITS: Final = struct.Struct("<6I")
"""output_bytes_max, log_bytes_max, log_lines_max, operations_max, timers_max, stack_bytes_max."""

STACK_BYTES: Final = 1 << 20
"""The guest's C stack, at the bottom of memory. Its content is meaningless between two entries."""

PLAN_AT: Final = 144
PLAN: Final = struct.Struct("<5I")
"""plan_mode, plan_ptr, plan_count, plan_bytes, plan_heap; only used while an image is made."""

WORD: Final = struct.Struct("<I")

ROW_AT: Final = 172
"""Address of the row that the entry point `row` serves."""

ROW: Final = struct.Struct("<4I")
"""Header of a row: count, done, slice, fuel. An array of ROW_RESULT or seeds and one of ROW_INPUT follow."""

ROW_DONE: Final = struct.Struct("<4xI")
ROW_RESULT: Final = struct.Struct("<8I")
"""Guest to host, overwriting the seed: fuel, outcome, output_ptr, output_len, log_ptr, log_len, log_dropped,
heap_peak."""

ROW_INPUT: Final = struct.Struct("<2I")
"""Input text of an event: ptr, len."""

INPUT_AT: Final = 192
INPUT_INLINE: Final = 16384 - 32
"""Largest input that is written at INPUT_AT; a larger one needs `reserve`."""

INPUT_PADDING: Final = 32

ANSWER: Final = struct.Struct("<4I")
"""Header of each answer in the input of resume: operation id, status, payload length, body length or NO_BODY."""

NO_BODY: Final = 0xFFFFFFFF

KEYS: Final = struct.Struct("<2I")
"""Header of an answer of the import `keys`: thousands of fuel, KeysFlag."""

KEYS_BYTES_MAX: Final = 32768
"""Largest answer of `keys`, including the header."""

DETAIL_BYTES_MAX: Final = 1 << 17
"""Of an output that tells why there is none; it may be longer than output_bytes_max."""

ITEM_COUNT: Final = struct.Struct("<I")
"""Header of batch output: the number of events."""

ITEM: Final = struct.Struct("<3I")
"""Batch output per event: kind, offset into the output, length."""

HANDLERS: Final = (
    "onIdentify",
    "onTrack",
    "onPage",
    "onScreen",
    "onGroup",
    "onAlias",
    "onDelete",
    "onBatch",
)
"""Handlers in the order of the bits of mailbox.handlers."""


class Flag(enum.IntFlag):
    """mailbox.flags"""

    HERMETIC = 1
    BATCH = 2
    DEFER = 4


class KeysFlag(enum.IntFlag):
    """Flags of an answer of `keys`: RANDOM if it is not deterministic, ERROR if it is an error in JSON."""

    RANDOM = 1
    ERROR = 2


class Touched(enum.IntFlag):
    """What the top level used while the image was made."""

    CLOCK = 1
    ENTROPY = 2
    HOST = 4


class Status(enum.IntEnum):
    """Results of invoke and resume."""

    DONE = 0
    PENDING = 1
    STUCK = 2
    BAD_INPUT = 3


class Load(enum.IntEnum):
    """Results of load."""

    OK = 0
    SYNTAX = 1
    THROWN = 2
    BAD_INPUT = 3
    OUT_OF_MEMORY = 4


class Kind(enum.IntEnum):
    """mailbox.outcome"""

    FORWARD = 0
    EMPTY = 1
    THROWN = 2
    MISSING = 3
    BAD_RETURN = 4
    UNKNOWN_TYPE = 5
    ITEMS = 6
    TOO_LARGE = 7
    OUT_OF_MEMORY = 8


class Item(enum.IntEnum):
    """Kind of one event in the output of a batch."""

    FORWARD = 0
    FILTERED = 1
    BAD_RETURN = 2
    RETRY = 3
    UNCHANGED = 4
    DISCARD = 5
    THROWN = 6
    TOO_LARGE = 7


LEVELS: Final = ("debug", "log", "info", "warn", "error")
"""Console levels by number."""
