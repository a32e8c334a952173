"""The command `headgate`: `main` is its entry point. Nothing here adds to what a function can do."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

from headgate.cli import (
    apply,
    arguments,
    build,
    check,
    dead,
    demo,
    export,
    init,
    inspect,
    keys,
    quota,
    replay,
    run,
    serve,
    token,
)
from headgate.cli.trouble import FAILED, INTERRUPTED, READER_GONE, Trouble, of_file
from headgate_runtime import HeadgateError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status; raises SystemExit only for --help, --version and usage."""
    _fill_descriptors()
    debug = False
    try:
        try:
            parsed = arguments.parser().parse_args(argv)
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
            traceback.print_exc()
        print(f"headgate: {error}", file=sys.stderr)
        return error.status if isinstance(error, Trouble) else FAILED
    except OSError as error:
        _forget_stdout()
        if debug:
            traceback.print_exc()
        print(f"headgate: {of_file(error, str(error.filename or 'stdout'))}", file=sys.stderr)
        return FAILED
    except Exception as error:  # noqa: BLE001 - whatever it is, people get a line and not a traceback
        if debug:
            traceback.print_exc()
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


def _run(parsed: argparse.Namespace) -> int:
    match parsed.command:
        case "run":
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
            return check.run(parsed.function, arguments.limits_of(parsed))
        case "build":
            return build.run(parsed.function, parsed.output, arguments.limits_of(parsed))
        case "inspect":
            return inspect.run(parsed.image, as_json=parsed.json)
        case "init":
            return init.run(
                parsed.directory, parsed.template, typescript=parsed.typescript, force=parsed.force
            )
        case "demo":
            return demo.run(parsed)
        case "serve":
            return serve.run(parsed)
        case "apply":
            return apply.run(parsed)
        case "export":
            return export.run(parsed)
        case "quota":
            return quota.run(parsed)
        case "token":
            return token.run(parsed)
        case "keys":
            return keys.run(parsed)
        case "dead":
            return dead.run_dead(parsed)
        case "redrive":
            return dead.run_redrive(parsed)
        case command:
            assert command == "replay"
            return replay.run(parsed.record, parsed.function)
