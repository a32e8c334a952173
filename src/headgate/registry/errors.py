"""
The errors of the registry. Messages are written for users and contain no secrets.

    RegistryError
    |-- Refused           the caller's mistake; nothing was changed
    |   |-- NotFound      it does not exist, or belongs to another workspace (HTTP 404)
    |   |-- Conflict      it contradicts what exists (409)
    |   |   `-- Full      there are already as many as there may be
    |   `-- Invalid       a value breaks a rule (422)
    `-- Unavailable       the registry itself cannot work: locked, full, damaged, or of another version
        `-- KeyUnavailable    the master key is missing, unreadable, readable by others, or the wrong one
"""

from __future__ import annotations


class RegistryError(Exception):
    """Base of every error the registry raises."""


class Refused(RegistryError):
    """*field* names the value at fault, as in "settings[0].name"; "" if it is no single value."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message = message
        self.field = field


class NotFound(Refused):
    """It does not exist, or it belongs to another workspace."""

    def __init__(self, kind: str, name: str, field: str = "") -> None:
        super().__init__(f"there is no {kind} {name!r}", field)


class Conflict(Refused):
    """It contradicts what exists."""


class Full(Conflict):
    """There are already as many as there may be."""

    def __init__(self, holder: str, most: int, things: str, field: str = "") -> None:
        super().__init__(f"a {holder} can have at most {most} {things}", field)


class Invalid(Refused):
    """A value breaks a rule; the message names the limit."""


class Unavailable(RegistryError):
    """The registry cannot work at the moment, or at all."""


class KeyUnavailable(Unavailable):
    """The master key is missing or unreadable: secrets can be neither encrypted nor decrypted."""
