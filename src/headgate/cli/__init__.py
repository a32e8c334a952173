"""The command `headgate`: `main` is its entry point. Nothing here adds to what a function can do."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from headgate.cli import arguments
from headgate.cli.trouble import FAILED, INTERRUPTED, READER_GONE, Trouble, of_file
from headgate_runtime.errors import HeadgateError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status; raises SystemExit only for --help, --version and usage."""
    _fill_descriptors()
    debug = False
    try:
        try:
            parsed = arguments.parse(argv)
            debug = parsed.debug
            return _run(parsed)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        return READER_GONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (Trouble, HeadgateError) as error:
        if debug:
            _print_traceback()
        print(f"headgate: {error}", file=sys.stderr)
        return error.status if isinstance(error, Trouble) else FAILED
    except OSError as error:
        _forget_stdout()
        if debug:
            _print_traceback()
        print(f"headgate: {of_file(error, str(error.filename or 'stdout'))}", file=sys.stderr)
        return FAILED
    except Exception as error:  # noqa: BLE001 - whatever it is, people get a line and not a traceback
        if debug:
            _print_traceback()
        print(
            f"headgate: internal error: {type(error).__name__}: {error}\n"
            "this is a fault of Headgate; `headgate --debug ...` shows where it happened",
            file=sys.stderr,
        )
        return FAILED


def _fill_descriptors() -> None:
    """Where a standard stream is closed, no file opened later may take its number."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w", closefd=False))


def _forget_stdout() -> None:
    """What is left in the buffer must not be tried again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_traceback() -> None:
    import traceback

    traceback.print_exc()


def _run(parsed: argparse.Namespace) -> int:
    match parsed.command:
        case "run":
            from headgate.cli import run

            return run.run(
                run.Options(
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
                    limits=arguments.limits_of(parsed),
                )
            )
        case "check":
            from headgate.cli import check

            return check.run(parsed.function, arguments.limits_of(parsed))
        case "build":
            from headgate.cli import build

            return build.run(parsed.function, parsed.output, arguments.limits_of(parsed))
        case "inspect":
            from headgate.cli import inspect

            return inspect.run(parsed.image, as_json=parsed.json)
        case "init":
            from headgate.cli import init

            return init.run(
                parsed.directory, parsed.template, typescript=parsed.typescript, force=parsed.force
            )
        case "replay":
            from headgate.cli import replay

            return replay.run(parsed.record, parsed.function)
        case "dead" | "redrive":
            from headgate.cli import dead

            return dead.run_dead(parsed) if parsed.command == "dead" else dead.run_redrive(parsed)
        case command:
            status: int = arguments.module_of(command).run(parsed)
            return status
