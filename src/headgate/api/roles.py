"""The roles (SPEC 13.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.api.access import NAMES
from headgate.api.operation import STABLE, Operation
from headgate.api.pagination import page_of
from headgate.registry.records import ROLES

if TYPE_CHECKING:
    from headgate.api.call import Call
    from headgate.registry.records import Role

DESCRIPTIONS: Final[dict[Role, str]] = {
    "owner": "Full access: functions, sources, destinations, tokens, members and the audit trail.",
    "member": "Belongs to the workspace, without any permission of its own.",
    "functions-admin": "Creates, edits, tests and deletes functions: all, or those listed.",
    "functions-read-only": "Reads the code, settings and versions of functions: of all, or of those listed.",
    "source-admin": "Edits sources with their destinations and filters: all, those listed, or by label.",
    "source-read-only": "Reads sources, their destinations and delivery reports: of all, of those listed, or by label.",
}


def listed(call: Call) -> dict[str, Any]:
    page = page_of(call.query.get("pagination"), int)
    some, pagination = page.of([*NAMES], lambda role: (ROLES.index(role),))
    roles = [{"id": role, "name": NAMES[role], "description": DESCRIPTIONS[role]} for role in some]
    return {"roles": roles, "pagination": pagination}


OPERATIONS = (Operation("list_roles", "GET", "/roles", STABLE, "any token", listed, query=("pagination",)),)
