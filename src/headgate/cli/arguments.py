"""The command line's grammar and its help. Every example in the help is run by a test, as printed."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
import re
import sys
import textwrap
from typing import TYPE_CHECKING, Final, NoReturn

from headgate.cli.init import TEMPLATES
from headgate.cli.numbers import integer
from headgate.cli.trouble import FAILED
from headgate_runtime.errors import LimitError
from headgate_runtime.limits import BATCH_EVENTS, Limits

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import ModuleType

MODULES: Final = {
    "demo": "demo",
    "serve": "serve",
    "apply": "apply",
    "export": "export",
    "backup": "backup",
    "token": "token",
    "quota": "quota",
    "keys": "keys",
    "dead": "dead",
    "redrive": "dead",
}
"""Of headgate.cli, which declare their commands' arguments themselves, by command."""

LOADING: Final = ("time_ms", "fuel", "memory_bytes", "source_bytes")
"""The limits that bear on loading a function, not only on running it."""

_EXIT: Final = """\
exit status:
  0  every event was forwarded or filtered
  1  something was discarded, left for retry, or malformed
  2  the command line, a file or the function itself is at fault
"""

_MAIN: Final = """\
examples:
  headgate init my-function
  headgate run my-function/function.js my-function/events.jsonl
  headgate check my-function/function.js

`headgate COMMAND --help` tells more, with examples.
"""

_RUN: Final = """\
FUNCTION is JavaScript source, TypeScript (a file .ts, whose types are taken out and not checked), or an image made by
`headgate build`. EVENTS holds one JSON object a line; without it,
or with -, events come from stdin. What the function forwards goes to stdout, a line for each event, in the order of
the input; the summary and whatever is wrong with a line go to stderr.

With --outcomes there is one line for every event instead, whatever became of it:

  {"outcome": "forward"|"filtered"|"discard"|"retry", "category", "reason",
   "errorName", "message", "stack", "output", "logs": [{"level", "message"}],
   "fuel", "ms"}

There is "requests" as well where the function fetched something; texts of the
settings and authorization are blotted out in it.
"""

_RUN_EXAMPLES: Final = f"""\
examples:
  headgate run enrich.js events.jsonl --settings settings.json
  cat events.jsonl | headgate run enrich.js --settings settings.json > enriched.jsonl
  headgate run enrich.js events.jsonl --settings settings.json --outcomes --isolation hermetic
  headgate run batch.js events.jsonl --batch 10
  headgate run score.js events.jsonl --mock replies.json --outcomes
  headgate run enrich.js events.jsonl --settings settings.json --time-ms 500 --record first.json

{_EXIT}"""

_CHECK: Final = """\
Loads the function and names the handlers it has. Warns about: handlers that never return a value, names that look
like misspelt handlers, no handler at all, onBatch without single handlers, a top level that reads the clock,
randomness or the host. Handlers are judged by reading the source: one that is made by a call, such as
`onTrack = wrap(inner)`, is not judged.
"""

_CHECK_EXAMPLES: Final = """\
examples:
  headgate check enrich.js

exit status:
  0  the function loads, warnings or not
  1  it does not load
  2  there is no such file
"""

_BUILD_EXAMPLES: Final = """\
examples:
  headgate build enrich.js -o enrich.wasm
  headgate run enrich.wasm events.jsonl --settings settings.json
"""

_INSPECT_EXAMPLES: Final = """\
examples:
  headgate build enrich.js -o enrich.wasm && headgate inspect enrich.wasm
  headgate inspect enrich.wasm --json
"""

_INIT_EXAMPLES: Final = """\
examples:
  headgate init my-function
  headgate init my-batches --template batch
  headgate init my-typed-function --typescript
"""

_REPLAY_EXAMPLES: Final = """\
examples:
  headgate run enrich.js events.jsonl --settings settings.json --record event.json --record-line 3
  headgate replay event.json
  headgate replay event.json enrich.js

exit status:
  0  the outcome is the recorded one
  1  it is not
  2  the record cannot be replayed
"""


class Formatter(argparse.HelpFormatter):
    """Fits paragraphs to the terminal, and leaves those alone whose lines are indented."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip("\n").split("\n\n")
        return "\n\n".join(
            paragraph
            if "\n  " in f"\n{paragraph}"
            else textwrap.fill(paragraph, width, initial_indent=indent)
            for paragraph in paragraphs
        )


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and where to look."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """As argparse's own, but looks for the number only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import importlib.metadata  # noqa: PLC0415 - slow, and seldom asked for

        print(f"headgate {importlib.metadata.version('headgate')}")
        parser.exit()


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """*argv*: default, those of the process. Raises SystemExit for --help, --version and what cannot be read."""
    given = sys.argv[1:] if argv is None else argv
    return _parser(given[0] if given else "").parse_args(given)


def module_of(command: str) -> ModuleType:
    """One of MODULES. A command imports no other's."""
    return importlib.import_module(f"headgate.cli.{MODULES[command]}")


def _parser(wanted: str) -> argparse.ArgumentParser:
    """With the command that is *wanted*; where that is none, with all of them."""
    main = Parser(
        prog="headgate",
        description="Runs JavaScript functions over streams of events, each function in a WebAssembly sandbox under "
        "limits of CPU, time and memory.",
        epilog=_MAIN,
        formatter_class=Formatter,
    )
    main.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    main.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    commands = main.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)

    run = _command(commands, "run", "run events through a function", _RUN, _RUN_EXAMPLES)
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
    _add_limits(run, [field.name for field in dataclasses.fields(Limits)])

    check = _command(commands, "check", "look for mistakes in a function", _CHECK, _CHECK_EXAMPLES)
    check.add_argument("function", metavar="FUNCTION", help="JavaScript or TypeScript (.ts) source")
    _add_limits(check, LOADING)

    build = _command(
        commands,
        "build",
        "compile a function to an image, a Wasm module that starts at once",
        None,
        _BUILD_EXAMPLES,
    )
    build.add_argument("function", metavar="FUNCTION", help="JavaScript or TypeScript (.ts) source")
    build.add_argument("-o", "--output", metavar="FILE.wasm", required=True, help="where the image goes")
    _add_limits(build, LOADING)

    inspect = _command(commands, "inspect", "tell what an image holds", None, _INSPECT_EXAMPLES)
    inspect.add_argument("image", metavar="FILE.wasm", help="an image made by `headgate build`")
    inspect.add_argument("--json", action="store_true", help="as a JSON object")

    init = _command(
        commands, "init", "write a function to start from, with events and settings", None, _INIT_EXAMPLES
    )
    init.add_argument("directory", metavar="DIR", nargs="?", default=".", help="where to; default: here")
    init.add_argument(
        "--template",
        choices=TEMPLATES,
        default="default",
        help="default: a handler for every type; batch: onBatch as well",
    )
    init.add_argument(
        "--typescript",
        action="store_true",
        help="in TypeScript, with declarations for the editor and the TypeScript compiler",
    )
    init.add_argument("--force", action="store_true", help="overwrite files that are there already")

    replay = _command(
        commands, "replay", "run a recorded event again, exactly as it was", None, _REPLAY_EXAMPLES
    )
    replay.add_argument("record", metavar="RECORD.json", help="what `headgate run --record` wrote")
    replay.add_argument(
        "function", metavar="FUNCTION", nargs="?", help="source or image; default: the file the record names"
    )
    if wanted in MODULES:
        declared = [wanted]
    elif wanted in commands.choices:
        declared = []
    else:
        declared = [command for command in MODULES if command != "redrive"]
    for command in declared:
        module_of(command).add(functools.partial(_command, commands))
    return main


def limits_of(arguments: argparse.Namespace) -> Limits:
    """The limits given as flags. Raises LimitError, naming the limit and its range."""
    names = [field.name for field in dataclasses.fields(Limits)]
    given = {name: value for name in names if (value := getattr(arguments, name, None)) is not None}
    try:
        return Limits(**given)
    except LimitError as error:
        name, _, rest = str(error).partition(" ")
        raise LimitError(f"{_flag(name)} {rest}") from None


def _command(
    commands: argparse._SubParsersAction[Parser], name: str, summary: str, text: str | None, examples: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=text or f"{summary[0].upper()}{summary[1:]}.",
        epilog=examples,
        formatter_class=Formatter,
        allow_abbrev=False,
    )


def _add_limits(command: argparse.ArgumentParser, names: Collection[str]) -> None:
    group = command.add_argument_group("limits")
    for field in dataclasses.fields(Limits):
        if field.name in names:
            about = field.metadata
            what = re.sub(
                r" \(SPEC [^)]*\)", "", about["help"]
            )  # the rule's source is for those who read the code
            group.add_argument(
                _flag(field.name),
                metavar="N",
                type=integer,
                help=f"{what}; default {field.default}, from {about['low']} to {about['high']}",
            )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _batch(text: str) -> int:
    if not 1 <= integer(text) <= BATCH_EVENTS:
        raise argparse.ArgumentTypeError(f"a batch has 1 to {BATCH_EVENTS} events, not {text}")
    return int(text)


def _line(text: str) -> int:
    if integer(text) < 1:
        raise argparse.ArgumentTypeError("lines are counted from 1")
    return int(text)
