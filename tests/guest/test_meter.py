"""The counting of work that the build writes into the engine: no code goes round without it, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from guest.build import meter
from guest.build.engine import ENTRIES
from headgate_runtime import guest, wasm
from headgate_runtime.wasm import WasmError

if TYPE_CHECKING:
    from collections.abc import Sequence


def compiled(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def meter_of(text: str, entries: Sequence[str] = ()) -> bytes:
    return meter.meter(
        compiled(text),
        "headgate",
        "pause",
        "fuel",
        "turns",
        slice_fuel=SLICE,
        entries=entries,
        recall="recall",
    )


HEAD = '(import "headgate" "pause" (func $pause (param i64) (result i64))) (global $stack (mut i32) (i32.const 0))'
TAIL = '(func $fuel (export "fuel") (param i64) (result i64) (call $pause (local.get 0)))'
RECALL = (
    '(global $recalled (export "recalled") (mut i32) (i32.const 0)) (func (export "recall") (result i32) {})'
)


SLICE = 5_000
"""What the module sets its own counter to at most."""


class Counted(Exception):
    """The fuel is used up."""


class Metered:
    """An instance of a metered module, with *fuel* and no more after that."""

    def __init__(self, text: str, fuel: int = 10_000, recall: str = "(i32.const 0)", entry: str = "") -> None:
        module = meter_of(f"(module {HEAD} {text} {TAIL} {RECALL.format(recall)})", [entry] if entry else [])
        self.store = wasmtime.Store()
        kind = wasmtime.FuncType([wasmtime.ValType.i64()], [wasmtime.ValType.i64()])
        linker = wasmtime.Linker(self.store.engine)
        linker.define(self.store, "headgate", "pause", wasmtime.Func(self.store, kind, self._pause))
        self.exports = linker.instantiate(self.store, wasmtime.Module(self.store.engine, module)).exports(
            self.store
        )
        counter = self.exports["fuel"]
        assert isinstance(counter, wasmtime.Global)
        self.counter = counter
        self.counter.set_value(self.store, fuel)
        turns = self.exports["turns"]
        assert isinstance(turns, wasmtime.Global)
        self.turns = turns
        self.asked: list[int] = []

    def _pause(self, fuel: int) -> int:
        self.asked.append(fuel)
        raise Counted

    def call(self, name: str, *arguments: int) -> object:
        function = self.exports[name]
        assert isinstance(function, wasmtime.Func)
        return function(self.store, *arguments)

    def used(self, name: str, *arguments: int) -> int:
        before = int(self.counter.value(self.store))
        self.call(name, *arguments)
        return before - int(self.counter.value(self.store))


ENDLESS = {
    "loop": '(func (export "f") (loop (br 0)))',
    "loop with a condition": '(func (export "f") (loop (br_if 0 (i32.const 1))))',
    "from within blocks": '(func (export "f") (loop (block (block (br 2))) (br 0)))',
    "conditions within blocks": '(func (export "f") (loop (block (br_if 1 (i32.const 1)) (br 0))))',
    "by a table": '(func (export "f") (loop (block (br_table 0 1 1 (i32.const 7)))))',
    "outer loop": '(func (export "f") (loop (loop (br_if 1 (i32.const 1)))))',
    "within if": '(func (export "f") (loop (if (i32.const 1) (then (br 1)) (else (br 0)))))',
    "recursion": '(func $f (export "f") (call $f))',
    "mutual recursion": '(func $f (export "f") (call $g)) (func $g (call $h)) (func $h (call $f))',
    "recursion of the second": '(func (export "f") (call $g)) (func $g (call $h)) (func $h (call $g))',
    "through a table": """(type $t (func)) (table 2 funcref) (elem (i32.const 0) $f $g)
        (func $f (export "f") (call_indirect (type $t) (i32.const 1))) (func $g (call $f))""",
}


@pytest.mark.parametrize("kind", sorted(ENDLESS))
def test_whatever_never_ends_asks_for_fuel(kind: str) -> None:
    metered = Metered(ENDLESS[kind], fuel=500)

    with pytest.raises(Counted):
        metered.call("f")
    assert len(metered.asked) == 1
    assert -meter.WORTH_MAX <= metered.asked[0] < 0


COUNT = """(func (export "f") (param $n i32) (result i32) (local $sum i32)
    (block $out (loop $again
        (br_if $out (i32.eqz (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $again)))
    (local.get $sum))"""


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300))
def test_work_counts_turn_by_turn_and_results_stay(count: int) -> None:
    metered = Metered(COUNT, fuel=1 << 40)

    assert metered.call("f", count) == count * (count + 1) // 2
    assert metered.used("f", count) == count * metered.used("f", 1)


@given(st.integers(1, 9), st.integers(0, 3))
def test_what_is_called_counts_too(calls: int, depth: int) -> None:
    """A function that cannot come back is not counted itself: its callers pay for it."""
    callee = "(func $g (local $x i32) " + "(local.set $x (i32.const 1)) " * 10 + ")"
    wrapped = "(block " * depth + "(call $g) " * calls + ")" * depth
    text = f"""{callee} (func (export "f") (param $n i32) (loop {wrapped}
        (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))"""
    each = Metered(text, fuel=1 << 40).used("f", 2)

    assert 20 * calls <= each <= 20 * calls + 10 + calls


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("(nop)", 6),
        ("(br_if 1 (i32.const 0)) " + "(drop (i32.const 1))" * 40, 6 + 2 + 20),
        ("(if (i32.const 0) (then " + "(drop (i32.const 1))" * 40 + "))", 6 + 2 + 20),
        ("(block (br_table 0 1 2 (i32.const 0)) " + "(drop (i32.const 1))" * 40 + ")", None),
    ],
)
def test_what_is_behind_a_branch_counts_in_parts(text: str, worth: int | None) -> None:
    body = f"(block (loop {text} (br_if 0 (i32.and (i32.const 1) (i32.sub (i32.const 1) (i32.const 1))))))"
    module = compiled(f"(module (func {body}))")
    code = next(part.payload for part in wasm.sections(module) if part.id == meter.CODE)
    reader = wasm.Reader(code)
    reader.unsigned()
    found = meter.read_body(reader.take(reader.unsigned())).loops[0].account.own

    assert worth is None or abs(found - worth) <= 3
    assert found >= 2


def test_a_module_that_cannot_ask_is_refused() -> None:
    with pytest.raises(WasmError, match=r"does not import headgate\.pause"):
        meter_of("(module)")
    with pytest.raises(WasmError, match="does not export fuel"):
        meter_of(f'(module {HEAD} (func (export "f")))')
    with pytest.raises(WasmError, match="exports no function recall"):
        meter_of(f"(module {HEAD} {TAIL})")
    with pytest.raises(WasmError, match="exports no function f"):
        meter_of(f"(module {HEAD} {TAIL} {RECALL.format('(i32.const 0)')})", ["f"])


SETS = '(func (export "set") (param i64) (result i64) (call $fuel (local.get 0)))'


class TestSettingTheCounter:
    """The module itself may, as often as the host has said."""

    def test_to_a_slice_at_most(self) -> None:
        made = Metered(SETS)
        made.turns.set_value(made.store, 3)

        assert [made.call("set", left) for left in (700, SLICE, SLICE + 1, -1)] == [10_000, 700, SLICE, SLICE]
        assert made.turns.value(made.store) == 0

    def test_reading_is_free(self) -> None:
        made = Metered(SETS, fuel=77)

        assert [made.call("set", left) for left in (-1, -(1 << 63))] == [77, 77]
        assert made.counter.value(made.store) == 77

    def test_no_oftener_than_it_may(self) -> None:
        made = Metered(SETS, fuel=50)
        made.turns.set_value(made.store, 1)
        made.call("set", 60)

        for _ in range(2):
            with pytest.raises(wasmtime.Trap, match="unreachable"):
                made.call("set", 70)
        assert made.counter.value(made.store) == 60


ENTERS = """(global $answer (export "answer") (mut i32) (i32.const 0))
    (func (export "f") (result i32) (local $n i32) (local.set $n (i32.const 9))
        (loop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (global.get $answer))"""


class TestEntering:
    """An entry point that is told its fuel, and tells what it left."""

    def answers(self, made: Metered, value: int) -> None:
        answer = made.exports["answer"]
        assert isinstance(answer, wasmtime.Global)
        answer.set_value(made.store, value)

    def test_it_begins_with_what_it_is_told_and_answers_with_the_rest(self) -> None:
        made = Metered(ENTERS, fuel=77, entry="f")
        left = made.call("f_with", 1_000, 3, 0)

        assert left == made.counter.value(made.store) == 1_000 - made.used("f")
        assert made.turns.value(made.store) == 3

    @pytest.mark.parametrize("answer", [1, 3, -1])
    def test_what_is_not_0_comes_below_zero(self, answer: int) -> None:
        made = Metered(ENTERS, entry="f")
        self.answers(made, answer)

        assert made.call("f_with", 1_000, 0, 0) == -(answer & 0xFFFFFFFF)
        assert made.call("f") == answer

    def test_recalling_costs_the_event_nothing(self) -> None:
        work = "(local $n i32) (local.set $n (i32.const 50)) (loop (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"
        made = Metered(
            ENTERS,
            entry="f",
            recall=f"{work} (global.set $recalled (i32.add (global.get $recalled) (i32.const 1)))"
            " (i32.const 0)",
        )
        plain = made.call("f_with", 1_000, 0, 0)
        recalled = made.exports["recalled"]
        assert isinstance(recalled, wasmtime.Global)

        assert recalled.value(made.store) == 0
        assert made.call("f_with", 1_000, 0, 1) == plain
        assert recalled.value(made.store) == 1

    def test_recalling_cannot_go_on_for_long(self) -> None:
        made = Metered(ENTERS, entry="f", recall="(loop (br 0)) (i32.const 0)")

        with pytest.raises(Counted):
            made.call("f_with", 1_000, 0, 1)

    def test_no_more_fuel_than_it_is_told(self) -> None:
        made = Metered(ENTERS, fuel=1 << 40, entry="f")

        with pytest.raises(Counted):
            made.call("f_with", 5, 0, 0)


def test_unknown_instructions_are_refused() -> None:
    text = f"(module {HEAD} (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 9))) {TAIL})"
    with pytest.raises(WasmError, match="not known to the meter"):
        meter_of(text)


def test_the_engine_has_no_way_round_without_a_check() -> None:
    """Read anew: every loop of the engine, and every circle of calls, has a place where fuel is subtracted."""
    module = guest.read("engine.wasm")
    sections = {part.id: part.payload for part in wasm.sections(module) if part.id}
    reader = wasm.Reader(sections[meter.CODE])
    codes = [reader.take(reader.unsigned()) for _ in range(reader.unsigned())]
    imported = sum(entry.kind == wasm.FUNCTION_KIND for entry in wasm.imports(module))
    helper = imported + len(codes) - 1 - len(ENTRIES)
    bodies = [meter.read_body(code) for code in codes]

    asking = sum(helper in body.calls for body in bodies)
    assert asking > 100
    for body in bodies:
        if any(loop.backs for loop in body.loops):
            assert helper in body.calls
    types = [wasm.Reader(entry.description).unsigned() for entry in wasm.imports(module) if entry.kind == 0]
    types += meter._numbers(sections[meter.FUNCTION])
    edges: dict[int, set[int]] = {}
    for index in meter._table(sections[meter.ELEMENT]):
        edges.setdefault(-1 - types[index], set()).add(index)
    for index, body in enumerate(bodies, imported):
        if body.account.calls.get(helper, 0) < 0.5:  # else it asks wherever it goes
            edges[index] = body.calls | {-1 - kind for kind in body.types}
    free = {node: [to for to in targets if to in edges] for node, targets in edges.items()}
    for group in meter._circles(free):
        assert len(group) == 1
        assert group[0] not in free[group[0]]
