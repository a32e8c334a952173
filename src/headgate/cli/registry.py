"""Opens the registry of a data directory for commands that read or change it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from headgate.cli.errors import CommandError
from headgate.paths import DataDirectory

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from headgate.registry.records import Actor, Workspace
    from headgate.registry.store import Registry, View


@contextlib.contextmanager
def opened(data: str, *, make: bool = False) -> Iterator[Registry]:
    """
    Works while a server runs. Raises CommandError, where there is no registry and none is to be made, and in place of every
    error of the registry.
    """
    from headgate.registry.errors import RegistryError  # noqa: PLC0415 - a database is not for every command
    from headgate.registry.store import Registry  # noqa: PLC0415

    directory = DataDirectory(data)
    if not make and not directory.registry.is_file():
        raise CommandError(
            f"there is no data directory {directory}; `headgate serve` or `headgate apply` makes one"
        )
    try:
        with Registry.open(directory) as registry:
            yield registry
    except RegistryError as error:
        raise CommandError(str(error)) from None


def actor() -> Actor:
    """The actor of changes made on the command line."""
    from headgate.registry.records import Actor  # noqa: PLC0415

    return Actor("system", "command line")


def add_workspace(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workspace", metavar="SLUG", help="which workspace, where there are several")


def workspace(view: View, slug: str | None) -> Workspace:
    """The workspace called *slug*, or the only one. Raises CommandError."""
    from headgate.registry import workspaces  # noqa: PLC0415

    there = workspaces.listed(view)
    if slug is None and len(there) == 1:
        return there[0]
    if not there:
        raise CommandError("there is no workspace yet; `headgate apply` or `headgate serve` makes one")
    names = ", ".join(each.slug for each in there)
    if slug is None:
        raise CommandError(f"say which workspace, with --workspace: {names}")
    found = next((each for each in there if each.slug == slug), None)
    if found is None:
        raise CommandError(f"there is no workspace {slug!r}; there is: {names}")
    return found
