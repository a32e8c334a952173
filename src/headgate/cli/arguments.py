"""Parses the command line. A test runs every example of the help as printed."""

from __future__ import annotations

import argparse
import functools
import importlib
import sys
import textwrap
from typing import TYPE_CHECKING, Final, NoReturn

from headgate.cli.errors import FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

MODULES: Final = {
    "run": "run",
    "check": "check",
    "build": "build",
    "inspect": "inspect",
    "init": "init",
    "replay": "replay",
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
"""
The module of headgate.cli with each command, in the order of the help. `add(add_command)` declares its arguments, and
`run(parsed)` carries it out and returns the exit status.
"""

_MAIN: Final = """\
examples:
  headgate init my-function
  headgate run my-function/function.js my-function/events.jsonl
  headgate check my-function/function.js

`headgate COMMAND --help` shows more, with examples.
"""


class Formatter(argparse.HelpFormatter):
    """Wraps paragraphs to the width of the terminal, except those with indented lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.strip("\n").split("\n\n")
        return "\n\n".join(
            paragraph
            if "\n  " in f"\n{paragraph}"
            else textwrap.fill(paragraph, width, initial_indent=indent)
            for paragraph in paragraphs
        )


class Parser(argparse.ArgumentParser):
    """Reports errors in one line that names the help."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILED, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    """As argparse's own action, but determines the version only when it is needed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        import importlib.metadata  # noqa: PLC0415 - slow, and seldom needed

        print(f"headgate {importlib.metadata.version('headgate')}")
        parser.exit()


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """*argv*: the process's own by default. Raises SystemExit for --help, --version and usage errors."""
    given = sys.argv[1:] if argv is None else argv
    return _parser(given[0] if given else "").parse_args(given)


def run(parsed: argparse.Namespace) -> int:
    """Carries out the command that *parsed* names, and returns its exit status."""
    status: int = _module(MODULES[parsed.command]).run(parsed)
    return status


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"headgate.cli.{name}")


def _parser(wanted: str) -> argparse.ArgumentParser:
    """With the command *wanted* alone, whose module is imported; with all commands if there is no such one."""
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

    names = [MODULES[wanted]] if wanted in MODULES else dict.fromkeys(MODULES.values())
    for name in names:
        _module(name).add(functools.partial(_command, commands))
    return main


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
