"""A short run of the fuzzer; HEADGATE_FUZZ_MINUTES makes it a long one, with fresh luck each time (see fuzz.py)."""

from __future__ import annotations

import os
import time

import pytest

from tests.runtime.fuzz import FUEL, Case, fuzz_round, open_files, run_case

EXAMPLES = 100

AGAIN = 30
"""Of these, to see that what is given back the first time is each time."""

MINUTES = float(os.environ.get("HEADGATE_FUZZ_MINUTES", "0"))

BOUNDS = {"fuel": FUEL, "memory_bytes": 12 << 20}


def case(source: str | bytes, *events: object, batch: bool = False) -> Case:
    return Case(source, list(events), {}, "warm", batch, BOUNDS)


def test_the_fuzzer_tells_outcomes_apart() -> None:
    """A fuzzer that never gets anywhere would pass, too."""
    good = {"type": "track", "messageId": "m", "properties": {}}

    assert run_case(case("function onTrack(e) { return e }", good, b"{", b"[]", good)) == [
        *("forward", "refused", "refused", "forward"),
    ]
    assert run_case(case("function onTrack() { for (;;); }", good)) == ["retry"]
    assert run_case(case("function onTrack() {}", good)) == ["filtered"]
    assert run_case(case("function onTrack() { throw 1 }", good)) == ["discard"]
    assert run_case(case("function onBatch(e) { return [null, e[1]] }", good, good, batch=True)) == [
        *("filtered", "forward"),
    ]
    assert run_case(case("function onBatch(e) { return e }", good, b'{"a":1},{"b":2}', batch=True)) == [
        "refused"
    ]
    assert run_case(case("function (")) == ["syntax"]
    assert run_case(case("throw 1")) == ["throw"]
    assert run_case(case("for (;;);")) == ["limit"]
    assert run_case(case(b"\xff")) == ["syntax"]


@pytest.mark.timeout(120 + MINUTES * 120)
def test_whatever_goes_in_everything_is_given_back() -> None:
    counts: dict[str, int] = {}
    fuzz_round(EXAMPLES, derandomize=True, counts=counts)
    before = open_files()

    fuzz_round(AGAIN, derandomize=True, counts=counts)
    assert open_files() <= before, "the same cases again leave file descriptors open"

    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        fuzz_round(EXAMPLES, derandomize=False, counts=counts)
    assert {"forward", "discard", "syntax", "refused"} <= counts.keys(), counts
