"""
The kinds of destinations and their settings.

The header values and the signing secret of a webhook are secrets. Each is sealed separately, under a name such as
"headers.Authorization" or "signing_secret".
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from headgate.registry import checks, limits
from headgate.registry.errors import Invalid
from headgate.registry.settings import MASK
from headgate.registry.wording import field_path, worded

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from headgate.registry.snapshot import DestinationKind

CATALOG_NAMES: Final[dict[DestinationKind, str]] = {"webhook": "Webhook", "sink": "Sink"}
"""The name of each kind in the integrations object (SPEC 9.4)."""

HEADERS: Final = "headers"
SIGNING_SECRET: Final = "signing_secret"  # noqa: S105 - the name of one

_HEADER: Final = f"{HEADERS}."
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADERS_OURS: Final = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "idempotency-key",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)


def _url(value: str) -> str:
    try:
        return checks.url(value, "")
    except Invalid as error:
        raise PydanticCustomError("url", "{message}", {"message": error.message}) from None


def _headers(headers: dict[str, str]) -> dict[str, str]:
    if len(headers) > limits.HEADERS_PER_WEBHOOK:
        raise PydanticCustomError(
            "headers", f"has {len(headers)}; at most {limits.HEADERS_PER_WEBHOOK} are allowed"
        )
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            problem = "is not a valid header name"
        elif lower in _HEADERS_OURS:
            problem = "is set by Headgate itself"
        elif lower in seen:
            problem = "is given twice: header names are case-insensitive"
        elif len(value) > limits.HEADER_VALUE_CHARS:
            problem = f"has {len(value)} characters; at most {limits.HEADER_VALUE_CHARS} are allowed"
        elif value != MASK and not (value.isascii() and value.isprintable() and value == value.strip()):
            problem = "must be visible ASCII characters, with no space at either end"
        else:
            seen.add(lower)
            continue
        raise PydanticCustomError("header", "{message}", {"message": f"{name[:60]!r} {problem}"})
    return headers


def _path(path: str) -> str:
    if "\0" in path or ".." in PurePosixPath(path).parts or path.endswith("/"):
        raise PydanticCustomError("path", "must name a file, without '..'")
    return path


Url = Annotated[str, AfterValidator(_url)]
Method = Literal["POST", "PUT", "PATCH"]
BatchMaxCount = Annotated[int, Field(ge=1, le=limits.BATCH_COUNT_MAX)]
BatchWaitMs = Annotated[int, Field(ge=0, le=limits.BATCH_WAIT_MS_MAX)]
RatePerS = Annotated[float, Field(gt=0, le=limits.RATE_PER_S_MAX, allow_inf_nan=False)]
TimeoutMs = Annotated[int, Field(ge=1, le=limits.TIMEOUT_MS_MAX)]
Concurrency = Annotated[int, Field(ge=1, le=limits.CONCURRENCY_MAX)]
Path = Annotated[str, Field(min_length=1, max_length=limits.SINK_PATH_CHARS), AfterValidator(_path)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class Webhook(_Settings):
    """
    url                where events are sent
    headers            sent in addition to Headgate's own; the values are secrets
    batch_max_count    most events in one request; 1 means no batches: the body is the event itself
    batch_wait_ms      how long a batch waits to fill up
    rate_per_s         most requests per second; None for no limit
    concurrency        most requests at a time
    signing_secret     signs requests; None to send them unsigned
    timeout_ms         of one request, from connecting to the end of the response
    """

    url: Url
    method: Method = "POST"
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = {}
    batch_max_count: BatchMaxCount = 1
    batch_wait_ms: BatchWaitMs = 1_000
    rate_per_s: RatePerS | None = None
    concurrency: Concurrency = 10
    signing_secret: Annotated[str | None, Field(min_length=1, max_length=limits.SIGNING_SECRET_CHARS)] = None
    timeout_ms: TimeoutMs = 10_000


class Sink(_Settings):
    """*path* names a JSON Lines file; relative paths are below `sinks` in the data directory."""

    path: Path


MODELS: Final[dict[DestinationKind, type[_Settings]]] = {"webhook": Webhook, "sink": Sink}


_DEFAULTS: Final = {
    kind: {name: entry.get_default() for name, entry in model.model_fields.items() if not entry.is_required()}
    for kind, model in MODELS.items()
}


class Parts(NamedTuple):
    """Settings as they are stored: *plain* values, new secrets to *seal*, and the stored ones to *keep*."""

    plain: dict[str, Any]
    seal: dict[str, str]
    keep: frozenset[str]


def parts(
    kind: DestinationKind, given: Mapping[str, Any], stored_secret: Collection[str], field: str = "settings"
) -> Parts:
    """
    *given* settings, checked and split. Values equal to their default are not stored. `headers` and `signing_secret`
    keep their stored values if they are absent, and so does each one given as the mask. Raises Invalid.
    """
    checked = checked_settings(kind, given, field)
    plain = {key: value for key, value in checked.items() if key not in (HEADERS, SIGNING_SECRET)}
    secret: dict[str, str] = {}
    keep = set(stored_secret)
    if HEADERS in given:
        keep = {name for name in keep if not name.startswith(_HEADER)}
        secret |= {_HEADER + name: value for name, value in checked.get(HEADERS, {}).items()}
    if SIGNING_SECRET in given:
        keep.discard(SIGNING_SECRET)
        if checked.get(SIGNING_SECRET) is not None:
            secret[SIGNING_SECRET] = checked[SIGNING_SECRET]
    for name in [name for name, value in secret.items() if value == MASK]:
        if name not in stored_secret:
            raise Invalid("is the mask of a secret, but no secret is stored", f"{field}.{name}")
        keep.add(name)
        del secret[name]
    return Parts(plain, secret, frozenset(keep))


def checked_settings(
    kind: DestinationKind, given: Mapping[str, Any], field: str = "settings"
) -> dict[str, Any]:
    """*given* without values that equal their default. Raises Invalid."""
    try:
        return MODELS[kind].model_validate(dict(given)).model_dump(exclude_defaults=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Invalid(worded(first), field_path([field, *first["loc"]])) from None


def whole(kind: DestinationKind, plain: Mapping[str, Any], secret: Mapping[str, str]) -> dict[str, Any]:
    """Complete settings: with their secrets (or masks) in place, and with defaults."""
    made: dict[str, Any] = {**_DEFAULTS[kind], **plain}
    if kind == "webhook":
        made[HEADERS] = {
            name.removeprefix(_HEADER): value for name, value in secret.items() if name.startswith(_HEADER)
        }
        made[SIGNING_SECRET] = secret.get(SIGNING_SECRET)
    return made
