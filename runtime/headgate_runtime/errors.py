"""
What can go wrong on OUR side, or the caller's. What a user's function does wrong is never an exception: it is an
Outcome or a CompileError value.

    HeadgateError
    |-- EventError         the caller's event is not a JSON object, or over a limit
    |   `-- NoRoom         not even a fresh sandbox has memory for its text
    |-- SettingsError      the caller's settings are not a JSON object
    |-- LimitError         a limit out of its range
    |-- ImageError         a file or bytes that are no guest image, or one of another ABI version
    |-- GuestMissing       the built guest is not where it should be
    |-- ReplayError        a record does not fit the image or the engine, or did not reproduce
    `-- ExecutorClosed     invoke after close
"""

from __future__ import annotations


class HeadgateError(Exception):
    """Base of every error the runtime raises."""


class EventError(HeadgateError, ValueError):
    """The event handed to invoke is unusable; nothing ran."""


class NoRoom(EventError):
    """The sandbox has no memory left for the event's text; a fresh one may have."""


class SettingsError(HeadgateError, ValueError):
    """The settings handed to a function are not a JSON object."""


class LimitError(HeadgateError, ValueError):
    """A limit is out of its range."""


class ImageError(HeadgateError, ValueError):
    """The bytes are not a guest image this runtime can run."""


class GuestMissing(HeadgateError, RuntimeError):
    """The guest has not been built, or the package was installed without it."""


class ReplayError(HeadgateError, ValueError):
    """A record cannot be replayed here."""


class ExecutorClosed(HeadgateError, RuntimeError):
    """The executor was closed."""
