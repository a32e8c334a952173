"""`headgate init`: a function to start from."""

from __future__ import annotations

import importlib.resources
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from headgate.cli.errors import OK, CommandError, file_error

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

Template = Literal["default", "batch"]

TEMPLATES: Final[tuple[Template, ...]] = ("default", "batch")

_EXAMPLES: Final = """\
examples:
  headgate init my-function
  headgate init my-batches --template batch
  headgate init my-typed-function --typescript
"""


def contents(template: Template, *, typescript: bool) -> dict[str, bytes]:
    """Each file that is made, by its place below the directory; the function comes first. Raises GuestMissing."""
    from headgate_runtime.typescript import declarations  # noqa: PLC0415 - help starts faster without a sandbox

    language = "ts" if typescript else "js"
    origins = {
        f"function.{language}": f"{template}.{language}",
        "events.jsonl": "events.jsonl",
        "settings.json": "settings.json",
    }
    if typescript:
        origins["tsconfig.json"] = "tsconfig.json"
    templates = importlib.resources.files("headgate") / "templates"
    files = {place: (templates / origin).read_bytes() for place, origin in origins.items()}
    if typescript:
        files |= {f"types/{name}": text for name, text in declarations().items()}
    return files


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    init = add_command("init", "write a function to start from, with events and settings", None, _EXAMPLES)
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


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError, before anything is written, when a file is there already and --force is not given."""
    target = Path(parsed.directory)
    files = contents(parsed.template, typescript=parsed.typescript)
    there = [str(target / place) for place in files if (target / place).exists()]
    if there and not parsed.force:
        raise CommandError(
            f"{', '.join(there)}: already there; name another directory, or overwrite with --force"
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        for place, content in files.items():
            (target / place).parent.mkdir(exist_ok=True)
            (target / place).write_bytes(content)
    except OSError as error:
        raise file_error(error, error.filename or parsed.directory) from None
    names = [str(target / place) for place in files]
    batch = " --batch 10" if parsed.template == "batch" else ""
    print(f"wrote {', '.join(names)}", file=sys.stderr)
    print(f"try: headgate run {names[0]} {names[1]} --settings {names[2]}{batch}", file=sys.stderr)
    return OK
