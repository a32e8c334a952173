"""Function classes and their versions (SPEC 14). Operations that also involve instances are in lifecycle.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import case, func, insert, or_, select, update

from headgate.registry import audit, canonical, checks, limits, quotas, settings, workspaces
from headgate.registry.errors import Full, Invalid, NotFound
from headgate.registry.records import Function, Version
from headgate.registry.settings import Definition
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import function_versions, functions, instances
from headgate_runtime import CompileError, Limits, compile  # noqa: A004 - the runtime's word

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import RowMapping, Select

    from headgate.registry.snapshot import Isolation, Language
    from headgate.registry.store import Change, View

PREFIX: Final = "ifnd_"
"""The prefix of the ids of insert functions (SPEC 1.3)."""

LANGUAGES: Final[tuple[Language, ...]] = ("javascript", "typescript")
ISOLATIONS: Final[tuple[Isolation, ...]] = ("warm", "hermetic")

_ID: Final = re.compile(r"(?:ifnd_|ifns_)?([0-9a-f]{24})")


class Code(NamedTuple):
    """Source text that loads. Made by `checked`, outside of any change, because compiling may take seconds."""

    text: str
    language: Language


class Refusal(Invalid):
    """The code does not load (SPEC D4)."""

    def __init__(self, error: CompileError) -> None:
        super().__init__(str(error), "code")
        self.error = error


class Summary(NamedTuple):
    """A function as lists show it, without its versions, which are large."""

    id: str
    display_name: str
    description: str
    logo_url: str
    created_at: int
    created_by: str


def checked(text: str, language: Language = "javascript", *, time_ms: int = limits.TIME_MS_DEFAULT) -> Code:
    """Compiles *text* under the limits it will have. Raises Refusal, Invalid."""
    checks.choice(language, "language", LANGUAGES)
    checks.number(time_ms, "timeMs", 1, limits.TIME_MS_MAX)
    checks.text(text, "code", Limits().source_bytes)
    result = compile(text, Limits(time_ms=time_ms), language=language)
    if isinstance(result, CompileError):
        raise Refusal(result)
    return Code(text, language)


def full_id(name: str) -> str:
    """The full form of an id given with or without prefix (SPEC D38). Raises NotFound if it is not an id."""
    match = _ID.fullmatch(name)
    if match is None:
        raise NotFound("function", name)
    return PREFIX + match[1]


def bare_id(name: str) -> str:
    """The id without its prefix, as instances show it in `classId`."""
    return name.removeprefix(PREFIX)


def create(
    change: Change,
    workspace: str,
    *,
    display_name: str,
    code: Code,
    definitions: Sequence[Definition] = (),
    description: str = "",
    logo_url: str = "",
    batch_max_count: int = limits.BATCH_COUNT_DEFAULT,
    isolation: Isolation = "warm",
    time_ms: int = limits.TIME_MS_DEFAULT,
) -> Function:
    """Creates a function with its first version. Raises NotFound, Invalid, Conflict."""
    workspaces.get(change, workspace)
    quota = quotas.get(change, workspace).functions
    most = limits.FUNCTIONS_PER_WORKSPACE if quota is None else quota
    if total(change, workspace) >= most:
        raise Full("workspace", most, "functions")
    function = change.new_id(PREFIX)
    change.connection.execute(
        insert(functions).values(
            id=function,
            workspace_id=workspace,
            created_at=change.now,
            created_by=change.actor.id,
            updated_at=change.now,
            **_facts(
                display_name=display_name,
                description=description,
                logo_url=logo_url,
                batch_max_count=batch_max_count,
                isolation=isolation,
                time_ms=time_ms,
            ),
        )
    )
    add_version(change, function, code, definitions)
    made = get(change, function)
    audit.record(change, workspace, "Insert Function Created", resource(made), after=shown(made))
    return made


def modify(
    change: Change,
    function: str,
    *,
    display_name: str | None = None,
    description: str | None = None,
    logo_url: str | None = None,
    batch_max_count: int | None = None,
    isolation: Isolation | None = None,
    time_ms: int | None = None,
) -> Function:
    """
    Changes the properties outside of versions, with immediate effect. Arguments that are None keep their values. Raises
    NotFound, Invalid.
    """
    old = get(change, function)
    facts = _facts(
        display_name=display_name,
        description=description,
        logo_url=logo_url,
        batch_max_count=batch_max_count,
        isolation=isolation,
        time_ms=time_ms,
    )
    values = {key: value for key, value in facts.items() if value != getattr(old, key)}
    if not values:
        return old
    change.connection.execute(
        update(functions).where(functions.c.id == old.id).values(**values, updated_at=change.now)
    )
    new = get(change, function)
    audit.record(change, new.workspace, "Insert Function Modified", resource(new), shown(old), shown(new))
    return new


def add_version(change: Change, function: str, code: Code, definitions: Sequence[Definition]) -> str:
    """Adds a version, which becomes LATEST, and returns its id. Raises Invalid."""
    checked_again = settings.definitions([each.as_json() for each in definitions])
    last = change.connection.scalar(
        select(func.max(function_versions.c.number)).where(function_versions.c.function_id == function)
    )
    version = change.new_id()
    change.connection.execute(
        insert(function_versions).values(
            id=version,
            function_id=function,
            number=(last or 0) + 1,
            code=checks.text(code.text, "code", Limits().source_bytes),
            language=checks.choice(code.language, "language", LANGUAGES),
            settings=canonical.written([each.as_json() for each in checked_again], "settings"),
            author=change.actor.id,
            created_at=change.now,
            deployed_at=None,
        )
    )
    return version


def get(view: View, function: str, *, workspace: str | None = None) -> Function:
    """The function with this id, with or without prefix. Raises NotFound, also for a function of another workspace than *workspace*."""
    query = select(functions).where(functions.c.id == full_id(function))
    row = view.connection.execute(query).mappings().one_or_none()
    if row is None or workspace not in (None, row["workspace_id"]):
        raise NotFound("function", function)
    return _all(view, [row])[0]


def listed(view: View, workspace: str) -> list[Function]:
    """In the order of creation."""
    query = _among(select(functions), workspace, None).order_by(functions.c.id)
    return _all(view, view.connection.execute(query).mappings().all())


def summaries(
    view: View,
    workspace: str,
    *,
    among: Collection[str] | None = None,
    span: Span = ALL,
) -> list[Summary]:
    """All of them, or those *among* these ids; in order of creation (by id)."""
    query = _among(select(*(functions.c[name] for name in Summary._fields)), workspace, among)
    return [Summary(**row) for row in read(view, query, [functions.c.id], span)]


def total(view: View, workspace: str, *, among: Collection[str] | None = None) -> int:
    """The length of `summaries`."""
    return view.connection.scalar(_among(select(func.count()).select_from(functions), workspace, among)) or 0


def ids(view: View, workspace: str) -> list[str]:
    """In the order of creation."""
    query = _among(select(functions.c.id), workspace, None).order_by(functions.c.id)
    return list(view.connection.scalars(query))


def _among(query: Select[Any], workspace: str, among: Collection[str] | None) -> Select[Any]:
    query = query.where(functions.c.workspace_id == workspace)
    return query if among is None else query.where(functions.c.id.in_(among))


def version(view: View, function: str, name: str) -> Version:
    """Raises NotFound."""
    query = select(function_versions).where(
        (function_versions.c.id == name) & (function_versions.c.function_id == full_id(function))
    )
    row = view.connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("version", name)
    return _all_versions(view, [row])[0]


def versions(view: View, function: str, span: Span = ALL) -> list[Version]:
    """The newest first, by their numbers."""
    query = select(function_versions).where(function_versions.c.function_id == full_id(function))
    return _all_versions(view, read(view, query, [function_versions.c.number], span, descending=True))


def _facts(**given: Any) -> dict[str, Any]:
    """Validates those of *given* that are not None, and returns them."""
    facts = {key: value for key, value in given.items() if value is not None}
    if "display_name" in facts:
        checks.name(facts["display_name"], "displayName")
    if "description" in facts:
        checks.description(facts["description"])
    if facts.get("logo_url"):
        checks.url(facts["logo_url"], "logoUrl")
    if "batch_max_count" in facts:
        checks.number(facts["batch_max_count"], "batchMaxCount", 1, limits.BATCH_COUNT_MAX)
    if "isolation" in facts:
        checks.choice(facts["isolation"], "isolation", ISOLATIONS)
    if "time_ms" in facts:
        checks.number(facts["time_ms"], "timeMs", 1, limits.TIME_MS_MAX)
    return facts


def _all(view: View, rows: Sequence[RowMapping]) -> list[Function]:
    """Functions with their latest and their deployed version, in three queries however many there are."""
    v = function_versions.c
    tops = (
        select(
            v.function_id,
            func.max(v.number).label("latest"),
            func.max(case((v.deployed_at.is_not(None), v.number))).label("deployed"),
        )
        .where(v.function_id.in_([row["id"] for row in rows]))
        .group_by(v.function_id)
        .subquery()
    )
    counting = or_(v.number == tops.c.latest, v.number == tops.c.deployed)
    query = select(function_versions).join(tops, tops.c.function_id == v.function_id).where(counting)
    found: dict[str, list[Version]] = {}
    for version in _all_versions(view, view.connection.execute(query.order_by(v.number)).mappings().all()):
        found.setdefault(version.function, []).append(version)
    return [
        Function(
            id=row["id"],
            workspace=row["workspace_id"],
            display_name=row["display_name"],
            description=row["description"],
            logo_url=row["logo_url"],
            batch_max_count=row["batch_max_count"],
            isolation=row["isolation"],
            time_ms=row["time_ms"],
            created_at=row["created_at"],
            created_by=row["created_by"],
            updated_at=row["updated_at"],
            latest=found[row["id"]][-1],
            deployed=next((each for each in found[row["id"]][::-1] if each.deployed_at is not None), None),
        )
        for row in rows
    ]


def _all_versions(view: View, rows: Sequence[RowMapping]) -> list[Version]:
    query = select(instances.c.version_id).where(instances.c.version_id.in_([row["id"] for row in rows]))
    running = set(view.connection.scalars(query.distinct()))
    return [
        Version(
            id=row["id"],
            function=row["function_id"],
            number=row["number"],
            code=row["code"],
            language=row["language"],
            settings=tuple(Definition(**each) for each in canonical.read(row["settings"])),
            author=row["author"],
            created_at=row["created_at"],
            deployed_at=row["deployed_at"],
            is_deployed=row["id"] in running,
        )
        for row in rows
    ]


def resource(function: Function) -> tuple[str, str, str]:
    return "insert_function", function.id, function.display_name


def shown(function: Function) -> audit.Shown:
    return {
        "id": function.id,
        "displayName": function.display_name,
        "description": function.description,
        "logoUrl": function.logo_url,
        "batchMaxCount": function.batch_max_count,
        "isolation": function.isolation,
        "timeMs": function.time_ms,
        "latest": function.latest.id,
        "deployed": None if function.deployed is None else function.deployed.id,
        "code": function.latest.code,
        "settings": [each.as_json() for each in function.settings],
    }
