"""
Exceptions for mistakes of the caller and of the runtime. Faults of a user's function are never exceptions:
they are Outcome or CompileError values.

    HeadgateError
    |-- EventError         the event is not a JSON object, or exceeds a limit
    |   `-- NoRoom         the sandbox has no memory left for the event's text
    |-- SettingsError      the settings are not a JSON object
    |-- LimitError         a limit is out of its range
    |-- ImageError         the bytes are not a guest image, or one of another ABI version
    |-- GuestMissing       the built guest is missing
    |-- ReplayError        a record does not fit the image or the engine, or did not reproduce
    `-- ExecutorClosed     invoke after close
"""

from __future__ import annotations


class HeadgateError(Exception):
    """Base of all exceptions of the runtime."""


class EventError(HeadgateError, ValueError):
    """The event passed to invoke is unusable; nothing was run."""


class NoRoom(EventError):
    """The sandbox has no memory left for the event's text; a fresh sandbox may have."""


class SettingsError(HeadgateError, ValueError):
    """The settings of a function are not a JSON object."""


class LimitError(HeadgateError, ValueError):
    """A limit is out of its range."""


class ImageError(HeadgateError, ValueError):
    """The bytes are not a guest image that this runtime can run."""


class GuestMissing(HeadgateError, RuntimeError):
    """The guest has not been built, or the package was installed without it."""


class ReplayError(HeadgateError, ValueError):
    """A record cannot be replayed here."""


class ExecutorClosed(HeadgateError, RuntimeError):
    """The executor was closed."""
