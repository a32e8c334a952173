"""What the API can do, as one table: routes, permissions, documentation and tests are made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

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
The least that is wanted (SPEC 13.1). "Functions" and "source" are those that the request is about; an owner may do
everything. For lists, "any token": everybody sees what they may read.
"""


@dataclass(frozen=True, slots=True)
class Operation:
    """
    name       as in public-api-operations.json
    needs      what the handler enforces; a test holds every operation to it, with every role
    handler    gives `data`; runs in a thread, in one transaction of the registry
    runs       for what takes its time, or needs more than the registry: makes `data` of what the handler gave, on the
               event loop, when the transaction is over
    body       what the body must be; None: there is none
    prepare    what is done with the body before the transaction, since it takes long; its result is `call.prepared`
    download   the media type of the file that is answered; the handler gives a Download
    query      names of parameters, those that are required with a "*"
    """

    name: str
    method: str
    path: str
    versions: tuple[str, ...]
    needs: Needs
    handler: Callable[[Call], Any]
    body: type[BaseModel] | None = None
    query: tuple[str, ...] = ()
    prepare: Callable[[Any], Any] | None = None
    status: int = 200
    rate: Class = "usual"
    download: str = ""
    runs: Callable[[Any, Services], Awaitable[dict[str, Any]]] | None = None

    @property
    def changes(self) -> bool:
        return self.method != "GET" and not self.name.startswith("preview")
