"""
What schemathesis is told beside the document, which it loads this module for: whose tokens and ids to ask with. Most ids
are of the caller's own workspace and some of the rival's, so that requests reach what they are about; the rest is left as
it was made up. Workspaces are used up: where something was deleted, another one takes the place.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from pathlib import Path
from typing import Any, Final

import httpx
import schemathesis

from headgate.registry.records import ROLES
from tests.acceptance.api.resources import create_resources, create_workspace
from tests.acceptance.api.served import client

VARIABLE: Final = "HEADGATE_FUZZING"
"""In the environment: a file that says {url, data, tenants, rival}, the last being the ids of its things."""

SURE: Final = 0.9
"""Of parameters that have a value which is there."""

DELETED: Final = 0.1
"""The same of deletions: a workspace is used up by each that succeeds, and another one takes its time."""

FOREIGN: Final = 0.15
"""Of these, whose value is the rival's."""

KNOWN: Final[dict[str, list[str]]] = {
    "resourceType": ["INSERT_DESTINATION"],
    "granularity": ["HOUR", "MINUTE", "DAY"],
    "metadataId": ["http-api", "webhook", "sink"],
    "sourceMetadataId": ["http-api"],
    "destinationMetadataId": ["webhook"],
    "roleId": [*ROLES],
    "period": ["2026-01-01"],
    "subjectType": ["USER_ID"],
    "regulationType": ["DELETE_ONLY", "SUPPRESS_ONLY", "UNSUPPRESS"],
}
"""Values that are the same everywhere."""

_told: Final = json.loads(Path(os.environ[VARIABLE]).read_text())
_chance: Final = random.Random(0)
_numbers: Final = itertools.count()


class Tenant:
    """A workspace of the caller's."""

    def __init__(self) -> None:
        name = f"own{next(_numbers)}"
        self.token = create_workspace(Path(_told["data"]), name, name)
        with client(_told["url"], self.token) as http:
            self.ids = create_resources(http, name)
            self.ids["integrationId"] = self.ids["destinationConfigId"] = self.ids["destinationId"]


_tenants: Final = [Tenant() for _ in range(_told["tenants"])]


@schemathesis.auth(refresh_interval=None)
class Anybody:
    """Every request is made by the owner of some workspace."""

    def get(self, _case: schemathesis.Case[Any], _context: Any) -> str:
        return _chance.choice(_tenants).token

    def set(self, case: schemathesis.Case[Any], data: str, _context: Any) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(_context: Any, case: schemathesis.Case[Any], _kwargs: dict[str, Any]) -> None:
    tenant = _asking(case)
    if tenant is None or (case.method == "DELETE" and _chance.random() > DELETED):
        return
    for place in (case.path_parameters, case.query, case.body):
        if isinstance(place, dict):
            for each in place:
                _put(place, each, tenant)


@schemathesis.hook
def after_call(_context: Any, case: schemathesis.Case[Any], response: Any) -> None:
    tenant = _asking(case)
    if tenant is not None and case.method == "DELETE" and response.status_code == 200:
        try:
            _tenants[_tenants.index(tenant)] = Tenant()
        except httpx.HTTPError as error:
            raise AssertionError("the server does not answer any more") from error


def _asking(case: schemathesis.Case[Any]) -> Tenant | None:
    """None for one without a token, or with one that was made up: that it is refused is looked at, too."""
    given = dict(case.headers or {}).get("Authorization")
    return next((each for each in _tenants if given == f"Bearer {each.token}"), None)


def _put(place: dict[str, Any], name: str, tenant: Tenant) -> None:
    if _chance.random() > SURE:
        return
    if name in KNOWN:
        place[name] = _chance.choice(KNOWN[name])
    elif name in tenant.ids:
        place[name] = (_told["rival"] if _chance.random() < FOREIGN else tenant.ids).get(name, place[name])
    elif name == "instanceIds":
        place[name] = [tenant.ids["instanceId"]]
