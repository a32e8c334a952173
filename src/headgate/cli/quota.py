"""`headgate quota`: the quotas of a workspace."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from headgate.cli.errors import OK, CommandError
from headgate.cli.registry import actor, add_workspace, opened, workspace
from headgate.cli.serve import add_data

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_TEXT: Final = """\
Shows the quotas of a workspace, and sets those that are given; "none" removes one. Changes apply from the next event on.
Beyond its events per second, senders are told to retry later; beyond its fuel per day (UTC), events fail without reaching
their function, with the reason FUNCTIONS_LOCK_OUT; beyond its busy sandboxes, events wait.
"""

_EXAMPLES: Final = """\
examples:
  headgate quota
  headgate quota --workspace acme --events-per-s 500 --sandboxes 8
  headgate quota --fuel-per-day none
"""

_FLAGS: Final = {
    "functions": ("--functions", int, "most functions; none: 25"),
    "events_per_s": ("--events-per-s", float, "events accepted per second, over all sources"),
    "fuel_per_day": ("--fuel-per-day", int, "fuel of its functions; 10^10 is about two seconds of one core"),
    "sandboxes": ("--sandboxes", int, "busy sandboxes at once; each worker gets its share, at least one"),
}


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    quota = add_command("quota", "show and set the quotas of a workspace", _TEXT, _EXAMPLES)
    for name, (flag, _, text) in _FLAGS.items():
        quota.add_argument(flag, dest=name, metavar="N", help=text)
    add_data(quota)
    add_workspace(quota)


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    given = {
        name: _number(flag, kind, getattr(parsed, name))
        for name, (flag, kind, _) in _FLAGS.items()
        if getattr(parsed, name) is not None
    }
    with opened(parsed.data) as registry:
        from headgate.registry import quotas  # noqa: PLC0415 - a database is not for every command

        with registry.view() as view:
            chosen = workspace(view, parsed.workspace)
            found = quotas.get(view, chosen.id)
        if given:
            found = replace(found, **given)
            with registry.change(actor()) as change:
                quotas.put(change, chosen.id, found)
    for name, value in asdict(found).items():
        print(f"{name:<13} {'none' if value is None else value}")
    return OK


def _number(flag: str, kind: type[int | float], text: str) -> Any:
    if text == "none":
        return None
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise CommandError(f'{flag}: {text!r} is neither {what} nor "none"') from None
