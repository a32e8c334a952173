"""
Runs several events of a function in one sandbox with a single call into the guest (guest/ABI.md, "Rows"),
because the call itself costs as much as a plain event. Otherwise the results are the same as for single
events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from headgate_runtime.abi import (
    INPUT_INLINE,
    INPUT_PADDING,
    RESULT_AT,
    RESULT_QUICK,
    ROW,
    ROW_INPUT,
    ROW_RESULT,
    Kind,
)
from headgate_runtime.invocation import Invocation, outcome_of, serve
from headgate_runtime.limits import SLICE_FUEL
from headgate_runtime.outcome import Cause, Forward, Usage
from headgate_runtime.pool import COLD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate_runtime.executor import Executor
    from headgate_runtime.function import Slot
    from headgate_runtime.outcome import Outcome

_OUT_OF_MEMORY: Final = int(Kind.OUT_OF_MEMORY)

_ROOM: Final = (INPUT_INLINE - ROW.size) * 3 // 4
"""Bytes for the texts and headers of a row. The rest is for outputs, which may be longer than the texts."""

ROW_EVENTS: Final = 32
"""Most events in a row."""

_EACH: Final = ROW_RESULT.size + ROW_INPUT.size + INPUT_PADDING


def serve_row(
    executor: Executor, slot: Slot, texts: Sequence[bytes], outcomes: list[Outcome]
) -> Invocation | None:
    """
    Run those of *texts* that have no outcome yet, at least one and at most what fits the turn and a row, and
    append to *outcomes*. Returns an Invocation if the next event needs more than a slice or more steps to
    conclude, else None.

    Raises NoRoom when the sandbox has no memory for the next event.
    """
    function = slot.function
    count, room = 0, _ROOM
    first = len(outcomes)
    budget = executor.scheduler.left
    if not function.hermetic and not slot.untried and budget > 0:
        most = min(ROW_EVENTS, budget // function.event_fuel + 1)
        for text in texts[first : first + most]:
            room -= len(text) + _EACH
            if room < 0:
                break
            count += 1
    if count < 2:
        served = serve(executor, slot, texts[first])
        if isinstance(served, Invocation):
            return served
        outcomes.append(served)
        return None

    texts = texts[first : first + count]
    sandbox, clock = slot.sandbox, executor.clock
    now_ms, started_ms = clock.wall_ms(), clock.monotonic_ms()
    recall = executor.pool.released - slot.used > COLD
    seeds = executor.entropy(32 * count)
    left = sandbox.enter_row(texts, now_ms, started_ms, seeds, function.flags, recall, budget)
    took_ms = clock.monotonic_ms() - started_ms
    results = list(sandbox.row_results(count))
    is_over = False
    if left >= 0:
        *last, leftover = RESULT_QUICK.unpack_from(sandbox.memory, sandbox.mailbox + RESULT_AT)
        is_over = not leftover and last[0] != _OUT_OF_MEMORY
        if is_over:
            results.append((function.fuel - left, *last))
    spent = sum([result[0] for result in results])
    executor.scheduler.charge(function.tenant, spent)
    function.event_fuel = max(1, spent // max(1, len(results)))
    fuel_in_all = spent if is_over else spent + _fuel_of_last(slot)
    # The clock was not read between the events, so their time is split in proportion to their fuel.
    ms_per_fuel = took_ms / max(1, fuel_in_all)
    for fuel, kind, address, size, log_at, log_size, dropped, peak in results:
        size = min(size, sandbox.output_max)
        output = sandbox.read(address, size)
        if not kind and not log_size and not dropped:
            outcome: Outcome = Forward(Cause.FORWARD, fuel, fuel * ms_per_fuel, peak, output)
        else:
            log = sandbox.read_log(log_at, log_size)
            usage = Usage(fuel, fuel * ms_per_fuel, peak)
            outcome = outcome_of(kind, output, usage, function.limits, log, dropped, now_ms)
        outcomes.append(outcome)
    if is_over:
        return None
    began_ms = started_ms + spent * ms_per_fuel
    return Invocation.begun(executor, slot, texts[len(results)], began_ms, now_ms, sandbox.row)


def _fuel_of_last(slot: Slot) -> int:
    """Fuel so far of the event with which the row ended."""
    return SLICE_FUEL if slot.sandbox.row.running else slot.function.fuel - slot.sandbox.get_fuel()
