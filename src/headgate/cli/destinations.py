"""Finds destinations by name, since the queue knows only ids."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import CommandError
from headgate.cli.registry import opened
from headgate.cli.terminal import printable

if TYPE_CHECKING:
    from headgate.paths import DataDirectory

_ID: Final = re.compile("[0-9a-f]{24}")


def names(directory: DataDirectory) -> dict[str, str]:
    """
    "source / name" of each destination, by id. Empty if the registry cannot be read, for instance without its master key: the
    dead letters can be even then.
    """
    from headgate.registry import destinations, sources, workspaces  # noqa: PLC0415 - a database is not for every command

    found: dict[str, str] = {}
    with contextlib.suppress(CommandError), opened(str(directory)) as registry, registry.view() as view:
        slugs = {
            source.id: source.slug
            for workspace in workspaces.listed(view)
            for source in sources.listed(view, workspace.id)
        }
        for each in destinations.listed(view):
            found[each.id] = printable(f"{slugs.get(each.source, '?')} / {each.name}")
    return found


def identified(text: str, known: dict[str, str]) -> str:
    """
    The id of the destination that *text* names: an id, also of one that was removed; "source / name"; or a name that only one
    has. *known* is what `names` gave. Raises CommandError.
    """
    if text in known or _ID.fullmatch(text):
        return text
    found = [key for key, name in known.items() if text in (name, name.partition(" / ")[2])]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(
            f"several destinations are called {text!r}: give one of the ids {', '.join(found)}, or the source: "
            f"{', '.join(repr(known[key]) for key in found)}"
        )
    there = ", ".join(repr(name) for name in known.values()) or "none"
    raise CommandError(f"there is no destination {text!r}; there is: {there}")
