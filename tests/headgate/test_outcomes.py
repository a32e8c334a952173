"""Outcomes as JSON."""

from __future__ import annotations

import orjson
import pytest

from headgate.outcomes import as_json, text_of
from tests.stage import Stage


@pytest.mark.parametrize(
    "code",
    [
        "return e",
        "e.properties = { text: '% \\u2028 \\ud800', deep: [[1.5, -0, 1e21]] }; return e",
        "console.log('seen'); return e",
        "return null",
        "throw new TypeError('no')",
        "throw new RetryError('later')",
    ],
)
def test_the_short_way_writes_the_same(run: Stage, code: str) -> None:
    outcome = run(f"function onTrack(e) {{ {code} }}")

    assert orjson.loads(text_of(outcome).replace(rb"\ud800", b"")) == orjson.loads(
        orjson.dumps(as_json(outcome)).replace(rb"\ud800", b"")
    )


def test_what_people_must_not_read_is_taken_out(run: Stage) -> None:
    outcome = run("function onTrack(e) { console.log('secret'); throw new Error('secret') }")

    assert b"secret" in text_of(outcome)
    assert b"secret" not in text_of(outcome, lambda text: text.replace("secret", "***"))
