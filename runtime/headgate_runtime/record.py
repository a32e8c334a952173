"""
Record and replay. A record holds all inputs of an invocation (event, clock, entropy, answers); everything
else a sandbox does follows from its image. So a replay is exact to the unit of fuel.
"""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from headgate_runtime import abi, conclude
from headgate_runtime._wasmtime import EngineError
from headgate_runtime.errors import ReplayError
from headgate_runtime.limits import SLICE_FUEL, Limits
from headgate_runtime.outcome import Usage
from headgate_runtime.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_runtime.image import Image
    from headgate_runtime.outcome import Outcome

FORMAT = 2

_FLAGS: Final = range(2 * max(abi.Flag))


class Entry(NamedTuple):
    """One call into the guest: its entry point, input and clock, and the clock after each preemption."""

    name: str
    now_ms: float
    monotonic_ms: float
    seed: bytes
    flags: int
    content: bytes
    slices: list[tuple[float, float]]


class Record(NamedTuple):
    """
    All inputs of an invocation. It contains the event, the settings and private keys: treat it as a secret.

    image       digest of the function's image
    sizes       for a batch, the size of each event in bytes; None for a single event
    keys        answers of the import `keys`, in order; may contain private keys
    """

    image: str
    settings: bytes
    limits: Limits
    entries: list[Entry]
    sizes: list[int] | None = None
    keys: Sequence[bytes] = ()

    def __repr__(self) -> str:
        # Settings and events must not get into logs.
        return f"<Record of image {self.image[:12]}, {len(self.entries)} entries>"

    def dumps(self) -> bytes:
        """The record as JSON text, for a file."""
        return orjson.dumps(
            {
                "format": FORMAT,
                "image": self.image,
                "settings": orjson.Fragment(self.settings),
                "limits": dataclasses.asdict(self.limits),
                "sizes": self.sizes,
                "keys": [base64.b64encode(answer).decode() for answer in self.keys],
                "entries": [
                    {
                        "name": entry.name,
                        "nowMs": entry.now_ms,
                        "monotonicMs": entry.monotonic_ms,
                        "seed": entry.seed.hex(),
                        "flags": entry.flags,
                        "content": base64.b64encode(entry.content).decode(),
                        "slices": entry.slices,
                    }
                    for entry in self.entries
                ],
            },
            option=orjson.OPT_INDENT_2,
        )

    @classmethod
    def loads(cls, text: bytes | str) -> Record:
        """Parse the text of `dumps`. Raises ReplayError when it is not a record."""
        try:
            value = orjson.loads(text)
            written_as = value["format"]
        except (KeyError, TypeError, ValueError) as error:
            raise ReplayError(f"not a record: {error!r}") from None
        if written_as != FORMAT:
            raise ReplayError(f"the record has format {written_as}, this runtime reads format {FORMAT}")
        try:
            entries = [
                Entry(
                    each["name"],
                    float(each["nowMs"]),
                    float(each["monotonicMs"]),
                    bytes.fromhex(each["seed"]),
                    int(each["flags"]),
                    base64.b64decode(each["content"], validate=True),
                    [(float(now), float(monotonic)) for now, monotonic in each["slices"]],
                )
                for each in value["entries"]
            ]
            _check(value["image"], entries)
            sizes = value["sizes"]
            if sizes is not None:
                sizes = [int(size) for size in sizes]
            settings, limits = orjson.dumps(value["settings"]), Limits(**value["limits"])
            keys = [base64.b64decode(answer, validate=True) for answer in value["keys"]]
            return cls(value["image"], settings, limits, entries, sizes, keys)
        except (KeyError, TypeError, ValueError) as error:
            raise ReplayError(f"not a record: {error!r}") from None


def _check(image: object, entries: list[Entry]) -> None:
    names = [entry.name for entry in entries]
    if names != ["invoke", *["resume"] * (len(names) - 1)]:
        raise ValueError("its entries are not one invoke and its resumes")
    if not isinstance(image, str) or any(entry.flags not in _FLAGS for entry in entries):
        raise TypeError("its image or its flags are of another kind")


def replay(record: Record, image: Image) -> Outcome | list[Outcome]:
    """
    Run a recorded invocation again, with the same output, logs and fuel, and without the network or the
    machine's clock. Returns a list for a batch.

    An invocation that was stopped by the wall clock ends with its record, as the same Timeout. Raises
    ReplayError when *image* is not the recorded one, or when the guest does not do what was recorded.
    """
    if record.image != image.digest:
        raise ReplayError(f"the record is of image {record.image[:12]}, this is image {image.digest[:12]}")
    sandbox = Sandbox(image.compiled, record.limits, image.mailbox, record.settings)
    answers = iter(record.keys)
    unanswered: list[bytes] = []

    def tell(request: bytes, _data: bytes) -> bytes | None:
        answer = next(answers, None)
        if answer is None:
            unanswered.append(request)
        return answer

    sandbox.keys = tell
    try:
        outcome = _replay(record, sandbox)
    except EngineError as error:
        raise ReplayError(f"the record does not fit the engine: {error}") from None
    except ReplayError:
        if not unanswered:
            raise
    finally:
        sandbox.close()
    if unanswered:
        raise ReplayError("the invocation asks for keys more often than recorded")
    return outcome


def _replay(record: Record, sandbox: Sandbox) -> Outcome | list[Outcome]:
    first = record.entries[0]
    batch = None if record.sizes is None else _events(first.content, record.sizes)
    count = len(batch) if batch is not None else 1
    limits = record.limits
    if first.flags & abi.Flag.HERMETIC:
        sandbox.write_input(b"", 0.0, 0.0, bytes(32), first.flags)  # like every hermetic sandbox
        sandbox.call("configure")
    last = len(record.entries) - 1
    for number, entry in enumerate(record.entries):
        if not sandbox.write_input(entry.content, entry.now_ms, entry.monotonic_ms, entry.seed, entry.flags):
            wall_ms = entry.monotonic_ms - first.monotonic_ms
            usage = Usage(limits.fuel - sandbox.get_fuel(), wall_ms, 0)
            return _shape([conclude.of_memory(usage, limits)] * count, batch)
        if number == 0:
            sandbox.set_fuel(limits.fuel)  # allocating room for the input is not charged to the event
        call = sandbox.start(entry.name)
        over = sandbox.step(call)
        for now_ms, monotonic_ms in entry.slices:
            if over:
                raise ReplayError("the invocation ended earlier than recorded")
            sandbox.write_clock(now_ms, monotonic_ms)
            over = sandbox.step(call)
        wall_ms = (entry.slices[-1][1] if entry.slices else entry.monotonic_ms) - first.monotonic_ms
        if not over:
            if number != last:
                raise ReplayError("the invocation ran longer than recorded")
            fuel = SLICE_FUEL * sum(len(each.slices) for each in record.entries) + SLICE_FUEL
            return _shape([conclude.of_timeout(Usage(fuel, wall_ms, 0), limits)] * count, batch)
        if call.trap:
            usage = Usage(limits.fuel - sandbox.get_fuel(), wall_ms, 0)
            return _shape([conclude.of_trap(call.trap, usage, limits)] * count, batch)
        if number < last:
            if call.result != abi.Status.PENDING:
                raise ReplayError("the invocation ended earlier than recorded")
            continue
        return _shape(_conclude(sandbox, call.result, wall_ms, record, batch), batch)
    raise ReplayError("the record holds no entry")


def _conclude(
    sandbox: Sandbox, status: int, wall_ms: float, record: Record, batch: list[bytes] | None
) -> list[Outcome]:
    result, limits = sandbox.result(), record.limits
    usage = Usage(limits.fuel - sandbox.get_fuel(), wall_ms, result.heap_peak)
    count = len(batch) if batch is not None else 1
    if status == abi.Status.BAD_INPUT:
        raise ReplayError("the record holds no usable event")
    if status == abi.Status.PENDING:
        outcomes = [conclude.of_timeout(usage, limits)] * count
    elif status == abi.Status.STUCK:
        outcomes = [conclude.of_stuck(usage)] * count
    elif result.outcome == abi.Kind.ITEMS and batch is not None:
        output = sandbox.read_output(result.output_ptr, result.output_len)
        outcomes = conclude.of_items(output, batch, usage, limits)
    else:
        outcomes = [
            conclude.of_output(
                result.outcome, sandbox.read_output(result.output_ptr, result.output_len), usage, limits
            )
        ] * count
    if result.leftover and not record.entries[0].flags & abi.Flag.HERMETIC:
        call = sandbox.start("drain")
        if sandbox.step(call) and not call.trap:
            result = sandbox.result()
    lines = conclude.log_lines(sandbox.read_log(result.log_ptr, result.log_len))
    for outcome in outcomes:
        outcome.add(logs=lines, logs_dropped=result.log_dropped)
    return outcomes


def _shape(outcomes: list[Outcome], batch: list[bytes] | None) -> Outcome | list[Outcome]:
    return outcomes if batch is not None else outcomes[0]


def _events(content: bytes, sizes: list[int]) -> list[bytes]:
    """The events of a batch, cut byte for byte from its text, in which one byte separates them: `[a,b,c]`."""
    events = []
    at = 1
    for size in sizes:
        events.append(content[at : at + size])
        at += size + 1
    return events
