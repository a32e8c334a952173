"""`headgate run`: runs events through a function. Its arguments; running.py does the work."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from headgate.cli.limit_flags import add_limits, limits_of
from headgate.cli.numbers import integer
from headgate_runtime.limits import BATCH_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable

_EXIT: Final = """\
exit status:
  0  every event was forwarded or filtered
  1  something was discarded, left for retry, or malformed
  2  the command line, a file or the function itself is at fault
"""

_TEXT: Final = """\
FUNCTION is JavaScript source, TypeScript (a file .ts, whose types are removed and not checked), or an image made by
`headgate build`. EVENTS holds one JSON object per line; without it, or with -, events come from stdin. Forwarded events
go to stdout, one per line, in the order of the input; the summary and errors in lines go to stderr.

With --outcomes there is one line for every event instead, whatever its outcome:

  {"outcome": "forward"|"filtered"|"discard"|"retry", "category", "reason",
   "errorName", "message", "stack", "output", "logs": [{"level", "message"}],
   "fuel", "ms"}

If the function fetched something there is "requests" as well, in which texts
of the settings and authorization are redacted.
"""

_EXAMPLES: Final = f"""\
examples:
  headgate run enrich.js events.jsonl --settings settings.json
  cat events.jsonl | headgate run enrich.js --settings settings.json > enriched.jsonl
  headgate run enrich.js events.jsonl --settings settings.json --outcomes --isolation hermetic
  headgate run batch.js events.jsonl --batch 10
  headgate run score.js events.jsonl --mock replies.json --outcomes
  headgate run enrich.js events.jsonl --settings settings.json --time-ms 500 --record first.json

{_EXIT}"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    run = add_command("run", "run events through a function", _TEXT, _EXAMPLES)
    run.usage = "headgate run FUNCTION [EVENTS | -] [option ...]"
    run.add_argument(
        "function", metavar="FUNCTION", help="JavaScript or TypeScript (.ts) source, or an image"
    )
    run.add_argument("events", metavar="EVENTS", nargs="?", help="JSON Lines; - or nothing: stdin")
    run.add_argument("--settings", metavar="FILE.json", help="a JSON object: the handlers' second argument")
    run.add_argument(
        "--isolation",
        choices=("warm", "hermetic"),
        default="warm",
        help="warm: module variables live from event to event (default); hermetic: every event starts afresh",
    )
    run.add_argument("--batch", metavar="N", type=_batch, help="give onBatch up to N events at a time")
    run.add_argument("--outcomes", action="store_true", help="print the outcome of every event as JSON")
    run.add_argument(
        "--record",
        metavar="FILE.json",
        help="save the first event that was not forwarded for `headgate replay`, with its settings; until it is found "
        "every event starts afresh",
    )
    run.add_argument("--record-line", metavar="N", type=_line, help="record the event of line N instead")
    network = run.add_mutually_exclusive_group()
    network.add_argument(
        "--mock",
        metavar="FILE.json",
        help='answer fetch from this list, without a network: [{"url" (with * for anything), "method"?, "status"?, '
        '"headers"?, "body"?, "error"?, "delay_ms"?, "times"?}, ...]',
    )
    network.add_argument(
        "--allow-private",
        action="store_true",
        help="let fetch reach this machine and its own networks, for development; else only public addresses",
    )
    run.add_argument(
        "--keep-alive",
        action="store_true",
        help="keep HTTP/1.1 connections open for the function's next fetch; else servers see node-fetch's "
        "`Connection: close`. HTTP/2 connections are kept in any case",
    )
    add_limits(run)


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    from headgate.cli.running import Options, execute  # noqa: PLC0415 - help starts faster without a sandbox

    options = Options(
        function=parsed.function,
        events=parsed.events,
        settings=parsed.settings,
        isolation=parsed.isolation,
        batch=parsed.batch,
        outcomes=parsed.outcomes,
        record=parsed.record,
        record_line=parsed.record_line,
        mock=parsed.mock,
        allow_private=parsed.allow_private,
        keep_alive=parsed.keep_alive,
        limits=limits_of(parsed),
    )
    return execute(options)


def _batch(text: str) -> int:
    if not 1 <= integer(text) <= BATCH_EVENTS:
        raise argparse.ArgumentTypeError(f"a batch has 1 to {BATCH_EVENTS} events, not {text}")
    return int(text)


def _line(text: str) -> int:
    if integer(text) < 1:
        raise argparse.ArgumentTypeError("lines are counted from 1")
    return int(text)
