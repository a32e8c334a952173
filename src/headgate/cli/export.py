"""`headgate export`: writes a workspace as the file that `headgate apply` reads."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import OK, file_error
from headgate.cli.registry import add_workspace, opened, workspace
from headgate.cli.serve import add_data

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_TEXT: Final = """\
Writes the workspace to stdout in the format that `headgate apply` reads; applying it to the same workspace changes
nothing. Code is in the file itself, or with --to in files beside it. Secrets become references to environment variables,
which are listed on stderr. Write keys are included.
"""

_EXAMPLES: Final = """\
examples:
  headgate export > headgate.toml
  headgate export --to exported
"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    export = add_command("export", "write a workspace as a file", _TEXT, _EXAMPLES)
    add_data(export)
    add_workspace(export)
    export.add_argument(
        "--to", metavar="DIR", help="write headgate.toml and the functions' code there; files are overwritten"
    )


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    with opened(parsed.data) as registry:
        from headgate.registry.manifest.export import export, write  # noqa: PLC0415 - not for every command

        with registry.view() as view:
            exported = export(view, workspace(view, parsed.workspace).id, inline=parsed.to is None)
    if parsed.to is None:
        sys.stdout.write(exported.text)
    else:
        try:
            paths = write(exported, Path(parsed.to))
        except OSError as error:
            raise file_error(error, str(error.filename or parsed.to)) from None
        print(f"wrote {', '.join(str(path) for path in paths)}", file=sys.stderr)
    if exported.variables:
        print(f"takes secrets from: {', '.join(exported.variables)}", file=sys.stderr)
    return OK
