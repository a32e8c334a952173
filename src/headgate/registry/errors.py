"""
What can go wrong in the registry. Messages are for people and hold no secret.

    RegistryError
    |-- Refused           the caller's mistake; nothing was changed
    |   |-- NotFound      there is no such thing (HTTP 404)
    |   |-- Conflict      it contradicts what is there, or a count is at its limit (409)
    |   `-- Invalid       a value breaks a rule (422)
    `-- Unavailable       the registry itself cannot work: locked, full, damaged, of another version
        `-- KeyTrouble    the master key is missing, unreadable, open to others, or not the one
"""

from __future__ import annotations


class RegistryError(Exception):
    """Base of every error the registry raises."""


class Refused(RegistryError):
    """*field* names the value at fault, as in "settings[0].name"; "" where it is the whole."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message = message
        self.field = field


class NotFound(Refused):
    """There is no such thing, or it belongs to another workspace."""

    def __init__(self, kind: str, name: str, field: str = "") -> None:
        super().__init__(f"there is no {kind} {name!r}", field)


class Conflict(Refused):
    """It contradicts what is there, or a count is at its limit."""


class Invalid(Refused):
    """A value breaks a rule; the message names the limit."""


class Unavailable(RegistryError):
    """The registry cannot work at the moment, or at all."""


class KeyTrouble(Unavailable):
    """Secrets can be neither sealed nor opened."""
