"""Previews: test runs of functions, saved or not (SPEC 10, D25)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from headgate.api import trial
from headgate.api.errors import invalid
from headgate.api.functions import Setting  # noqa: TC001 - pydantic reads it
from headgate.api.operation import ALPHA, Operation
from headgate.api.permissions import refused
from headgate.api.trial import Trial
from headgate.pipeline.admission import UNSAVED
from headgate.registry import canonical, checks, limits, settings
from headgate.registry.snapshot import Isolation, Language  # noqa: TC001 - pydantic reads them
from headgate_runtime import Limits
from headgate_runtime.limits import BATCH_EVENTS

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry.settings import Definition

PAYLOAD_DEPTH: Final = 100
"""How deep objects and lists may nest in an event of a preview."""


class PreviewFunction(BaseModel):
    """
    *payload* is an event or an array of events; *settings* are definitions, *settingValues* the values passed to the
    handlers. *batch* true sends even a single event to `onBatch`; false sends an array to the single-event handlers.
    """

    model_config = ConfigDict(strict=True)

    code: str
    payload: dict[str, Any] | list[dict[str, Any]]
    settings: list[Setting] = []
    settingValues: dict[str, Any] = {}
    resourceType: Literal["INSERT_DESTINATION"] = "INSERT_DESTINATION"
    batch: bool | None = None
    language: Language = "javascript"
    isolation: Isolation = "warm"
    timeMs: int = limits.TIME_MS_DEFAULT


class PreviewStoredFunction(BaseModel):
    """As PreviewFunction; omitted fields are taken from the function's latest version."""

    model_config = ConfigDict(strict=True)

    payload: dict[str, Any] | list[dict[str, Any]]
    code: str | None = None
    settings: list[Setting] | None = None
    settingValues: dict[str, Any] = {}
    resourceType: Literal["INSERT_DESTINATION"] = "INSERT_DESTINATION"
    batch: bool | None = None
    language: Language | None = None
    isolation: Isolation | None = None
    timeMs: int | None = None


def unsaved(call: Call) -> Trial:
    body: PreviewFunction = call.body
    if not call.principal.may_function(None, "admin"):
        raise refused()
    return _trial(
        call,
        function=UNSAVED,
        definitions=_definitions(body.settings),
        code=body.code,
        language=body.language,
        isolation=body.isolation,
        time_ms=body.timeMs,
    )


def stored(call: Call) -> Trial:
    body: PreviewStoredFunction = call.body
    function = call.function(call.path["functionId"], "admin")
    return _trial(
        call,
        function=function.id,
        definitions=function.settings if body.settings is None else _definitions(body.settings),
        code=function.latest.code if body.code is None else body.code,
        language=body.language or function.latest.language,
        isolation=body.isolation or function.isolation,
        time_ms=function.time_ms if body.timeMs is None else body.timeMs,
    )


def _trial(
    call: Call,
    *,
    function: str,
    definitions: tuple[Definition, ...],
    code: str,
    language: Language,
    isolation: Isolation,
    time_ms: int,
) -> Trial:
    body: PreviewFunction | PreviewStoredFunction = call.body
    checks.text(code, "code", Limits().source_bytes)
    checks.number(time_ms, "timeMs", 1, limits.TIME_MS_MAX)
    new = settings.update(definitions, (), body.settingValues, "settingValues")
    values = settings.merged(definitions, new.plain, new.seal)
    lacking = settings.missing(definitions, values)
    if lacking is not None:
        raise invalid("is required", f"settingValues.{lacking}")
    return Trial(
        workspace=call.workspace,
        function=function,
        code=code,
        language=language,
        isolation=isolation,
        time_ms=time_ms,
        events=_events(body.payload),
        is_list=isinstance(body.payload, list) or body.batch is True,
        batch=body.batch,
        settings=values,
        secrets=tuple(text for each in new.seal.values() for text in settings.texts(each) if len(text) >= 4),
    )


def _definitions(given: list[Setting]) -> tuple[Definition, ...]:
    return settings.definitions([each.model_dump() for each in given])


def _events(payload: dict[str, Any] | list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Raises ApiError and Invalid."""
    events = payload if isinstance(payload, list) else [payload]
    if not events:
        raise invalid("has no event", "payload")
    if len(events) > BATCH_EVENTS:
        raise invalid(f"has {len(events)} events; at most {BATCH_EVENTS} are allowed", "payload")
    canonical.check_depth(events, "payload", PAYLOAD_DEPTH + 1)
    return events


OPERATIONS: Final = (
    Operation(
        "preview_function",
        "POST",
        "/functions/preview",
        ALPHA,
        "functions admin of all",
        unsaved,
        body=PreviewFunction,
        reads_only=True,
        runs=trial.run,
    ),
    Operation(
        "preview_stored_function",
        "POST",
        "/functions/{functionId}/preview",
        ALPHA,
        "functions admin",
        stored,
        body=PreviewStoredFunction,
        reads_only=True,
        runs=trial.run,
    ),
)
