"""What can be set for a destination of each kind: the registry checks it when it is saved, the carriers follow it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from headgate_runtime.fetch import Failure, parse_target

BATCH_EVENTS_MAX: Final = 1_000
"""Events of one delivery at most."""

BATCH_WAIT_MS_MAX: Final = 60_000
"""How long an event may wait for others at most."""

CONCURRENCY_MAX: Final = 256
"""Deliveries to one destination at once at most."""

TIMEOUT_MS_MAX: Final = 60_000
"""Of one delivery at most."""

HEADERS_MAX: Final = 32
"""Headers of one's own at most."""

HEADER_CHARS_MAX: Final = 4_096
"""Of one header's value at most."""

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what all secrets begin with

SECRET_BYTES: Final = (16, 64)
"""Least and most of a signing secret's key."""

OWN_HEADERS: Final = frozenset(
    (
        "connection",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    )
)
"""Headers that say what Headgate alone knows."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_FILE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def _url(value: str) -> str:
    try:
        target = parse_target(value)
    except Failure as error:
        raise ValueError(error.message) from None
    if target.authorization is not None:
        raise ValueError("must not hold credentials; send them in a header")
    return value


def _headers(value: dict[str, str]) -> dict[str, str]:
    if len(value) > HEADERS_MAX:
        raise ValueError(f"there are {len(value)} headers, more than {HEADERS_MAX}")
    for name, text in value.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no header's name")
        if name.lower() in OWN_HEADERS:
            raise ValueError(f"{name} is for Headgate to set")
        if len(text) > HEADER_CHARS_MAX:
            raise ValueError(f"{name} has {len(text)} characters, more than {HEADER_CHARS_MAX}")
        if not text.isascii() or any((char < " " and char != "\t") or char == "\x7f" for char in text):
            raise ValueError(f"{name} must be printable ASCII")
    return value


def _secret(value: str) -> str:
    signing_key(value)
    return value


def signing_key(secret: str) -> bytes:
    """The key of a secret in the form of Standard Webhooks, "whsec_" and base64. Raises ValueError."""
    low, high = SECRET_BYTES
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not low <= len(key) <= high:
        raise ValueError(f'must be "{SECRET_PREFIX}" and then {low} to {high} bytes in base64')
    return key


def _file(value: str) -> str:
    if not _FILE.fullmatch(value):
        raise ValueError("must be a plain file name: letters, digits, dot, - and _")
    return value


class WebhookSettings(BaseModel):
    """
    An HTTP request for every event, or for a batch of them.

    headers           sent with every request; their values are kept secret
    batch_max_count   from 2 on, the body is an array, of that many events at most
    batch_wait_ms     how long the first event of a batch waits for others
    rate_per_s        events a second at most; None: no bound
    concurrency       requests at once at most; fewer while the destination answers 429
    signing_secret    signs as Standard Webhooks does: webhook-id, webhook-timestamp, webhook-signature
    timeout_ms        of a request, from connecting to the end of the answer
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    url: Annotated[str, AfterValidator(_url)]
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default={}, repr=False)
    batch_max_count: int = Field(default=1, ge=1, le=BATCH_EVENTS_MAX)
    batch_wait_ms: int = Field(default=0, ge=0, le=BATCH_WAIT_MS_MAX)
    rate_per_s: float | None = Field(default=None, gt=0, le=1_000_000)
    concurrency: int = Field(default=8, ge=1, le=CONCURRENCY_MAX)
    signing_secret: Annotated[str, AfterValidator(_secret)] | None = Field(default=None, repr=False)
    timeout_ms: int = Field(default=10_000, ge=1, le=TIMEOUT_MS_MAX)


class SinkSettings(BaseModel):
    """A file of JSON Lines, below `sinks` in the data directory. *file* None: named for the destination's id."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    file: Annotated[str, AfterValidator(_file)] | None = None


SETTINGS: Final[dict[str, type[BaseModel]]] = {"webhook": WebhookSettings, "sink": SinkSettings}
"""By kind of destination."""

SENSITIVE: Final = {"webhook": frozenset(("headers", "signing_secret")), "sink": frozenset[str]()}
"""Settings to be stored encrypted and never shown, by kind."""
