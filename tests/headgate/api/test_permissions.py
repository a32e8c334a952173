"""What grants allow, and that they add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api.permissions import Grant, Level, Principal, Resource
from headgate.registry.records import ROLES, Actor, Role

ALL = Resource("WORKSPACE", "w")
DEV = frozenset(["env:dev"])

RESOURCES = st.builds(
    Resource,
    st.sampled_from(["WORKSPACE", "FUNCTION", "SOURCE"]),
    st.sampled_from(["w", "f", "g", "s", "t"]),
    st.sets(st.sampled_from(["env:dev", "team:a"])).map(frozenset),
)
GRANTS = st.builds(Grant, st.sampled_from(ROLES), st.lists(RESOURCES, max_size=3).map(tuple))


def having(*grants: Grant) -> Principal:
    return Principal(Actor("user", "u"), "w", grants)


def granted(role: Role, *resources: Resource) -> Principal:
    return having(Grant(role, resources))


def answers(principal: Principal) -> set[str]:
    """Everything it may, by name."""
    levels: tuple[Level, ...] = ("read", "admin")
    found = {"owner"} if principal.is_owner else set()
    for level in levels:
        for function in ("f", "g", None):
            if principal.may_function(function, level):
                found.add(f"{level} function {function}")
        for source, labels in (("s", DEV), ("s", frozenset[str]()), ("t", DEV), (None, frozenset[str]())):
            if principal.may_source(source, labels, level):
                found.add(f"{level} source {source} {sorted(labels)}")
    return found


@pytest.mark.parametrize(
    ("resource", "labels", "may"),
    [
        (ALL, [], True),
        (Resource("WORKSPACE", "w", DEV), ["env:dev", "team:a"], True),
        (Resource("WORKSPACE", "w", DEV), ["team:a"], False),
        (Resource("WORKSPACE", "w", DEV | {"team:a"}), ["env:dev"], False),
        (Resource("SOURCE", "w", DEV), ["env:dev"], True),
        (Resource("SOURCE", "w"), ["env:dev"], False),
        (Resource("SOURCE", "s"), [], True),
        (Resource("SOURCE", "s", DEV), ["env:dev"], True),
        (Resource("SOURCE", "s", DEV), [], False),
        (Resource("SOURCE", "t"), ["env:dev"], False),
        (Resource("SOURCE", "t", DEV), ["env:dev"], False),
        (Resource("FUNCTION", "s"), [], False),
    ],
)
def test_a_source_is_granted(resource: Resource, labels: list[str], may: bool) -> None:
    assert granted("source-admin", resource).may_source("s", labels, "admin") is may
    assert granted("source-read-only", resource).may_source("s", labels, "read") is may
    assert not granted("source-read-only", resource).may_source("s", labels, "admin")
    assert not granted("functions-admin", resource).may_source("s", labels, "read")


@pytest.mark.parametrize("resource", [Resource("WORKSPACE", "w", DEV), Resource("SOURCE", "s")])
def test_some_sources_are_not_all_those_to_come(resource: Resource) -> None:
    assert granted("source-admin", ALL).may_source(None, (), "admin")
    assert not granted("source-admin", resource).may_source(None, (), "admin")


@given(st.lists(GRANTS, max_size=3), st.lists(GRANTS, max_size=3))
def test_grants_add_up_and_take_nothing_away(some: list[Grant], more: list[Grant]) -> None:
    assert answers(having(*some, *more)) == answers(having(*some)) | answers(having(*more))


@given(st.lists(GRANTS, max_size=4))
def test_who_may_change_a_thing_may_see_it(some: list[Grant]) -> None:
    may = answers(having(*some))

    assert {each.replace("admin", "read", 1) for each in may if each.startswith("admin")} <= may
