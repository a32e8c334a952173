"""`headgate backup`: a copy of a data directory, taken while the server runs."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from headgate.cli.errors import OK, CommandError, file_error
from headgate.cli.registry import opened
from headgate.cli.serve import add_data
from headgate.paths import DataDirectory

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from headgate.registry.store import Registry

_TEXT: Final = """\
Copies the data directory to the new directory DIR: workspaces, the master key, waiting events, dead letters, counters.
Each file is copied as of one moment, while a running server continues. Files written by sinks are not copied.

To restore, stop the server and start one on the copy. Events that were delivered after the copy was made are then delivered
again, with the same Idempotency-Key. The copy contains the master key and thereby the secrets, so keep it safe. A key from
HEADGATE_MASTER_KEY is not in the copy, but is needed to restore.
"""

_EXAMPLES: Final = """\
examples:
  headgate backup backups/monday
  headgate serve --data backups/monday

exit status:
  0  the copy is complete and on disk
  2  it could not be made
"""


_PART: Final = ".part"
"""Ends the names of all files until all are complete, so that no server starts on half a copy."""


def add(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    """Declares the command's arguments."""
    backup = add_command("backup", "copy the data directory of a running server", _TEXT, _EXAMPLES)
    backup.add_argument("to", metavar="DIR", help="must not exist, or be empty")
    add_data(backup)


def run(parsed: argparse.Namespace) -> int:
    """The exit status. Raises CommandError."""
    to = DataDirectory(parsed.to)
    try:
        with opened(parsed.data) as registry:
            to.create()
            left = [path for path in to.root.iterdir() if _PART in path.name]
            if len(left) < len(list(to.root.iterdir())):
                raise CommandError(f"{to}: is not empty; name another directory")
            for path in left:  # of a copy that was killed
                path.unlink()
            try:
                names = _copied(registry, to)
            except BaseException:
                for path in to.root.iterdir():
                    path.unlink()
                raise
    except OSError as error:
        raise file_error(error, str(error.filename or to)) from None
    print(f"headgate: copied {', '.join(names)} to {to}", file=sys.stderr)
    return OK


def _copied(registry: Registry, to: DataDirectory) -> list[str]:
    """Copies the files; returns their names. Raises OSError, CommandError, RegistryError."""
    directory = registry.directory
    queues = [*directory.queues().values(), *directory.all_samples().values()]
    for path in queues:
        _copy_database(path, _part(to.root / path.name))
    # After the queues, so that their events have their destinations, also those made meanwhile. And with nobody changing
    # anything: the key is the one that the secrets are sealed with.
    with registry.cell.lock():
        _copy_database(directory.registry, _part(to.registry))
        key = directory.master_key.read_bytes() if directory.master_key.is_file() else b""
    names = [path.name for path in queues]
    if key:
        with _made(_part(to.master_key)) as file:
            file.write(key)
        names.append(to.master_key.name)
    names.append(to.registry.name)
    _sync(to.root)
    # The registry last: without it, there is nothing that a server could go on with.
    for name in names:
        _part(to.root / name).rename(to.root / name)
    _sync(to.root)
    return names


def _part(path: Path) -> Path:
    return path.with_name(path.name + _PART)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_database(path: Path, to: Path) -> None:
    """Raises OSError, CommandError."""
    try:
        with _made(to), closing(sqlite3.connect(path)) as original, closing(sqlite3.connect(to)) as copy:
            original.backup(copy)
    except sqlite3.Error as error:
        raise CommandError(f"{path}: cannot be copied to {to}: {error}") from None


@contextmanager
def _made(path: Path) -> Iterator[BinaryIO]:
    """A new file, for its owner only; on the disk when the block ends. Raises OSError."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
