"""Bringing back to the processor's caches what an event will want (guest/engine/recall.c): nobody can tell that it was done."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from headgate_runtime import abi
from headgate_runtime.compiler import compile as compile_function
from headgate_runtime.image import Image
from headgate_runtime.limits import Limits
from headgate_runtime.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT = b'{"type":"track","event":"E","userId":"u","properties":{"email":"a@b.c","total":3}}'
LIMITS = Limits()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    image = compile_function("let n = 0; function onTrack(event) { event.n = ++n; return event }")
    assert isinstance(image, Image)
    made = Sandbox(image.compiled, LIMITS, image.mailbox)
    yield made
    made.close()


def enter(sandbox: Sandbox, *, recall: bool) -> tuple[int, bytes]:
    left = sandbox.enter(EVENT, 1.0, 1.0, bytes(32), 0, recall)
    _, address, size, *_ = sandbox.result_fields()
    return left, sandbox.read(address, size)


def test_an_event_costs_and_gives_the_same(sandbox: Sandbox) -> None:
    for _ in range(3):  # from then on it takes its memory from what was given back
        enter(sandbox, recall=False)
    left, output = enter(sandbox, recall=False)
    recalled, other = enter(sandbox, recall=True)

    assert recalled == left > 0
    assert other == output.replace(b'"n":4', b'"n":5') != output


def test_memory_stays_as_it_is_but_for_the_stack(sandbox: Sandbox) -> None:
    enter(sandbox, recall=False)
    before = bytes(sandbox.memory[abi.STACK_BYTES :])
    assert sandbox.call("recall") == 0

    assert sandbox.memory[abi.STACK_BYTES :] == before


@pytest.mark.parametrize("lie", [1, 1 << 31, (1 << 32) - 1])
def test_whatever_memory_holds_it_pauses_or_ends(sandbox: Sandbox, lie: int) -> None:
    """A guest that was taken over writes what it likes where the engine keeps its own."""
    enter(sandbox, recall=False)
    start = sandbox.mailbox + abi.INPUT_AT + abi.INPUT_INLINE
    struct.pack_into("<1024I", sandbox.memory, start, *[lie] * 1024)
    sandbox.set_fuel(LIMITS.fuel)
    function = sandbox.start("recall")

    steps = 1
    while not sandbox.step(function):
        steps += 1
    assert steps < 1_000
