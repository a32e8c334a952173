"""`headgate build`: source to image file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import OK, file_error
from headgate.cli.limit_flags import LOADING, add_limits, limits_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_EXAMPLES: Final = """\
examples:
  headgate build enrich.js -o enrich.wasm
  headgate run enrich.wasm events.jsonl --settings settings.json
"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    build = add_command(
        "build",
        "compile a function to an image, a Wasm module that starts at once",
        None,
        _EXAMPLES,
    )
    build.add_argument("function", metavar="FUNCTION", help="JavaScript or TypeScript (.ts) source")
    build.add_argument("-o", "--output", metavar="FILE.wasm", required=True, help="where the image goes")
    add_limits(build, LOADING)


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    from headgate.cli import functions  # noqa: PLC0415 - help starts faster without a sandbox

    image, output = functions.load(parsed.function, limits_of(parsed)), parsed.output
    try:
        image.save(output)
    except OSError as error:
        raise file_error(error, output) from None
    handlers = ", ".join(image.handlers) or "no handlers"
    print(f"{output}: {image.size:,} bytes, {handlers}, sha256 {image.digest}", file=sys.stderr)
    return OK
