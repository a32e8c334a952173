"""
The outcomes of an invocation: Forward, Filtered, Discard and Retry, with the category, reason and status of
the outcome table (SPEC 3.2). `Cause` is that table; nothing else in the runtime names a category.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NamedTuple, Self

if TYPE_CHECKING:
    from headgate_runtime.record import Record

OutcomeName = Literal["forward", "filtered", "discard", "retry"]


class LogLine(NamedTuple):
    """One console line. *level* is debug, log, info, warn or error."""

    level: str
    message: str


class Usage(NamedTuple):
    """Resources that an invocation used. *memory_bytes* is the peak size of its heap."""

    fuel: int
    wall_ms: float
    memory_bytes: int


class Cause(enum.Enum):
    """Rows of the outcome table (SPEC 3.2): outcome, category, reason, status."""

    FORWARD = ("forward", None, None, 200)
    EMPTY = ("filtered", "Filtered at insert function", "filtered_at_insert_function", 200)
    DROPPED = ("filtered", "Filtered at insert function", "filtered_at_insert_function", 200)  # noqa: PIE796 - see __new__
    UNKNOWN_TYPE = ("filtered", "Filtered at insert function", "filtered_at_insert_function", 200)  # noqa: PIE796 - see __new__
    UNSUPPORTED = ("discard", "Unsupported Event Type", "unsupported_event_type", 501)
    REJECTED = ("discard", "Message Rejected", "message_rejected", 400)
    BAD_REQUEST = ("discard", "Bad Request", "bad_request", 400)
    INVALID_SETTINGS = ("discard", "Invalid Settings", "invalid_settings", 422)
    LOCKED_OUT = ("discard", "Functions lock out", "FUNCTIONS_LOCK_OUT", 402)
    RETRY = ("retry", "Retry", "retry", 500)
    TIMEOUT = ("retry", "Timeout", "gateway_timeout", 504)
    THROTTLED = ("retry", "Retry", "too_many_requests", 429)
    INTERNAL = ("retry", "Retry", "internal", 500)

    # Causes with equal rows stay distinct: Enum would make them aliases of each other.
    def __new__(cls, outcome: OutcomeName, category: str | None, reason: str | None, status: int) -> Self:
        member = object.__new__(cls)
        member._value_ = (len(cls.__members__), outcome)
        member.outcome = outcome
        member.category = category
        member.reason = reason
        member.status = status
        return member

    outcome: OutcomeName
    category: str | None
    reason: str | None
    status: int


ERROR_CLASSES: Final = {
    "EventNotSupported": Cause.UNSUPPORTED,
    "InvalidEventPayload": Cause.REJECTED,
    "ValidationError": Cause.REJECTED,
    "RetryError": Cause.RETRY,
    "DropEvent": Cause.DROPPED,
    None: Cause.BAD_REQUEST,
}
"""The predefined error classes of SPEC 3.1, as hooks.describe reports them; None is any other error."""


class _Detail:
    """The fields that most outcomes lack, kept apart so that a forwarded event costs little."""

    __slots__ = ("error_name", "log_times", "logs", "logs_dropped", "message", "record", "stack")

    def __init__(self, error_name: str | None, message: str | None, stack: str | None) -> None:
        self.error_name = error_name
        self.message = message
        self.stack = stack
        self.logs: tuple[LogLine, ...] = ()
        self.logs_dropped = 0
        self.log_times: tuple[float, ...] = ()
        self.record: Record | None = None


_NO_DETAIL: Final = _Detail(None, None, None)


class Outcome:
    """
    Base of the four outcomes.

    output        the event as JSON; only in Forward
    error_name    `name` of the thrown error; None for a thrown value that is not an error
    message       text for people: the message of the thrown error, or the reason of the outcome
    stack         stack trace, with positions in the user's source
    logs          console lines; `logs_dropped` more exceeded the limits. Empty when the invocation was
                  stopped while its code ran (fuel, time, a fault), because the memory is not read then
    log_times     for each of `logs`, the time at which the guest was last entered before it, in ms since the
                  epoch, which is what Date.now() returned. Empty in a replay
    fuel, wall_ms, memory_bytes
                  resources that the invocation used (memory: peak size of its heap). In a batch, every event
                  has the totals of the batch
    record        the Record for `replay`, if one was requested
    """

    __slots__ = ("_detail", "cause", "fuel", "memory_bytes", "output", "wall_ms")

    outcome: ClassVar[OutcomeName]

    def __init__(
        self,
        cause: Cause,
        fuel: int,
        wall_ms: float,
        memory_bytes: int,
        output: bytes | None = None,
        detail: _Detail = _NO_DETAIL,
    ) -> None:
        self.cause = cause
        self.fuel = fuel
        self.wall_ms = wall_ms
        self.memory_bytes = memory_bytes
        self.output = output
        self._detail = detail

    @property
    def category(self) -> str | None:
        return self.cause.category

    @property
    def reason(self) -> str | None:
        return self.cause.reason

    @property
    def status(self) -> int:
        """The numeric code of SPEC D15."""
        return self.cause.status

    @property
    def error_name(self) -> str | None:
        return self._detail.error_name

    @property
    def message(self) -> str | None:
        return self._detail.message

    @property
    def stack(self) -> str | None:
        return self._detail.stack

    @property
    def logs(self) -> tuple[LogLine, ...]:
        return self._detail.logs

    @property
    def logs_dropped(self) -> int:
        return self._detail.logs_dropped

    @property
    def log_times(self) -> tuple[float, ...]:
        return self._detail.log_times

    @property
    def record(self) -> Record | None:
        return self._detail.record

    def add(
        self,
        *,
        logs: tuple[LogLine, ...] | None = None,
        logs_dropped: int = 0,
        log_times: tuple[float, ...] = (),
        record: Record | None = None,
    ) -> None:
        """Attach what is only known after the outcome was made."""
        detail = self._detail
        if detail is _NO_DETAIL:
            detail = self._detail = _Detail(None, None, None)
        if logs is not None:
            detail.logs, detail.logs_dropped, detail.log_times = logs, logs_dropped, log_times
        if record is not None:
            detail.record = record

    def __repr__(self) -> str:
        parts = [self.category, self.error_name, self.message]
        return f"<{type(self).__name__} {' | '.join(part for part in parts if part)}>".replace(" >", ">")


class Forward(Outcome):
    """The event goes to its destination as `output`."""

    __slots__ = ()
    outcome = "forward"


class Filtered(Outcome):
    """The function dropped the event: no error, no retry."""

    __slots__ = ()
    outcome = "filtered"


class Discard(Outcome):
    """The event cannot be handled and must not be retried."""

    __slots__ = ()
    outcome = "discard"


class Retry(Outcome):
    """The event should be retried later."""

    __slots__ = ()
    outcome = "retry"


CLASSES: Final[dict[OutcomeName, type[Outcome]]] = {
    "forward": Forward,
    "filtered": Filtered,
    "discard": Discard,
    "retry": Retry,
}


def of_cause(
    cause: Cause,
    usage: Usage,
    *,
    error_name: str | None = None,
    message: str | None = None,
    stack: str | None = None,
    output: bytes | None = None,
) -> Outcome:
    """Make the outcome for *cause*, of the matching class."""
    detail = _NO_DETAIL
    if message is not None or error_name is not None:
        detail = _Detail(error_name, message, stack)
    return CLASSES[cause.outcome](cause, *usage, output, detail)
