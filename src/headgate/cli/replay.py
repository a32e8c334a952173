"""`headgate replay`: repeats a recorded invocation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import orjson

from headgate.cli.errors import IMPERFECT, OK, CommandError
from headgate.outcomes import as_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from headgate_runtime import Outcome

VARIES: Final = frozenset({"ms"})
"""Fields of an outcome that a replay does not reproduce."""

_EXAMPLES: Final = """\
examples:
  headgate run enrich.js events.jsonl --settings settings.json --record event.json --record-line 3
  headgate replay event.json
  headgate replay event.json enrich.js

exit status:
  0  the outcome is the recorded one
  1  it is not
  2  the record cannot be replayed
"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    replay = add_command("replay", "run a recorded event again, exactly as it was", None, _EXAMPLES)
    replay.add_argument("record", metavar="RECORD.json", help="what `headgate run --record` wrote")
    replay.add_argument(
        "function", metavar="FUNCTION", nargs="?", help="source or image; default: the file the record names"
    )


def run(parsed: argparse.Namespace) -> int:
    """The exit status: IMPERFECT when the outcome is another than the recorded one. Raises CommandError."""
    from headgate.cli import functions, records  # noqa: PLC0415 - help starts faster without a sandbox
    from headgate_runtime import ReplayError, replay  # noqa: PLC0415

    record_name = parsed.record
    record, recorded_function, expected = records.load(record_name)
    function = parsed.function or recorded_function
    if function is None:
        raise CommandError(f"{record_name}: does not say which function it is of; name it after the record")
    image = functions.load(function, record.limits)
    try:
        replayed = replay(record, image)
    except ReplayError as error:
        hint = "; it was made with another version of the function" if image.digest != record.image else ""
        raise CommandError(f"{record_name}: cannot be replayed with {function}: {error}{hint}") from None
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
    """Names of the fields that differ from the record."""
    if len(outcomes) != len(expected):
        return ["number of events"]
    differing: dict[str, None] = {}
    for outcome, wanted in zip(outcomes, expected, strict=True):
        got = orjson.loads(orjson.dumps(as_json(outcome)))
        differing |= dict.fromkeys(
            name for name in got if name not in VARIES and got[name] != wanted.get(name)
        )
    return list(differing)
