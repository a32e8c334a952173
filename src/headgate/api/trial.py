"""
Runs a function as a preview (SPEC 10): nothing is delivered, and no report counts it. Its usage is metered and counts
towards the workspace's quotas.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from headgate.api.errors import ApiError, TooMuch, invalid
from headgate.api.times import iso
from headgate.pipeline.admission import QuotaMet
from headgate.pipeline.redact import redaction_of
from headgate.tracking.message_ids import message_id
from headgate_runtime import CompileError, EventError, ExecutorClosed, LimitError, Limits
from headgate_runtime.fetch import tracing
from headgate_runtime.outcome import Cause

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from headgate.api.services import Services
    from headgate.pipeline.admission import Admission
    from headgate.registry.snapshot import Isolation, Language
    from headgate_runtime import Executor, Function, LogLine, Outcome

LOG_BYTES: Final = 4 << 10
"""How much console output is shown (SPEC 10)."""

REQUESTS: Final = 100
"""How many of its requests are shown."""

ALL_MS: Final = 60_000
"""How long a preview may take that runs one event after another; the remaining events are not run."""

RUNS_AT_ONCE: Final = 8
"""How many previews of a workspace may run in one worker."""

HINT: Final = "returned nothing: event will not reach the destination"
"""The hint for authors who forgot to return the event (SPEC D1)."""

_PLACE: Final = re.compile(r"\bfunction\.js:(\d+):(\d+)")


class Trial(NamedTuple):
    """
    What to run: *code*, which need not be saved.

    function   the id of the function its usage is attributed to, or UNSAVED
    events     a single one unless *is_list*; lists go to `onBatch`, if the function has it and *batch* is not false
    settings   the setting values, including secrets
    secrets    texts to redact from everything shown
    """

    workspace: str
    function: str
    code: str
    language: Language
    isolation: Isolation
    time_ms: int
    events: list[dict[str, Any]]
    is_list: bool
    batch: bool | None
    settings: dict[str, Any]
    secrets: tuple[str, ...]


async def run(trial: Trial, services: Services) -> dict[str, Any]:
    """
    `{"result": ...}` of SPEC D25, from a fresh sandbox. Raises ApiError 422 for events that no function accepts, 429 if
    too many previews are running or a quota is used up.
    """
    previews = services.previews
    if previews[trial.workspace] >= RUNS_AT_ONCE:
        raise ApiError(429, f"{RUNS_AT_ONCE} previews of this workspace are running: wait for one to end")
    try:
        services.admission.take(trial.workspace, len(trial.events))
    except QuotaMet as met:
        raise TooMuch(met.message, met.retry_after_s) from None
    previews[trial.workspace] += 1
    try:
        return {"result": await _Run(trial, services.executor, services.admission).result()}
    except EventError as error:
        raise invalid(str(error), "payload") from None
    except LimitError as error:
        raise invalid(str(error), "code") from None
    except ExecutorClosed:
        raise ApiError(503, "the server is stopping") from None
    finally:
        previews[trial.workspace] -= 1
        if not previews[trial.workspace]:
            del previews[trial.workspace]


class _Run:
    def __init__(self, trial: Trial, executor: Executor, admission: Admission) -> None:
        self._admission = admission
        self._redaction = redaction_of(trial.secrets)
        self._trial = trial
        self._executor = executor
        self._clock = executor.clock
        self._began_at = self._clock.monotonic_ms()

    async def result(self) -> dict[str, Any]:
        trial, executor = self._trial, self._executor
        limits = Limits(time_ms=trial.time_ms, sandboxes=1)
        image = await executor.compile(trial.code, limits, language=trial.language, tenant=trial.workspace)
        if isinstance(image, CompileError):
            return self._refused(image)
        function = executor.function(
            image,
            trial.settings,
            isolation=trial.isolation,
            limits=limits,
            tenant=trial.workspace,
            owner=f"preview {executor.entropy(16).hex()}",
        )
        self._began_at = self._clock.monotonic_ms()
        try:
            with tracing(trial.secrets) as trace:
                outcomes, invocations = await self._outcomes(function)
        finally:
            executor.dismiss(function)
        requests = [exchange.as_json() for exchange in trace.exchanges[:REQUESTS]]
        dropped = trace.dropped + len(trace.exchanges) - len(requests)
        return self._shown(outcomes, invocations) | {"requests": requests, "requestsTruncated": dropped > 0}

    async def _outcomes(self, function: Function) -> tuple[list[Outcome | None], list[Outcome]]:
        """The outcome of each event, None for those there was no time to run; and the outcome of each invocation."""
        trial = self._trial
        now = int(self._clock.wall_ms())
        texts = []
        for event in trial.events:
            if event.get("messageId") is None:  # the documentation's examples tell batched events apart by it
                event = event | {"messageId": message_id(now, self._executor.entropy)}
            texts.append(orjson.dumps(event))
        wants_batch = trial.is_list if trial.batch is None else trial.batch
        if wants_batch and texts and "onBatch" in function.image.handlers:
            batch = await self._metered(self._executor.invoke(function, texts))
            return [*batch], batch[:1]
        ran: list[Outcome] = []
        for text in texts:
            if self._clock.monotonic_ms() - self._began_at >= ALL_MS:
                break
            ran += await self._metered(self._one(function, text))
        return [*ran, *[None] * (len(texts) - len(ran))], ran

    async def _one(self, function: Function, text: bytes) -> list[Outcome]:
        return [await self._executor.invoke(function, text)]

    async def _metered(self, invocation: Coroutine[Any, Any, list[Outcome]]) -> list[Outcome]:
        """The outcomes of one *invocation*, which waits for its turn first."""
        trial, admission = self._trial, self._admission
        try:
            await admission.enter(trial.workspace)
        except BaseException:
            invocation.close()
            raise
        try:
            outcomes = await invocation
        finally:
            admission.leave(trial.workspace)
        admission.ran(trial.workspace, trial.function, outcomes, together=True)
        return outcomes

    def _shown(self, outcomes: Sequence[Outcome | None], invocations: Sequence[Outcome]) -> dict[str, Any]:
        items = [self._item(each) for each in outcomes]
        statuses = {each["status"] for each in items}
        first_error = next((each["error"] for each in items if "error" in each), None)
        outputs = [each["output"] for each in items if "output" in each]
        value: dict[str, Any] = {
            "status": next(
                (each for each in ("ERROR", "SUCCESS", "FILTERED") if each in statuses), "FILTERED"
            ),
            "error": first_error,
            **self._logs(
                [pair for each in invocations for pair in zip(each.logs, each.log_times, strict=True)]
            ),
            "durationMs": round(self._clock.monotonic_ms() - self._began_at, 3),
            "fuel": sum(each.fuel for each in invocations),
            "hint": HINT
            if any(each is not None and each.cause is Cause.EMPTY for each in outcomes)
            else None,
        }
        value["logsTruncated"] |= any(each.logs_dropped for each in invocations)
        if self._trial.is_list:
            return value | {"output": outputs, "items": items}
        return value | {"output": outputs[0] if outputs else None}

    def _item(self, outcome: Outcome | None) -> dict[str, Any]:
        if outcome is None:
            why = f"not run: the events before it took {ALL_MS / 1e3:g} s"
            return {"status": "ERROR", "error": _error(None, why, None, "Timeout", retryable=True)}
        if outcome.output is not None:
            return {"status": "SUCCESS", "output": orjson.Fragment(outcome.output)}
        message = None if outcome.message is None else self._clean(outcome.message)
        if outcome.outcome == "filtered":
            return {"status": "FILTERED", "reason": message or outcome.category}
        stack = None if outcome.stack is None else self._clean(outcome.stack)
        name = None if outcome.error_name is None else self._clean(outcome.error_name)
        retryable = outcome.outcome == "retry"
        error = _error(name, message or outcome.category or "", stack, outcome.category, retryable=retryable)
        return {"status": "ERROR", "error": error}

    def _refused(self, error: CompileError) -> dict[str, Any]:
        name = error.error_name and self._clean(error.error_name)
        stack = error.stack and self._clean(error.stack)
        shown = _error(name, self._clean(error.message), stack, "Bad Request", retryable=False)
        shown |= {"line": error.line, "column": error.column}
        if error.source_line is not None:
            shown["sourceLine"] = self._clean(error.source_line)
        return {
            "status": "ERROR",
            "output": [] if self._trial.is_list else None,
            **({"items": []} if self._trial.is_list else {}),
            "error": shown,
            "logs": [],
            "logsTruncated": False,
            "requests": [],
            "requestsTruncated": False,
            "durationMs": round(self._clock.monotonic_ms() - self._began_at, 3),
            "fuel": 0,
            "hint": None,
        }

    def _logs(self, lines: Sequence[tuple[LogLine, float]]) -> dict[str, Any]:
        """The logs, with the time of each line: the clock stands still while the guest runs, and advances while it waits."""
        shown: list[dict[str, str]] = []
        left = LOG_BYTES
        for line, at in lines:
            if left <= 0:
                return {"logs": shown, "logsTruncated": True}
            # Redacted before it is cut: the cut must not leave half a secret.
            content = self._clean(line.message).encode()
            message = content[:left].decode(errors="ignore")
            shown.append({"level": line.level, "time": iso(int(at)), "message": message})
            left -= len(content)
        return {"logs": shown, "logsTruncated": left < 0}

    def _clean(self, text: str) -> str:
        return self._redaction.text(text)


def _error(
    name: str | None, message: str, stack: str | None, category: str | None, *, retryable: bool
) -> dict[str, Any]:
    """*line* and *column* are those of the innermost stack frame in the function's own source."""
    place = _PLACE.search(stack or "")
    return {
        "name": name,
        "message": message,
        "stack": stack,
        "category": category,
        "retryable": retryable,
        "line": place and int(place[1]),
        "column": place and int(place[2]),
    }
