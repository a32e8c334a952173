"""One operation of the API, as data: routes, permissions, documentation and tests are derived from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel

    from headgate.api.call import Call
    from headgate.api.rates import Class
    from headgate.api.services import Services

STABLE: Final = ("v1", "v1beta", "v1alpha")
BETA: Final = ("v1beta",)
ALPHA: Final = ("v1alpha",)

Needs = Literal[
    "any token",
    "owner",
    "functions read-only",
    "functions admin",
    "functions admin of all",
    "source read-only",
    "source admin",
    "source admin of all",
    "functions read-only and source admin",
    "functions admin and source admin",
]
"""
The least permission required (SPEC 13.1). "Functions" and "source" mean the ones the request is about; owners may do
everything. Lists need "any token": they show what the caller may read.
"""


class Preparation(NamedTuple):
    """
    Work on a body that takes too long for a transaction.

    permits    runs first, in a view of the registry of its own: raises ApiError unless the caller may do this
    work       runs in no transaction: takes the body and what `permits` returned
    """

    permits: Callable[[Call], Any]
    work: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """
    name        as in public-api-operations.json
    needs       the permission the handler enforces; a test checks every operation with every role
    handler     returns `data`; runs in a thread, in one transaction of the registry
    runs        for operations that take long or need more than the registry: turns the handler's result into `data`, on
                the event loop, after the transaction
    body        the model of the request body; None if there is none
    prepare     long work before the transaction, such as compiling; its result becomes `call.prepared`
    download    media type of the response, if it is a file; the handler then returns a Download
    query       names of the query parameters; a trailing "*" marks a required one
    reads_only  for a POST that changes nothing, such as a preview: its handler gets a View
    """

    name: str
    method: str
    path: str
    versions: tuple[str, ...]
    needs: Needs
    handler: Callable[[Call], Any]
    body: type[BaseModel] | None = None
    query: tuple[str, ...] = ()
    prepare: Preparation | None = None
    status: int = 200
    rate: Class = "usual"
    download: str = ""
    runs: Callable[[Any, Services], Awaitable[dict[str, Any]]] | None = None
    reads_only: bool = False

    @property
    def changes(self) -> bool:
        return self.method != "GET" and not self.reads_only
