"""What an image has over the base image: all of it, and nothing else, however it is found."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime import Image, Limits, abi, compile, guest, overlay, wasm  # noqa: A004
from headgate_runtime.limits import SPARE_PAGES
from headgate_runtime.private_pages import PAGE_BYTES, PageMap
from headgate_runtime.sandbox import Sandbox

SOURCE = "const held = { list: [1, 2, 3] }; function onTrack(e) { held.list.push(e); return e }"


@functools.cache
def base() -> bytes:
    segments = wasm.segments(guest.read("base.wasm"))
    return bytes(wasm.lay_out(segments, segments[-1].end))


def image(source: str = SOURCE) -> Image:
    compiled = compile(source)
    assert isinstance(compiled, Image), compiled
    return compiled


def test_the_base_image_has_none() -> None:
    assert overlay.of_memory(base(), overlay.base_pages()) == overlay.Overlay()
    assert overlay.onto_base(overlay.Overlay()).rstrip(b"\0") == base().rstrip(b"\0")


@given(
    st.lists(
        st.tuples(
            st.integers(abi.STACK_BYTES, len(base()) + 3 * PAGE_BYTES), st.binary(min_size=1, max_size=5000)
        ),
        max_size=6,
    )
)
def test_laid_over_the_base_it_gives_the_memory(changes: list[tuple[int, bytes]]) -> None:
    memory = bytearray(base())
    for at, content in changes:
        memory += bytes(max(0, at + len(content) - len(memory)))
        memory[at : at + len(content)] = content

    over = overlay.of_memory(bytes(memory), overlay.base_pages())

    assert over is not None
    assert overlay.onto_base(over).rstrip(b"\0") == bytes(memory).rstrip(b"\0")
    assert all(part.offset // PAGE_BYTES == (part.end - 1) // PAGE_BYTES for part in over)


def test_the_kernel_and_a_look_at_everything_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = image()
    monkeypatch.setattr(PageMap, "available", lambda: False)

    assert asked == image()
    assert asked.overlay == image().overlay
    assert asked.overlay is not None
    assert 0 < sum(len(part.content) for part in asked.overlay) < overlay.OVERLAY_BYTES


def test_a_loaded_image_starts_as_the_compiled_one() -> None:
    compiled = image()

    assert Image(compiled.module).overlay == compiled.overlay


def memory_of(of: Image) -> bytes:
    sandbox = Sandbox(of.compiled, Limits(), of.mailbox)
    try:
        memory = bytearray(sandbox.memory)
    finally:
        sandbox.close()
    return without_limits(of, memory)


def module_memory(of: Image) -> bytes:
    under = b"" if of.overlay is None else base()
    return without_limits(
        of, wasm.lay_out([wasm.Segment(0, under), *wasm.segments(of.module)], of.memory_bytes)
    )


def without_limits(of: Image, memory: bytearray) -> bytes:
    """Those are every sandbox's own; and without what nobody reads: the stack, and the end of memory."""
    memory[: abi.STACK_BYTES] = bytes(abi.STACK_BYTES)
    memory[-1] = 0  # see overlay.py
    at = of.mailbox + abi.LIMITS_AT
    memory[at : at + abi.LIMITS.size] = bytes(abi.LIMITS.size)
    return bytes(memory)


def test_a_sandbox_starts_with_the_memory_of_the_module() -> None:
    of = image()

    assert memory_of(of) == module_memory(of)


@pytest.mark.parametrize(
    "source",
    [
        f"const text = new Uint8Array({overlay.OVERLAY_BYTES}).fill(7); function onTrack(e) {{ return text && e }}",
        "const rest = new Uint8Array(20 << 20); function onTrack(e) { return rest && e }",
    ],
)
def test_much_is_a_module_of_its_own(source: str) -> None:
    of = image(source)

    assert of.overlay is None
    assert of.compiled.overlay == overlay.Overlay()
    assert memory_of(of) == module_memory(of)
    assert Image(of.module) == of != image()


def test_a_little_more_memory_than_the_base_image() -> None:
    of = image("const zeros = new Uint8Array(300000); function onTrack(e) { return zeros && e }")

    assert of.overlay is not None
    assert of.memory_bytes > overlay.base_pages() * wasm.PAGE_BYTES
    assert memory_of(of) == module_memory(of)


def test_one_function_is_not_seen_by_the_next_in_its_place() -> None:
    """Sandboxes of all functions use the same places of the address space, one after the other."""
    first, second = image('const secret = "opensesame"; function onTrack(e) { return secret && e }'), image()
    for _ in range(3):
        assert b"opensesame" in memory_of(first)
        assert b"opensesame" not in memory_of(second)


def test_what_a_function_leaves_lies_side_by_side() -> None:
    """Parsing takes hundreds of kilobytes for a source of twenty; the bytecode that is left of it takes few pages."""
    lines = (f"function f{number}(e) {{ return e.properties.value * {number} + 1 }}" for number in range(200))
    of = image("\n".join([*lines, "function onTrack(e) { e.n = f7(e); return e }"]))

    assert of.overlay is not None
    end = overlay.base_pages() * wasm.PAGE_BYTES - SPARE_PAGES * wasm.PAGE_BYTES
    own = {part.offset // PAGE_BYTES for part in of.overlay if part.offset >= end - wasm.PAGE_BYTES}
    size = sum(len(part.content) for part in of.overlay)
    assert len(own) <= 2 * size // PAGE_BYTES + 2
    assert of.memory_bytes <= (overlay.base_pages() + 2) * wasm.PAGE_BYTES
