"""The section reader and writer, held against wasmtime's own reading of the same bytes."""

from __future__ import annotations

import itertools

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime import wasm
from headgate_runtime.wasm import PAGE_BYTES, Segment, WasmError


def assemble(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


SAMPLE = assemble("""
(module
  (import "env" "memory" (memory 2))
  (import "headgate" "file" (func (param i32 i32) (result i32)))
  (import "headgate" "table" (table 1 funcref))
  (import "headgate" "base" (global i32))
  (global (export "here") i32 (i32.const 7))
  (func (export "answer") (result i32) i32.const 42)
  (data (i32.const 16) "sixteen")
  (data (i32.const 65536) "second page"))
""")

contents = st.lists(
    st.one_of(st.binary(max_size=300), st.integers(1, 3 * PAGE_BYTES).map(bytes)), max_size=12
)


def loaded(module: bytes, export: str = "memory") -> bytes:
    """The memory that *module* exports once wasmtime has instantiated it."""
    store = wasmtime.Store()
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, module), [])
    memory = instance.exports(store)[export]
    assert isinstance(memory, wasmtime.Memory)
    return bytes(memory.read(store))


@given(st.integers(0, 2**64 - 1))
def test_unsigned_numbers_survive(value: int) -> None:
    assert wasm.Reader(wasm.encode_unsigned(value)).unsigned(64) == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_numbers_survive(value: int) -> None:
    assert wasm.Reader(wasm.encode_signed(value)).signed(64) == value


@pytest.mark.parametrize("encoded", [b"\x80\x80\x80\x80\x80\x01", b"\xff\xff\xff\xff\x1f", b"\x80"])
def test_numbers_beyond_32_bits_are_refused(encoded: bytes) -> None:
    with pytest.raises(WasmError):
        wasm.Reader(encoded).unsigned()


def test_sections_survive() -> None:
    assert wasm.join(wasm.sections(SAMPLE)) == SAMPLE


def test_imports_are_read() -> None:
    found = [(entry.module, entry.name, entry.kind) for entry in wasm.imports(SAMPLE)]

    assert found == [
        ("env", "memory", wasm.MEMORY_KIND),
        ("headgate", "file", wasm.FUNCTION_KIND),
        ("headgate", "table", wasm.TABLE_KIND),
        ("headgate", "base", wasm.GLOBAL_KIND),
    ]


def test_exports_are_read() -> None:
    found = [(entry.name, entry.kind) for entry in wasm.exports(SAMPLE)]

    assert found == [("here", wasm.GLOBAL_KIND), ("answer", wasm.FUNCTION_KIND)]


def test_memory_pages_of_an_import_and_of_an_own_memory() -> None:
    assert wasm.memory_pages(SAMPLE) == 2
    assert wasm.memory_pages(assemble("(module (memory 3 9))")) == 3


def test_memory_pages_wants_exactly_one_memory() -> None:
    with pytest.raises(WasmError, match="0 memories"):
        wasm.memory_pages(wasm.PREAMBLE)


def test_data_is_taken_out() -> None:
    code, taken = wasm.take_data(SAMPLE)

    assert taken == [Segment(16, b"sixteen"), Segment(PAGE_BYTES, b"second page")]
    assert wasm.segments(code) == []
    assert [entry.name for entry in wasm.exports(code)] == ["here", "answer"]
    wasmtime.Module.validate(wasmtime.Engine(), code)


def test_an_import_is_renamed() -> None:
    renamed = wasm.rename_import(SAMPLE, ("env", "memory"), ("headgate", "memory"))

    before, after = wasm.imports(SAMPLE), wasm.imports(renamed)
    assert [entry.module for entry in after] == ["headgate"] * 4
    assert [entry.description for entry in after] == [entry.description for entry in before]
    wasmtime.Module.validate(wasmtime.Engine(), renamed)


def test_a_missing_import_cannot_be_renamed() -> None:
    with pytest.raises(WasmError, match=r"no import env\.clock"):
        wasm.rename_import(SAMPLE, ("env", "clock"), ("headgate", "clock"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param('(module (memory 1) (data "x"))', "not an active segment", id="passive"),
        pytest.param(
            '(module (import "a" "b" (global i32)) (memory 1) (data (global.get 0) "x"))',
            "not a constant",
            id="global",
        ),
        pytest.param(
            '(module (memory 1) (data (i32.add (i32.const 1) (i32.const 2)) "x"))',
            "is computed",
            id="computed",
        ),
    ],
)
def test_data_that_cannot_be_moved_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(WasmError, match=complaint):
        wasm.take_data(assemble(text))


@given(contents)
def test_memory_comes_back_as_it_was(pieces: list[bytes]) -> None:
    memory = b"".join(pieces)
    pages = -(-len(memory) // PAGE_BYTES)

    found = wasm.segments_of(memory)
    module = wasm.memory_module(found, pages)

    assert loaded(module) == memory.ljust(pages * PAGE_BYTES, b"\0")
    assert wasm.segments(module) == found
    assert wasm.lay_out(found, len(memory)) == memory


@given(contents)
def test_segments_are_apart_and_hold_no_gap(pieces: list[bytes]) -> None:
    found = wasm.segments_of(b"".join(pieces))

    gap = bytes(wasm.GAP_BYTES)
    assert all(entry.content and entry.content[0] and entry.content[-1] for entry in found)
    assert all(gap not in entry.content for entry in found)
    assert all(later.offset - entry.end >= wasm.GAP_BYTES for entry, later in itertools.pairwise(found))


def test_an_address_in_the_upper_half_survives() -> None:
    high = Segment(2**31 + 5, b"high")

    module = wasm.memory_module([high], 2**16)

    assert wasm.segments(module) == [high]
    wasmtime.Module.validate(wasmtime.Engine(), module)


def test_data_beyond_the_memory_is_refused() -> None:
    wasm.memory_module([Segment(PAGE_BYTES - 1, b"x")], 1)

    with pytest.raises(WasmError, match="does not fit"):
        wasm.memory_module([Segment(PAGE_BYTES, b"x")], 1)


def test_custom_sections_are_found_by_name() -> None:
    module = wasm.memory_module([], 1, custom_sections={"first": b"1", "second": b""}, export="m")

    assert wasm.custom(module, "first") == b"1"
    assert wasm.custom(module, "second") == b""
    assert wasm.custom(module, "third") is None
    assert loaded(module, "m") == bytes(PAGE_BYTES)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(tail: bytes) -> None:
    for read in (wasm.imports, wasm.exports, wasm.segments, lambda module: wasm.custom(module, "name")):
        try:
            read(wasm.PREAMBLE + tail)
        except WasmError:
            continue


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(WasmError, match="not a Wasm module"):
        wasm.sections(b"\x7fELF")


@given(st.integers(0, len(SAMPLE) - 1))
def test_a_cut_module_is_refused(length: int) -> None:
    whole = wasm.sections(SAMPLE)
    try:
        found = wasm.sections(SAMPLE[:length])
    except WasmError:
        return
    assert found == whole[: len(found)]
