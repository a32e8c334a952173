"""`headgate keys`: the master key that secrets are sealed with."""

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
Secrets (settings that are sensitive, headers and signing secrets of webhooks) are stored sealed with a master key. It is
in the file master.key of the data directory, made at the first start; or in the environment variable HEADGATE_MASTER_KEY,
32 bytes in base64.

`headgate keys rotate` seals every secret anew. With the file, it makes the new key and takes the old one out; a running
server goes on. With the environment, first start everything with HEADGATE_MASTER_KEY=NEW,OLD, then rotate, then take OLD
away. Copies of the data directory made before still need the old key.
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
        help="seal every secret with a new key",
        description="Seals every secret with a new master key, all of them or none.",
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
