"""`headgate build`: source to image file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from headgate.cli import functions
from headgate.cli.trouble import OK, of_file

if TYPE_CHECKING:
    from headgate_runtime import Limits


def run(function: str, output: str, limits: Limits) -> int:
    """The exit status. Raises Trouble."""
    image = functions.load(function, limits)
    try:
        image.save(output)
    except OSError as error:
        raise of_file(error, output) from None
    handlers = ", ".join(image.handlers) or "no handlers"
    print(f"{output}: {image.size:,} bytes, {handlers}, sha256 {image.digest}", file=sys.stderr)
    return OK
