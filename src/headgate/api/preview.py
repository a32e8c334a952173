"""Test runs of functions that need not be saved (SPEC 10, D25)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from headgate.api import trial
from headgate.api.errors import invalid
from headgate.api.functions import Setting  # noqa: TC001 - pydantic reads it
from headgate.api.operation import ALPHA, Operation
from headgate.api.permissions import refused
from headgate.api.trial import Trial
from headgate.pipeline.admission import UNSAVED
from headgate.registry import checks, limits, settings
from headgate_runtime import Limits
from headgate_runtime.limits import BATCH_EVENTS

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry.settings import Definition


class PreviewFunction(BaseModel):
    """
    *payload* is an event, or an array of them; *settings* are definitions, *settingValues* what the handlers get. With
    *batch*, a single event goes to `onBatch`, too; with false, an array goes to the single handlers.
    """

    model_config = ConfigDict(strict=True)

    code: str
    payload: dict[str, Any] | list[dict[str, Any]]
    settings: list[Setting] = []
    settingValues: dict[str, Any] = {}
    resourceType: Literal["INSERT_DESTINATION"] = "INSERT_DESTINATION"
    batch: bool | None = None
    language: Literal["javascript", "typescript"] = "javascript"
    isolation: Literal["warm", "hermetic"] = "warm"
    timeMs: int = limits.TIME_MS_DEFAULT


class PreviewStoredFunction(BaseModel):
    """What is left out is the function's own, of its latest version."""

    model_config = ConfigDict(strict=True)

    payload: dict[str, Any] | list[dict[str, Any]]
    code: str | None = None
    settings: list[Setting] | None = None
    settingValues: dict[str, Any] = {}
    resourceType: Literal["INSERT_DESTINATION"] = "INSERT_DESTINATION"
    batch: bool | None = None
    language: Literal["javascript", "typescript"] | None = None
    isolation: Literal["warm", "hermetic"] | None = None
    timeMs: int | None = None


class _Checked(NamedTuple):
    """*definitions* None: those that are stored."""

    events: list[dict[str, Any]]
    definitions: tuple[Definition, ...] | None


def _checked(body: PreviewFunction | PreviewStoredFunction) -> _Checked:
    events = body.payload if isinstance(body.payload, list) else [body.payload]
    if not events:
        raise invalid("has no event", "payload")
    if len(events) > BATCH_EVENTS:
        raise invalid(f"has {len(events)} events; at most {BATCH_EVENTS} are allowed", "payload")
    if body.code is not None:
        checks.text(body.code, "code", Limits().source_bytes)
    if body.timeMs is not None:
        checks.number(body.timeMs, "timeMs", 1, limits.TIME_MS_MAX)
    if body.settings is None:
        return _Checked(events, None)
    return _Checked(events, settings.definitions([each.model_dump() for each in body.settings]))


def unsaved(call: Call) -> Trial:
    body: PreviewFunction = call.body
    if not call.principal.may_function(None, "admin"):
        raise refused()
    checked: _Checked = call.prepared
    assert checked.definitions is not None
    return _trial(
        call, body, UNSAVED, checked.definitions, body.code, body.language, body.isolation, body.timeMs
    )


def stored(call: Call) -> Trial:
    body: PreviewStoredFunction = call.body
    function = call.function(call.path["functionId"], "admin")
    checked: _Checked = call.prepared
    language = body.language or ("javascript" if body.code is not None else function.latest.language)
    return _trial(
        call,
        body,
        function.id,
        function.settings if checked.definitions is None else checked.definitions,
        function.latest.code if body.code is None else body.code,
        language,
        body.isolation or function.isolation,
        body.timeMs or function.time_ms,
    )


def _trial(
    call: Call,
    body: PreviewFunction | PreviewStoredFunction,
    function: str,
    definitions: tuple[Definition, ...],
    code: str,
    language: Literal["javascript", "typescript"],
    isolation: Literal["warm", "hermetic"],
    time_ms: int,
) -> Trial:
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
        events=call.prepared.events,
        is_list=isinstance(body.payload, list) or body.batch is True,
        batch=body.batch,
        settings=values,
        secrets=tuple(text for each in new.seal.values() for text in settings.texts(each) if len(text) >= 4),
    )


OPERATIONS: Final = (
    Operation(
        "preview_function",
        "POST",
        "/functions/preview",
        ALPHA,
        "functions admin of all",
        unsaved,
        body=PreviewFunction,
        prepare=_checked,
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
        prepare=_checked,
        runs=trial.run,
    ),
)
