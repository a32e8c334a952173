"""What workspaces may use, as operators set it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from headgate.registry import audit, functions, quotas, workspaces
from headgate.registry.errors import Conflict, Invalid, NotFound
from headgate.registry.snapshot import NO_QUOTAS, Quotas
from headgate.registry.store import Registry

ALL = Quotas(functions=1, events_per_s=2.5, fuel_per_day=3, sandboxes=4)


@pytest.fixture
def workspace(registry: Registry) -> str:
    with registry.change() as change:
        return workspaces.create(change, slug="acme").id


def put(registry: Registry, workspace: str, new: Quotas) -> None:
    with registry.change() as change:
        quotas.put(change, workspace, new)


def test_there_are_none_until_they_are_put_and_when_they_are_taken_away(
    registry: Registry, workspace: str
) -> None:
    for new in (NO_QUOTAS, ALL, replace(ALL, sandboxes=None), NO_QUOTAS):
        put(registry, workspace, new)
        with registry.view() as view:
            assert quotas.get(view, workspace) == new
            assert quotas.listed(view) == ({} if new == NO_QUOTAS else {workspace: new})
    with registry.view() as view:
        told = [event.type for event in audit.listed(view, workspace)]
    assert told.count("Workspace Quotas Modified") == 3


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("functions", -1),
        ("events_per_s", 0.0),
        ("events_per_s", float("nan")),
        ("fuel_per_day", 2**53 + 1),
        ("sandboxes", 0),
    ],
)
def test_what_is_no_quota_is_refused(registry: Registry, workspace: str, field: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        put(registry, workspace, Quotas(**{field: value}))
    assert refused.value.field == field
    with pytest.raises(NotFound):
        put(registry, "nobody", ALL)


def test_a_workspace_has_as_many_functions_as_it_may(registry: Registry, workspace: str) -> None:
    code = functions.checked("function onTrack(e) { return e }")
    put(registry, workspace, ALL)
    with registry.change() as change:
        functions.create(change, workspace, display_name="one", code=code)
    with pytest.raises(Conflict, match="at most 1 functions"), registry.change() as change:
        functions.create(change, workspace, display_name="two", code=code)
