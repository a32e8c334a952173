"""The error that ends a command with a message for the user, and the exit statuses."""

from __future__ import annotations

from typing import Final

OK: Final = 0
IMPERFECT: Final = 1
"""The command did its work, and something in the data was discarded, malformed or left for retry."""

FAILED: Final = 2
"""The command could not do its work: usage, a file, or the function itself."""

INTERRUPTED: Final = 130
"""As a shell reports a process that SIGINT ended."""

READER_GONE: Final = 141
"""As a shell reports a process that SIGPIPE ended."""


class CommandError(Exception):
    """
    Ends the command with *message* on stderr, one line or a few, and exit status *status*.

    The message names the file, the line where there is one, and what to do.
    """

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


def file_error(error: OSError, name: str) -> CommandError:
    """The CommandError for a file that cannot be opened, read or written, or a directory that cannot be created."""
    if isinstance(error, FileExistsError):
        return CommandError(f"{name}: is there already, and is no directory")
    return CommandError(f"{name}: {(error.strerror or str(error)).lower()}")
