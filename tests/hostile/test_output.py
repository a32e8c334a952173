"""Output that is too large, or is made larger than the event it came from."""

from __future__ import annotations

import pytest

from headgate_runtime.outcome import Cause
from tests.hostile.assault import Assault
from tests.stage import Stage, track, value

OUTPUT = 20_000
TOO_LARGE = f"the output is larger than output_bytes = {OUTPUT}"

GIANTS = {
    "a string": "event.x = 'x'.repeat(3e4)",
    "an array": "event.x = new Array(1e4).fill(7)",
    "holes": "event.x = new Array(1e4)",
    "an object": "for (let i = 0; i < 2e3; i++) event['key ' + i] = i",
    "integer keys": "for (let i = 0; i < 5e3; i++) event[i] = i",
    "escapes": "event.x = '\\u0001'.repeat(5e3)",
    "quotes": "event.x = '\"'.repeat(15e3)",
    "lone surrogates": "event.x = '\\ud800'.repeat(5e3)",
    "wide text": "event.x = '漢'.repeat(1e4)",
    "text in two kinds": "event.x = 'é'.repeat(15e3)",
    "the same object again and again": "const o = { text: 'x'.repeat(100) }; event.x = new Array(300).fill(o)",
    "toJSON": "event.x = { toJSON: () => 'x'.repeat(3e4) }",
    "a getter": "Object.defineProperty(event, 'x', { enumerable: true, get: () => 'x'.repeat(3e4) })",
    "a typed array": "event.x = new Uint8Array(1e4)",
    "a buffer": "event.x = Buffer.alloc(1e4)",
    "numbers": "event.x = new Array(2e3).fill(1 / 3)",
    "dates": "event.x = new Array(2e3).fill(new Date(0))",
}


@pytest.mark.parametrize("body", GIANTS.values(), ids=GIANTS)
def test_it_is_a_bad_request(assault: Assault, body: str) -> None:
    outcome = assault(body + "; return event", output_bytes=OUTPUT)

    assert (outcome.cause, outcome.message) == (Cause.BAD_REQUEST, TOO_LARGE)
    assert outcome.output is None


def test_it_ends_in_a_batch_too(run: Stage) -> None:
    """The room is for the batch as a whole, as it is on the way in."""
    source = "function onBatch(events) { events[1].x = 'x'.repeat(3e4); return events }"

    outcomes = run.batch(source, [track(n=n) for n in range(3)], output_bytes=OUTPUT)

    assert outcomes[1].cause is Cause.BAD_REQUEST
    assert outcomes[1].message == TOO_LARGE
    assert {outcome.cause for outcome in outcomes} <= {Cause.FORWARD, Cause.BAD_REQUEST}


def test_a_giant_message_and_stack_are_cut(assault: Assault) -> None:
    bodies = [
        "throw new Error('x'.repeat(1e6))",
        "throw 'x'.repeat(1e6)",
        "throw { name: 'n'.repeat(1e6), message: 'm'.repeat(1e6), stack: 's'.repeat(1e6) }",
        "throw new Error('\\u0001'.repeat(1e6))",
        "throw new Error('\\ud800'.repeat(1e6))",
        "const e = new Error('x'); e.stack = '漢'.repeat(1e6); throw e",
    ]
    for body in bodies:
        outcome = assault(body)

        assert outcome.cause is Cause.BAD_REQUEST
        parts = [outcome.error_name, outcome.message, outcome.stack]
        assert 100 < sum(len(part or "") for part in parts) <= 20_000
        assert len(outcome.message or "") <= 8_192


def test_lone_surrogates_come_out_as_escapes(run: Stage) -> None:
    source = "function onTrack(event) { event.x = '\\ud800' + 'a\\udc00'; return event }"

    output = run(source).output

    assert output is not None
    assert b'"x":"\\ud800a\\udc00"' in output
    assert value(run("function onTrack(event) { event.x = '\\ud83d\\ude00'; return event }"))["x"] == "😀"
