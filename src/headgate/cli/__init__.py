"""The command `headgate`: `main` is its entry point. Nothing here adds to what a function can do."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from headgate.cli import arguments
from headgate.cli.errors import FAILED, INTERRUPTED, READER_GONE, CommandError, file_error
from headgate_runtime.errors import HeadgateError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status; raises SystemExit only for --help, --version and usage."""
    _fill_descriptors()
    debug = False
    try:
        try:
            parsed = arguments.parse(argv)
            debug = parsed.debug
            return arguments.run(parsed)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        return READER_GONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (CommandError, HeadgateError) as error:
        if debug:
            _print_traceback()
        print(f"headgate: {error}", file=sys.stderr)
        return error.status if isinstance(error, CommandError) else FAILED
    except OSError as error:
        _forget_stdout()
        if debug:
            _print_traceback()
        print(f"headgate: {file_error(error, str(error.filename or 'stdout'))}", file=sys.stderr)
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
