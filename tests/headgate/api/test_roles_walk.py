"""Every operation, asked for by everybody: what the documentation says is what is answered."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final, cast

import httpx
import orjson
import pytest

from headgate.api.operation import Operation
from headgate.api.table import OPERATIONS
from headgate.registry import functions, grants, groups, tokens, users
from headgate.registry.records import Actor, Grant, Resource, Role
from headgate.registry.store import Change
from tests.headgate.api import rights
from tests.headgate.api.harness import ApiHarness, Caller
from tests.headgate.api.resources import REQUESTS, Request, Resources, create_resources

ROLES: Final[dict[str, Role]] = {
    "owner": "owner",
    "member": "member",
    "functions admin": "functions-admin",
    "functions read-only": "functions-read-only",
    "source admin": "source-admin",
    "source read-only": "source-read-only",
}

WAYS: Final = ("token", "user", "group")
"""Who holds the grants of the one who asks."""


class _Undone(Exception):
    pass


@dataclass(frozen=True)
class Street:
    """Two workspaces with the same things in them; whatever is asked of them changes nothing."""

    harness: ApiHarness
    acme: Resources
    rival: Resources
    callers: dict[str, Caller]

    def status(self, operation: Operation, caller: Caller, request: Request) -> tuple[int, str]:
        """And the text of the answer."""
        self.harness.clock.advance(60_000)  # a new minute: nobody asks too often
        query = str(httpx.QueryParams(request.query))
        path = f"{request.path}?{query}" if query else request.path
        if not operation.download:
            answer = caller.ask(operation.method, request.path, request.body, query=query)
            return answer.status, orjson.dumps(answer.value).decode()
        got = self.harness.fetch(operation.method, path, caller.token)
        return got.status_code, got.text


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with ApiHarness(tmp_path_factory.mktemp("street") / "data") as harness:
        acme = harness.do(lambda change: create_resources(change, harness.workspace, "acme"))
        rival = harness.do(lambda change: create_resources(change, harness.rivals, "rival"))
        callers = {
            who: Caller(harness, harness.do(functools.partial(_hired, resources=acme, who=who, way=way)))
            for who, way in zip(rights.roles_told(), itertools.cycle(WAYS), strict=False)
        }
        _undo_everything(harness)
        yield Street(harness, acme, rival, callers)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_it_is_for_those_whom_the_table_names(street: Street, operation: Operation) -> None:
    request = REQUESTS[operation.name](street.acme)
    told, answered = {}, {}
    for who, met in rights.roles_told().items():
        told[who] = (operation.status if request.finds else 404) if met[operation.needs] else 401
        answered[who], text = street.status(operation, street.callers[who], request)
        assert [each for each in _hidden(street.acme, who) if each in text] == [], who
        assert not _ids(street.rival) & set(_words(text)), who

    assert answered == told


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_nothing_of_another_workspace_is_there(street: Street, operation: Operation) -> None:
    """Not as a whole, and not where but one of the things named is another's."""
    own = _Mixed(street.rival, street.acme, frozenset())
    request = REQUESTS[operation.name](cast(Resources, own))
    status, text = street.status(operation, street.harness.rival, request)
    assert status == (operation.status if request.finds else 404)
    assert not _ids(street.acme) & set(_words(text))

    for foreign in [own.named, *(frozenset([name]) for name in own.named)] if own.named else []:
        request = REQUESTS[operation.name](cast(Resources, _Mixed(street.rival, street.acme, foreign)))
        status, text = street.status(operation, street.harness.rival, request)
        assert status == 404, (sorted(foreign), text)
        leaked = _ids(street.acme) & set(_words(text))
        assert leaked <= {getattr(street.acme, name) for name in foreign}, "more than was asked with"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_it_is_for_nobody_without_a_token(street: Street, operation: Operation) -> None:
    request = REQUESTS[operation.name](street.acme)
    for token in ("", "hgt_", "x" * 47):
        assert street.status(operation, Caller(street.harness, token), request)[0] == 401


def test_who_may_not_touch_a_source_cannot_take_functions_off_it(street: Street) -> None:
    path = f"/functions/{street.acme.function}"
    answered = {
        who: caller.delete(path, force="true").status
        for who, caller in street.callers.items()
        if who.startswith("functions admin")
    }

    assert {who for who, status in answered.items() if status == 200} == {
        who for who in answered if rights.roles_told()[who]["functions admin and source admin"]
    }
    assert street.callers["functions admin of this"].delete(path).status == 409


def test_every_operation_is_asked_for() -> None:
    assert REQUESTS.keys() == {operation.name for operation in OPERATIONS}


def test_the_documentation_names_every_operation() -> None:
    assert rights.operations_told() == rights.operations(), "python -m tests.headgate.api.rights"
    assert all(tuple(met) == rights.NEEDS for met in rights.roles_told().values())


def test_every_role_is_walked_with() -> None:
    assert {role for who in rights.roles_told() for role in _roles(who)} == set(ROLES.values())


class _Mixed:
    """*own*, but for the attributes in *foreign*, which are *other*'s; knows which it was asked for."""

    def __init__(self, own: Resources, other: Resources, foreign: frozenset[str]) -> None:
        self._own, self._other, self._foreign = own, other, foreign
        self._named: set[str] = set()

    @property
    def named(self) -> frozenset[str]:
        return frozenset(self._named)

    def __getattr__(self, name: str) -> str:
        self._named.add(name)
        return str(getattr(self._other if name in self._foreign else self._own, name))


def _hired(change: Change, resources: Resources, who: str, way: str) -> str:
    """A token for somebody with the grants that *who* names."""
    given = [_grant(resources, part) for part in who.split(", ")]
    if way == "token":
        return tokens.create(
            change,
            resources.workspace,
            name=who,
            role="member",
            permissions=[each for part in given for each in part],
        )[1]
    name = "".join(char if char.isalnum() else "." for char in who)
    user = users.accept(change, users.invite(change, resources.workspace, f"{name}@hired.example"))
    for number, part in enumerate(given):
        if way == "user":
            grants.add(change, resources.workspace, "user", users.resource(user), part)
        else:
            group = groups.create(change, resources.workspace, name=f"{who} {number}")
            groups.add_members(change, group.id, [user.email])
            grants.add(change, resources.workspace, "group", groups.resource(group), part)
    return tokens.create(change, resources.workspace, name=who, user=user)[1]


def _grant(resources: Resources, text: str) -> list[Grant]:
    """*text* is as in "source admin by its label"."""
    name = next(name for name in ROLES if text.startswith(name))
    scope = text.removeprefix(name).strip()
    kind = "FUNCTION" if name.startswith("functions") else "SOURCE"
    this = (resources.function, resources.lone) if kind == "FUNCTION" else (resources.source,)
    other = resources.other_function if kind == "FUNCTION" else resources.other_source
    granted = {
        "": (Resource("WORKSPACE", resources.workspace),),
        "of all": (Resource("WORKSPACE", resources.workspace),),
        "of this": tuple(Resource(kind, each) for each in this),
        "of another": (Resource(kind, other),),
        "by its label": (
            Resource("WORKSPACE", resources.workspace, frozenset([f"{resources.key}:{resources.value}"])),
        ),
        "by another label": (Resource("WORKSPACE", resources.workspace, frozenset(["no:such"])),),
    }[scope]
    return [Grant(ROLES[name], granted)]


def _roles(who: str) -> set[Role]:
    return {ROLES[name] for part in who.split(", ") for name in ROLES if part.startswith(name)}


def _hidden(resources: Resources, who: str) -> list[str]:
    """What *who* must never read, in whatever answer."""
    if who == "owner":
        return []
    hidden = {
        "functions": {
            functions.bare_id(each) for each in (resources.function, resources.lone, resources.other_function)
        },
        "source": {resources.source, resources.other_source, resources.other_destination},
    }
    keys = {resources.write_key}
    for part in who.split(", "):
        kind = part.split()[0]
        if part.endswith("of all"):
            hidden[kind] = set()
        elif part.endswith(("of this", "by its label")):
            hidden[kind] &= {
                functions.bare_id(resources.other_function),
                resources.other_source,
                resources.other_destination,
            }
        elif part.endswith("of another"):
            hidden[kind] -= {
                functions.bare_id(resources.other_function),
                resources.other_source,
                resources.other_destination,
            }
        if part in ("source admin of all", "source admin of this", "source admin by its label"):
            keys = set()
    return sorted(hidden.get("functions", set()) | hidden.get("source", set()) | keys)


def _ids(resources: Resources) -> set[str]:
    return {functions.bare_id(each) for each in asdict(resources).values()}


def _words(text: str) -> Iterator[str]:
    for word in text.replace(",", '"').split('"'):
        yield functions.bare_id(word)


def _undo_everything(harness: ApiHarness) -> None:
    """What is changed from now on is undone as soon as it is answered."""
    registry = harness.registry
    change = registry.change

    @contextlib.contextmanager
    def undone(actor: Actor) -> Iterator[Change]:
        with contextlib.suppress(_Undone), change(actor) as made:
            yield made
            raise _Undone

    setattr(registry, "change", undone)  # noqa: B010 - a method, for mypy
