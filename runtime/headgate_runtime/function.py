"""A function that can be invoked: an image with settings, isolation, limits and its sandboxes."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Literal

import orjson

from headgate_runtime import abi
from headgate_runtime.cache import Cache
from headgate_runtime.errors import SettingsError
from headgate_runtime.limits import SHARED_PAGES, SHARED_START_BYTES
from headgate_runtime.rewind import Rewinder
from headgate_runtime.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate_runtime.baseline import Parts
    from headgate_runtime.host import Clock
    from headgate_runtime.image import Image
    from headgate_runtime.limits import Limits
    from headgate_runtime.pool import Shelf, Waiter
    from headgate_runtime.scheduler import Tenant

Isolation = Literal["warm", "hermetic"]


class Slot:
    """A sandbox in a pool, with its Rewinder if the function is hermetic."""

    __slots__ = ("function", "rewinder", "sandbox", "used")

    def __init__(self, function: Function) -> None:
        self.function = function
        self.used = 0
        """The pool's release count when the slot was last released; 0 while it is new."""
        self.sandbox = Sandbox(function.module, function.limits, function.image.mailbox, function.settings)
        self.rewinder: Rewinder | None = None
        if function.hermetic:
            self._configure()
            self.rewinder = Rewinder(self.sandbox, function.image.baseline, function.start)
            self._keep_start(self.rewinder)

    def _configure(self) -> None:
        """Make the guest read the settings, so that no event has to."""
        self.sandbox.write_input(b"", 0.0, 0.0, bytes(32), self.function.flags)
        self.sandbox.call("configure")

    def _keep_start(self, rewinder: Rewinder) -> None:
        """Keep the start of the function, which is now the memory."""
        function = self.function
        function.start = rewinder.start
        size = sum(len(content) for _, content in rewinder.start)
        # A start does not reach into memory that has grown.
        if size > SHARED_START_BYTES or self.sandbox.grown:
            function.shelf = None

    def begin(self, function: Function) -> None:
        """
        Restore the memory for an event of *function*, which may be another one with the same shelf; after `recover`,
        and only for hermetic functions. Raises EngineError.
        """
        rewinder, sandbox = self.rewinder, self.sandbox
        assert rewinder is not None
        if function is not self.function:
            self.function = function
            image, start = function.image, function.start
            if start is None:
                rewinder.start = []
                rewinder.restore()
                sandbox.set_fuel(1 << 40)
                sandbox.lay(function.module.overlay, function.limits, image.mailbox, function.settings)
                self._configure()
                rewinder.start = rewinder.capture()
                self._keep_start(rewinder)
                return
            sandbox.settings, sandbox.mailbox = function.settings, image.mailbox
            rewinder.start = start
        rewinder.restore()

    @property
    def fresh(self) -> bool:
        """Whether earlier events have left nothing in its memory."""
        return not self.used or self.rewinder is not None

    @property
    def shared(self) -> bool:
        """After `recover`: whether another function may take it over."""
        # `held` counts requests of this function that the host still has.
        return (
            self.function.shelf is not None
            and self.rewinder is not None
            and self.rewinder.pages <= SHARED_PAGES
            and not self.sandbox.held
        )

    @property
    def untried(self) -> bool:
        """Whether the next event is the first on a deferred image and therefore runs its top level."""
        return self.function.image.deferred and not self.used

    def recover(self) -> bool:
        """
        Prepare the sandbox for the next event, before which a hermetic one must be restored by `begin`. Returns False
        when it must be replaced.
        """
        if self.sandbox.requests:
            # Requests that the invocation filed but did not wait for: cache writes are done, others are
            # dropped.
            for request in self.sandbox.requests:
                if request.kind == "cache":
                    self.function.cache.answer(request)
            self.sandbox.requests = []
        if self.rewinder is None:
            return True
        # Memory that has grown cannot be shrunk.
        return (
            not self.sandbox.grown
            and self.sandbox.size == self.function.image.memory_bytes
            and self.rewinder.scan()
        )


class Function:
    """
    A function made by `Executor.function`.

    With *isolation* "warm", module state persists between events, as in the hosted original, and no other function or
    instance has these sandboxes (SPEC D36). With "hermetic", every event starts from exactly the same memory, whatever
    sandbox it is in, so functions with the same shelf take over each other's.

    shelf    where it finds idle sandboxes of others; None if it has its own
    start    the memory with which events of a hermetic function start, once it is known
    """

    __slots__ = (
        "__weakref__",
        "cache",
        "event_fuel",
        "flags",
        "fuel",
        "hermetic",
        "idle",
        "image",
        "input_bytes",
        "isolation",
        "limits",
        "live",
        "module",
        "settings",
        "shelf",
        "start",
        "tenant",
        "waiting",
    )

    def __init__(
        self,
        image: Image,
        settings: bytes,
        isolation: Isolation,
        limits: Limits,
        tenant: Tenant,
        clock: Clock,
        shelf: Shelf | None = None,
    ) -> None:
        self.image = image
        self.settings = settings
        self.isolation = isolation
        self.hermetic = isolation == "hermetic"
        self.flags = int(abi.Flag.HERMETIC) if self.hermetic else 0
        self.limits = limits
        self.input_bytes = limits.input_bytes
        self.fuel = limits.fuel
        self.event_fuel = 1
        """Average fuel per event of the last row, to estimate how many events fit a turn."""
        self.tenant = tenant
        self.module = image.compiled
        self.cache = Cache(clock)
        self.shelf = shelf
        self.start: Parts | None = None
        self.idle: list[Slot] = []
        self.live = 0
        self.waiting: collections.deque[Waiter] = collections.deque()

    def __repr__(self) -> str:
        # Settings contain secrets and are never shown.
        return f"<Function {self.image!r} {self.isolation} of {self.tenant.name}>"


def settings_text(settings: Mapping[str, object] | bytes | str | None) -> bytes:
    """The JSON text of *settings*; "{}" for None. Raises SettingsError when they are not a JSON object."""
    if settings is None:
        return b"{}"
    try:
        value = orjson.loads(settings) if isinstance(settings, bytes | str) else settings
        text = bytes(
            bytearray(orjson.dumps(value))
        )  # a copy, because orjson's result keeps its oversized buffer
    except (orjson.JSONDecodeError, TypeError) as error:
        raise SettingsError(f"settings are not JSON: {error}") from None
    if not text.startswith(b"{"):
        raise SettingsError("settings must be a JSON object")
    return text
