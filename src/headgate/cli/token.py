"""`headgate token`: access tokens of the management API."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import OK, CommandError
from headgate.cli.registry import actor, add_workspace, opened, workspace
from headgate.cli.serve import add_data
from headgate.cli.terminal import printable
from headgate.registry.records import ROLES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from headgate.registry.records import Token

_TEXT: Final = """\
Access tokens for the API, each for one workspace. A token has a role, or it belongs to a user and has the permissions of
the user and of the user's groups; an invited person becomes a user with their first token. A token is shown once, when it
is created, since only its hash is stored. A revoked token is refused at once.
"""

_EXAMPLES: Final = """\
examples:
  headgate token create deployments --role functions-admin
  headgate token create laptop --role owner
  headgate token list
  headgate token revoke 5f1d7a84db40d2ee3b04ff69
"""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    token = add_command("token", "create, list and revoke access tokens", _TEXT, _EXAMPLES)
    actions = token.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser(
        "create",
        help="create a token and print it",
        description="Creates a token and prints it to stdout.",
        formatter_class=token.formatter_class,
        allow_abbrev=False,
    )
    create.add_argument("name", metavar="NAME", help="what it is for")
    whose = create.add_mutually_exclusive_group()
    whose.add_argument("--role", choices=ROLES, default="owner", help="what it may do; default: owner")
    whose.add_argument("--user", metavar="EMAIL", help="whose it is: a user, or somebody who was invited")
    listing = actions.add_parser(
        "list",
        help="list tokens",
        description="Lists the tokens there are: id, role or user, day it was made, name.",
        allow_abbrev=False,
    )
    revoke = actions.add_parser(
        "revoke", help="refuse a token from now on", description="Revokes a token.", allow_abbrev=False
    )
    revoke.add_argument("id", metavar="ID", help="as `headgate token list` shows it")
    for action in (create, listing, revoke):
        add_data(action)
        add_workspace(action)


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    with opened(parsed.data) as registry:
        from headgate.registry import tokens, users  # noqa: PLC0415 - a database is not for every command

        with registry.view() as view:
            chosen = workspace(view, parsed.workspace)
            there = tokens.listed(view, chosen.id)
            people = {user.id: user.email for user in users.listed(view, chosen.id, invited=False)}
        if parsed.action == "list":
            for token in there:
                print(_line(token, people.get(token.user or "", token.role)))
            return OK
        with registry.change(actor()) as change:
            if parsed.action == "create":
                user = None
                if parsed.user is not None:
                    user = users.find(change, chosen.id, parsed.user)
                    if user is None:
                        raise CommandError(f"nobody who has the address {parsed.user!r} was invited")
                    user = users.accept(change, user)
                token, text = tokens.create(change, chosen.id, name=parsed.name, role=parsed.role, user=user)
            else:
                token, text = tokens.revoke(change, parsed.id, workspace=chosen.id), ""
        if text:
            print(text)
            print(f"the token {token.id} of workspace {chosen.slug}, shown only now", file=sys.stderr)
        else:
            print(f"revoked the token {token.id} ({printable(token.name)})", file=sys.stderr)
    return OK


def _line(token: Token, whose: str) -> str:
    made = datetime.fromtimestamp(token.created_at / 1e3, UTC).date().isoformat()
    return f"{token.id}  {printable(whose):<19}  {made}  {printable(token.name)}"
