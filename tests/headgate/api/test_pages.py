"""Who reads page after page sees everything that was there all the time, once, whatever is made and deleted meanwhile."""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pytest

from headgate.api.pagination import FIRST, Page, page_of
from headgate.api.permissions import Resource
from headgate.api.table import OPERATIONS
from headgate.registry import (
    destinations,
    filters,
    functions,
    groups,
    instances,
    lifecycle,
    limits,
    regulations,
    sources,
    subscriptions,
    tokens,
    users,
)
from headgate.registry.functions import Code
from headgate.registry.store import Change
from tests.headgate.api.harness import ApiHarness, Caller
from tests.headgate.api.resources import Resources, create_resources

COUNT: Final = 3
"""Of a page."""


@dataclass(frozen=True)
class Paged:
    """
    A list of things that `make` makes and `drop` deletes, each by what it is shown as: `name` of an entry.

    drop          None: they are never deleted
    newest_first  whether what was made last comes first
    """

    path: str
    key: str
    make: Callable[[Change, Resources, int], str]
    drop: Callable[[Change, Resources, str], Any] | None
    name: Callable[[Any], str] = lambda entry: str(entry["id"])
    newest_first: bool = False
    query: dict[str, str] = field(default_factory=dict)


def _destination(change: Change, resources: Resources, number: int) -> str:
    settings = {"url": "https://example.com/"}
    return destinations.create(
        change, resources.source, kind="webhook", name=f"D{number}", settings=settings
    ).id


def _instance(change: Change, resources: Resources, number: int) -> str:
    bound = _destination(change, resources, number)
    return instances.create(change, function=resources.lone, destination=bound, name="I", settings={}).id


def _function(change: Change, resources: Resources, number: int) -> str:
    code = Code("onTrack = (event) => event", "javascript")
    return functions.create(change, resources.workspace, display_name=f"F{number}", code=code).id


def _version(change: Change, resources: Resources, number: int) -> str:
    return lifecycle.save(
        change, resources.lone, code=Code(f"onTrack = () => {number}", "javascript")
    ).latest.id


def _filter(change: Change, resources: Resources, number: int) -> str:
    rule = [{"type": "SAMPLE", "percent": 0.5}]
    return filters.create(change, resources.free, query="all", actions=rule, title=f"F{number}").id


def _subscription(change: Change, resources: Resources, number: int) -> str:
    return subscriptions.create(
        change, resources.free, name=f"S{number}", action_id="a", trigger="type = 'track'", enabled=True
    ).id


def _invite(change: Change, resources: Resources, number: int) -> str:
    user = users.invite(change, resources.workspace, f"u{number}@example.com")
    groups.add_members(change, resources.group, [user.email])
    return user.email


def _user(change: Change, resources: Resources, number: int) -> str:
    email = _invite(change, resources, number)
    user = users.find(change, resources.workspace, email)
    assert user is not None
    return users.accept(change, user).id


def _uninvite(change: Change, resources: Resources, email: str) -> None:
    user = users.find(change, resources.workspace, email)
    assert user is not None
    users.remove(change, user.id)


def _group(change: Change, resources: Resources, number: int) -> str:
    made = groups.create(change, resources.workspace, name=f"G{number}")
    groups.add_members(change, made.id, [resources.email])
    return made.id


def _regulation(
    change: Change, resources: Resources, number: int, kind: str = "SUPPRESS_ONLY", source: str = ""
) -> str:
    return regulations.create(
        change,
        resources.workspace,
        kind=kind,
        subject_type="USER_ID",
        subjects=[f"u{number:03}"],
        source=source,
    ).id


def _suppression(change: Change, resources: Resources, number: int) -> str:
    _regulation(change, resources, number)
    return f"u{number:03}"


def _unsuppress(change: Change, resources: Resources, subject: str) -> None:
    _regulation(change, resources, int(subject[1:]), "UNSUPPRESS")


def _event(change: Change, resources: Resources, number: int) -> str:
    name = f"L{number}"
    tokens.create(change, resources.workspace, name=name)
    return name


def _only(act: Callable[[Change, str], Any]) -> Callable[[Change, Resources, str], Any]:
    return lambda change, _, name: act(change, name)


def _plain(entry: Any) -> str:
    return str(entry)


LISTS: Final[dict[str, Paged]] = {
    "list_functions": Paged(
        "/functions",
        "functions",
        _function,
        _only(lifecycle.remove),
        query={"resourceType": "INSERT_DESTINATION"},
    ),
    "list_function_versions": Paged(
        "/functions/{w.lone}/versions", "versions", _version, None, newest_first=True
    ),
    "list_insert_function_instances": Paged(
        "/insert-function-instances",
        "instances",
        _instance,
        _only(instances.remove),
        query={"functionId": "{w.lone}"},
    ),
    "list_sources": Paged(
        "/sources",
        "sources",
        lambda change, resources, number: sources.create(change, resources.workspace, slug=f"s{number}").id,
        _only(sources.remove),
    ),
    "list_destinations": Paged("/destinations", "destinations", _destination, _only(destinations.remove)),
    "list_connected_destinations_from_source": Paged(
        "/sources/{w.source}/connected-destinations",
        "destinations",
        _destination,
        _only(destinations.remove),
    ),
    "list_filters_from_destination": Paged(
        "/destination/{w.free}/filters", "filters", _filter, _only(filters.remove)
    ),
    "list_subscriptions_from_destination": Paged(
        "/destinations/{w.free}/subscriptions", "subscriptions", _subscription, _only(subscriptions.remove)
    ),
    "list_users": Paged("/users", "users", _user, _only(users.remove)),
    "list_invites": Paged("/invites", "invites", _invite, _uninvite, _plain),
    "list_user_groups": Paged("/groups", "userGroups", _group, _only(groups.remove)),
    "list_user_groups_from_user": Paged("/users/{w.user}/groups", "groups", _group, _only(groups.remove)),
    "list_users_from_user_group": Paged("/groups/{w.group}/users", "users", _user, _only(users.remove)),
    "list_invites_from_user_group": Paged("/groups/{w.group}/invites", "emails", _invite, _uninvite, _plain),
    "list_tokens": Paged(
        "/tokens",
        "tokens",
        lambda change, resources, number: tokens.create(change, resources.workspace, name=f"T{number}")[0].id,
        _only(tokens.revoke),
    ),
    "list_workspace_regulations": Paged("/regulations", "regulations", _regulation, None, newest_first=True),
    "list_regulations_from_source": Paged(
        "/regulations/sources/{w.source}",
        "regulations",
        lambda change, resources, number: _regulation(change, resources, number, source=resources.source),
        None,
        newest_first=True,
    ),
    "list_suppressions": Paged(
        "/suppressions",
        "suppressed",
        _suppression,
        _unsuppress,
        lambda entry: ",".join(entry["subjectIds"]),
    ),
    "list_audit_events": Paged(
        "/audit-events",
        "events",
        _event,
        None,
        lambda entry: str(entry["resourceName"]),
        newest_first=True,
        query={"type": "Token Created"},
    ),
}
"""By the name of the operation."""

REPORTS: Final = frozenset(
    operation.name
    for operation in OPERATIONS
    if operation.path.startswith(("/delivery-overview/", "/events/", "/usage/", "/catalog/"))
) | {
    "list_roles",
    "list_source_debugger_events",
    "list_delivery_samples",
    "list_connected_warehouses_from_source",
}
"""Lists of no things in the registry: they have tests of their own."""


def test_every_list_is_here() -> None:
    assert {each.name for each in OPERATIONS if "pagination" in each.query} == LISTS.keys() | REPORTS - {
        "get_source_metadata",
        "get_destination_metadata",
        "get_warehouse_metadata",
    }


@pytest.mark.parametrize("operation", LISTS)
def test_pages_hold_still_while_others_write(
    harness: ApiHarness, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILTERS_PER_DESTINATION", 100)
    paged, chance = LISTS[operation], random.Random(operation)
    resources: Resources = harness.do(lambda change: create_resources(change, harness.workspace, "acme"))
    made: list[str] = []

    def make() -> str:
        made.append(harness.do(lambda change: paged.make(change, resources, len(made))))
        return made[-1]

    def drop() -> None:
        if go and paged.drop is not None:
            name, act = go.pop(chance.randrange(len(go))), paged.drop
            harness.do(lambda change: act(change, resources, name))

    stay = [make() for _ in range(4)]
    go = [make() for _ in range(5)]
    stay += [make() for _ in range(5)]
    expected = stay[::-1] if paged.newest_first else stay
    reader = Reading(harness.owner, paged, resources)
    ahead: list[str] = reader.turned(FIRST)
    while "next" in reader.pagination:
        for _ in range(chance.randrange(3)):
            drop()
        if len(made) < 20:
            make()
        ahead += reader.turned(reader.pagination["next"])
    assert len(ahead) == len(set(ahead))
    assert [each for each in ahead if each in stay] == expected

    back = reader.turned(reader.pagination["current"])
    while "previous" in reader.pagination:
        drop()
        back = reader.turned(reader.pagination["previous"]) + back
    assert len(back) == len(set(back))
    assert [each for each in back if each in stay] == expected
    assert reader.turned(FIRST) == back[:COUNT]


class Reading:
    """Somebody who turns the pages of a list. *pagination* is that of the last one."""

    def __init__(self, caller: Caller, paged: Paged, resources: Resources) -> None:
        self._caller = caller
        self._paged = paged
        self._path = paged.path.format(w=resources)
        self._query = {name: value.format(w=resources) for name, value in paged.query.items()}
        self.pagination: dict[str, Any] = {}

    def turned(self, cursor: str) -> list[str]:
        """What the entries of the page at *cursor* are called."""
        asked = {"count": COUNT, "cursor": cursor}
        data = self._caller.get(self._path, pagination=asked, **self._query).data
        self.pagination = data["pagination"]
        assert self.pagination["current"] == cursor
        names = ",".join(self._paged.name(each) for each in data[self._paged.key])
        found = names.split(",") if names else []
        assert len(found) <= COUNT
        return found


@pytest.mark.parametrize("whose", ["owner", "source-admin"])
def test_pages_are_of_what_one_may_read(harness: ApiHarness, whose: str) -> None:
    listed: dict[str, list[str]] = {"sources": [], "destinations": []}
    for number in range(7):
        made = {"slug": f"s{number}", "enabled": True, "metadataId": "http-api"}
        source = harness.owner.post("/sources", made).data["source"]["id"]
        settings = {"url": "https://example.com/"}
        body = {"sourceId": source, "metadataId": "webhook", "name": "D", "settings": settings}
        listed["sources"].append(source)
        listed["destinations"].append(harness.owner.post("/destinations", body).data["destination"]["id"])
    caller, expected = harness.owner, listed
    if whose == "source-admin":
        expected = {kind: ids[1:] for kind, ids in listed.items()}
        caller = harness.granted(("source-admin", [Resource("SOURCE", each) for each in expected["sources"]]))
    first = {kind: caller.get(f"/{kind}", pagination={"count": 3}).data for kind in listed}
    for kind in ("destinations", "sources"):
        harness.owner.delete(f"/{kind}/{listed[kind][2]}")
    for kind, ids in expected.items():
        pagination = {"count": 9, "cursor": first[kind]["pagination"]["next"]}
        second = caller.get(f"/{kind}", pagination=pagination).data
        assert [each["id"] for each in first[kind][kind] + second[kind]] == ids


def cursor(*parts: object) -> str:
    return base64.b64encode(orjson.dumps(parts)).decode()


@pytest.mark.parametrize(
    "given",
    [
        *("x", "MTA=", base64.b64encode(b"\xff").decode(), base64.b64encode(b"{}").decode()),
        *(cursor(), cursor("after"), cursor("beside", "a"), cursor("after", 1), cursor("after", "a", "b")),
        *(cursor("after", None), cursor("before", ["a"]), cursor("after", True)),
    ],
)
def test_a_cursor_is_one_of_this_list(harness: ApiHarness, given: str) -> None:
    answer = harness.owner.get("/groups", pagination={"count": 2, "cursor": given})

    assert answer.refusal[:2] == (422, "pagination.cursor")


def test_numbers_of_a_cursor_may_be_anything(harness: ApiHarness) -> None:
    for number in (-1, 0, 1 << 63, -(1 << 63), (1 << 64) - 1):
        pagination = {"count": 2, "cursor": cursor("after", number, number, number)}
        assert harness.owner.get("/audit-events", pagination=pagination).status in (200, 422)


@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_pages_of_what_is_there_as_a_whole(size: int) -> None:
    entries = [1, 3, 5, 7, 9, 11, 13]

    def turned(cursor: str) -> tuple[list[int], dict[str, Any]]:
        page = page_of({"count": size, "cursor": cursor}, int)
        return page.of(entries, lambda each: (each,))  # type: ignore[return-value]

    def walked(to: str, begin: str) -> Iterable[list[int]]:
        some, pagination = turned(begin)
        yield some
        while to in pagination:
            begin = pagination[to]
            some, pagination = turned(begin)
            yield some

    ahead = list(walked("next", FIRST))
    assert list(itertools.chain(*ahead)) == entries
    last = FIRST
    for _ in ahead[1:]:
        last = turned(last)[1]["next"]
    assert list(walked("previous", last)) == ahead[::-1]
    assert turned(FIRST)[1]["totalEntries"] == len(entries)


def test_a_page_beside_what_is_gone_is_where_it_was() -> None:
    page = Page(2, after=(6,))
    assert page.of([1, 3, 5, 7, 9, 11], lambda each: (each,)).shown == [7, 9]
    assert page._replace(after=(), before=(6,)).of([1, 3, 5, 7], lambda each: (each,)).shown == [3, 5]
    assert page.of([1], lambda each: (each,)).shown == []
