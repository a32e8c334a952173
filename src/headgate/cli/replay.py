"""`headgate replay`: a recorded invocation once more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import orjson

from headgate.cli import functions, records
from headgate.cli.trouble import IMPERFECT, OK, Trouble
from headgate.outcomes import as_json
from headgate_runtime import ReplayError, replay

if TYPE_CHECKING:
    from headgate_runtime import Outcome

VARIES: Final = frozenset({"ms"})
"""Time is the one thing of an outcome that a replay does not repeat."""


def run(record_name: str, function: str | None) -> int:
    """The exit status: IMPERFECT when the outcome is another than the recorded one. Raises Trouble."""
    record, recorded_function, expected = records.load(record_name)
    function = function or recorded_function
    if function is None:
        raise Trouble(f"{record_name}: does not say which function it is of; name it after the record")
    image = functions.load(function, record.limits)
    try:
        replayed = replay(record, image)
    except ReplayError as error:
        hint = "; it was made with another version of the function" if image.digest != record.image else ""
        raise Trouble(f"{record_name}: cannot be replayed with {function}: {error}{hint}") from None
    outcomes = replayed if isinstance(replayed, list) else [replayed]
    for outcome in outcomes:
        print(orjson.dumps(as_json(outcome), option=orjson.OPT_INDENT_2).decode())
    sys.stdout.flush()
    if expected is None:
        print("headgate: replayed; the record holds no outcome to compare with", file=sys.stderr)
        return OK
    differing = difference(outcomes, expected)
    if differing:
        print(f"headgate: did NOT reproduce: {', '.join(differing)} differ from the record", file=sys.stderr)
        return IMPERFECT
    print("headgate: reproduced: the same outcome, output, logs and fuel as recorded", file=sys.stderr)
    return OK


def difference(outcomes: list[Outcome], expected: list[dict[str, object]]) -> list[str]:
    """Names of what is not as recorded."""
    if len(outcomes) != len(expected):
        return ["number of events"]
    differing: dict[str, None] = {}
    for outcome, wanted in zip(outcomes, expected, strict=True):
        got = orjson.loads(orjson.dumps(as_json(outcome)))
        differing |= dict.fromkeys(
            name for name in got if name not in VARIES and got[name] != wanted.get(name)
        )
    return list(differing)
