"""`POST /v1/functions/{functionId}/invoke`: runs a function synchronously over HTTP."""

from __future__ import annotations

import hashlib
import weakref
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import parse_qsl

import orjson

from headgate.outcomes import text_of
from headgate.pipeline.admission import QuotaMet
from headgate.pipeline.redact import redaction_of
from headgate.service.refusal import Refusal, as_json
from headgate.tracking.body import BodySlow, BodyTooLarge, BodyUndecodable, SenderGone, read_body
from headgate.tracking.limits import TrackingLimits
from headgate_runtime import CompileError, EventError, Limits
from headgate_runtime.limits import BATCH_EVENTS

if TYPE_CHECKING:
    from headgate.pipeline.admission import Admission
    from headgate.pipeline.directory import Directory
    from headgate.pipeline.functions import Functions
    from headgate.registry.snapshot import Instance, Snapshot
    from headgate.tracking.asgi import Receive, Scope, Send
    from headgate_runtime import Clock, Executor, Function, Outcome

KNOWN: Final = 10_000
"""Authorised requests cached between two changes of the registry."""

ASKED_BYTES: Final = 500
"""Maximum length of a path and query that are cached; longer ones are looked up for each request."""

_BODY: Final = TrackingLimits()
"""Provides the limits for reading a body."""

_TYPE: Final = (b"content-type", b"application/json")
PATH: Final = "/v1/functions/{functionId}/invoke"
_ROOT: Final = "/v1/functions/"
_ACT: Final = "/invoke"


class _Whose(NamedTuple):
    """The function's id, and the sensitive values among its settings."""

    function: str
    secrets: tuple[str, ...]


_Asked = tuple[bytes, str, bytes]
"""Hash of the authorization, path, query: they determine the function and whether the caller may run it."""


class Authority(Protocol):
    """Resolves tokens."""

    async def workspace_of(self, token: str) -> str | None:
        """The id of the token's workspace; None if the token is unknown, revoked or may not run functions."""


class InvokeApi:
    """
    An ASGI application for the requests for which `handles` is true. It uses no framework: a warm function
    answers in microseconds, and routing, validation and request objects would take most of the time.

    Which caller may run which function is cached until the registry changes, so that a check costs a hash and
    a look-up.
    """

    def __init__(
        self,
        directory: Directory,
        functions: Functions,
        executor: Executor,
        authority: Authority,
        admission: Admission,
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._directory = directory
        self._functions = functions
        self._executor = executor
        self._authority = authority
        self._clock = clock
        self._input_bytes = Limits().input_bytes
        self._snapshot: Snapshot | None = None  # to which `_known` belongs
        # Weak references, so that the cache does not keep functions alive.
        self._known: dict[_Asked, tuple[weakref.ref[Function], _Whose]] = {}

    @staticmethod
    def handles(method: str, path: str) -> bool:
        return method == "POST" and path.startswith(_ROOT) and path.endswith(_ACT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; *scope* is of type "http"."""
        status, headers = 200, [_TYPE]
        try:
            content = await self._outcomes(scope, receive)
        except Refusal as refusal:
            status = refusal.status
            content = orjson.dumps(as_json(status, refusal.message))
            if refusal.retry_after_s is not None:
                headers = [_TYPE, (b"retry-after", b"%d" % refusal.retry_after_s)]
        except SenderGone:
            return
        headers.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _outcomes(self, scope: Scope, receive: Receive) -> bytes:
        """The body of the response. Raises Refusal and SenderGone."""
        headers = dict(scope["headers"])
        authorization = headers.get(b"authorization", b"")
        asked = hashlib.sha256(authorization).digest(), scope["path"], scope["query_string"]
        function, whose = self._ready(asked) or await self._find(asked, authorization)
        body = await self._body(receive, headers)
        if not self._is_current():  # the body may have taken long, and changes apply at once
            function, whose = await self._find(asked, authorization)
        events = body if body.startswith(b"{") else _events(body)
        outcomes = await self._run(function, whose.function, events)
        clean = redaction_of(whose.secrets).text if whose.secrets else str
        return b'{"data":{"outcomes":[%b]}}' % b",".join([text_of(each, clean) for each in outcomes])

    async def _run(self, function: Function, name: str, events: bytes | list[bytes]) -> list[Outcome]:
        """Runs *function* within the workspace's quotas. Raises Refusal."""
        admission, workspace = self._admission, function.tenant.name
        together = False
        try:
            admission.take(workspace, 1 if isinstance(events, bytes) else len(events))
            await admission.enter(workspace)
            try:
                if isinstance(events, bytes):
                    outcomes = [await self._executor.invoke_among(function, events)]
                else:
                    together = "onBatch" in function.image.handlers
                    outcomes = await self._executor.invoke_texts(function, events)
            finally:
                admission.leave(workspace)
        except QuotaMet as met:
            raise Refusal(429, met.message, met.retry_after_s) from None
        except EventError as error:
            raise Refusal(400, str(error)) from None
        admission.ran(workspace, name, outcomes, together=together)
        return outcomes

    # ---- which function ----

    def _is_current(self) -> bool:
        return self._directory.is_current and self._directory.snapshot is self._snapshot

    def _ready(self, asked: _Asked) -> tuple[Function, _Whose] | None:
        if not self._is_current():
            return None
        known = self._known.get(asked)
        function = None if known is None else known[0]()
        return None if known is None or function is None else (function, known[1])

    async def _find(self, asked: _Asked, authorization: bytes) -> tuple[Function, _Whose]:
        """Finds the function and caches it. Raises Refusal."""
        # Takes the snapshot before the authorisation, so that the result is never cached for a newer
        # snapshot.
        snapshot = await self._directory.current()
        _, path, query = asked
        function, whose = await self._function(snapshot, authorization, path, query)
        if snapshot is not self._snapshot and snapshot is self._directory.snapshot:
            self._known.clear()
            self._snapshot = snapshot
        if snapshot is self._snapshot and len(path) + len(query) <= ASKED_BYTES:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[asked] = weakref.ref(function), whose
        return function, whose

    async def _function(
        self, snapshot: Snapshot, authorization: bytes, path: str, query: bytes
    ) -> tuple[Function, _Whose]:
        workspace = await self._authority.workspace_of(_bearer(authorization))
        if workspace is None:
            raise Refusal(401, "a valid token is wanted: Authorization: Bearer ...")
        name = path[len(_ROOT) : -len(_ACT)]
        instance_id = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)).get("instanceId")
        found = snapshot.functions.get(name) or snapshot.functions.get(f"ifnd_{name}")
        if found is None or found.workspace != workspace:
            raise Refusal(404, "there is no such function in this workspace")
        tenant = snapshot.workspaces[workspace]
        secrets: tuple[str, ...] = ()
        if instance_id is None:
            function = await self._functions.alone(found, tenant)
        else:
            instance = _instance(snapshot, found.id, instance_id)
            if instance is None:
                raise Refusal(404, "the function has no such instance")
            if instance.fault is not None or instance.version is None:
                raise Refusal(422, instance.fault or "there is no version to run")
            function = await self._functions.of(instance, tenant)
            secrets = instance.secrets
        if isinstance(function, CompileError):
            raise Refusal(422, str(function))
        return function, _Whose(found.id, secrets)

    # ---- the body ----

    async def _body(self, receive: Receive, headers: dict[bytes, bytes]) -> bytes:
        try:
            return await read_body(receive, headers, self._input_bytes, _BODY, self._clock)
        except BodyTooLarge:
            raise Refusal(413, f"the body has more than {self._input_bytes} bytes") from None
        except BodyUndecodable:
            raise Refusal(400, "the body is not encoded as Content-Encoding says") from None
        except BodySlow:
            raise Refusal(408, "the body did not arrive in time") from None


def documented() -> dict[str, dict[str, Any]]:
    """The OpenAPI description of the path."""
    text = {"type": "string"}
    failures = {
        400: "The body is not what is wanted",
        401: "No valid token",
        404: "No such function or instance in the token's workspace",
        408: "The body did not arrive in time",
        413: "The body is too large",
        422: "The function does not compile, or its settings are not usable",
        429: "A quota of the workspace is used up; Retry-After says for how long",
    }
    responses = {str(status): {"description": what} for status, what in failures.items()}
    done = {"description": "An outcome for each event", "content": {"application/json": {"schema": {}}}}
    return {
        PATH: {
            "post": {
                "operationId": "invoke",
                "tags": ["functions"],
                "summary": "Run a function on an event, or on an array of events",
                "description": (
                    "Takes an event, or an array of at most 1,000, and answers with an outcome for each, in order. An array "
                    "goes to `onBatch` where the function has one. With `instanceId`, the function runs with that "
                    "instance's version and settings; else its deployed version, or its newest, runs without settings. "
                    "Nothing is stored and nothing is delivered; what it uses counts as the function's usage."
                ),
                "parameters": [
                    {"name": "functionId", "in": "path", "required": True, "schema": text},
                    {"name": "instanceId", "in": "query", "required": False, "schema": text},
                ],
                "security": [{"token": []}],
                "responses": {"200": done, **responses},
            }
        }
    }


def _instance(snapshot: Snapshot, function: str, instance_id: str) -> Instance | None:
    for destination in snapshot.destinations.values():
        instance = destination.instance
        if instance is not None and instance.id == instance_id and instance.function == function:
            return instance
    return None


def _bearer(authorization: bytes) -> str:
    scheme, _, token = authorization.decode("latin-1").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _events(body: bytes) -> bytes | list[bytes]:
    """
    The texts of the events in an array; *body* itself for a single event, which the guest parses. Raises
    Refusal.
    """
    from headgate_runtime.texts import objects_of  # noqa: PLC0415

    events = objects_of(body)
    if events is None:
        try:
            value: Any = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Refusal(400, f"the body is not JSON: {error}") from None
        if isinstance(value, dict):
            return body
        if not isinstance(value, list) or not all(isinstance(event, dict) for event in value):
            raise Refusal(400, "the body must be an event or an array of events, each a JSON object")
        events = [orjson.dumps(event) for event in value]
    if len(events) > BATCH_EVENTS:
        raise Refusal(400, f"the array has {len(events)} events, more than {BATCH_EVENTS}")
    return events
