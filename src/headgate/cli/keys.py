"""`headgate keys`: the master key that encrypts secrets."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import OK
from headgate.cli.registry import actor, opened
from headgate.cli.serve import add_data

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_TEXT: Final = """\
Secrets (sensitive settings, headers and signing secrets of webhooks) are stored encrypted with a master key. The key is in
the file master.key of the data directory, which the first start creates, or in the environment variable
HEADGATE_MASTER_KEY, 32 bytes in base64.

`headgate keys rotate` encrypts every secret again. With the file, it creates the new key and removes the old one while a
running server continues. With the environment variable, first restart everything with HEADGATE_MASTER_KEY=NEW,OLD, then
rotate, then remove OLD. Copies of the data directory made before still need the old key.
"""

_EXAMPLES: Final = """\
examples:
  headgate keys rotate
"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    keys = add_command("keys", "change the master key", _TEXT, _EXAMPLES)
    actions = keys.add_subparsers(dest="action", metavar="ACTION", required=True)
    rotate = actions.add_parser(
        "rotate",
        help="encrypt every secret with a new key",
        description="Encrypts every secret with a new master key, all of them or none.",
        allow_abbrev=False,
    )
    add_data(rotate)


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    with opened(parsed.data) as registry:
        from headgate.registry.rotation import rotate  # noqa: PLC0415 - a database is not for every command

        done = rotate(registry, actor())
    count = f"the secrets of {done.secrets} thing{'s' * (done.secrets != 1)}"
    print(f"sealed {count} with the new key {done.new}; the old one was {done.old}", file=sys.stderr)
    return OK
