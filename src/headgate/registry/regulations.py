"""
Regulations: requests to delete a person's data from destinations, and to suppress further events (SPEC 2.5, 12.3). The
table of suppressed ids is derived from them; headgate.service.deletions carries out the deletions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import delete, insert, select, update

from headgate.registry import audit, canonical, checks, limits
from headgate.registry.errors import Full, Invalid
from headgate.registry.records import Regulation
from headgate.registry.snapshot import Suppressed
from headgate.registry.spans import ALL, Span, read
from headgate.registry.tables import regulations, suppressions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import RowMapping

    from headgate.registry.store import Change, View

DELETING: Final = ("DELETE_ONLY", "SUPPRESS_WITH_DELETE")
SUPPRESSING: Final = ("SUPPRESS_ONLY", "SUPPRESS_WITH_DELETE")
TYPES: Final = ("DELETE_ONLY", "SUPPRESS_ONLY", "SUPPRESS_WITH_DELETE", "UNSUPPRESS")
ARCHIVES: Final = ("DELETE_ARCHIVE_ONLY", "DELETE_INTERNAL", "SUPPRESS_WITH_DELETE_INTERNAL")
"""Types that delete from the archives of the hosted product; Headgate keeps none."""


class Suppression(NamedTuple):
    """*source* is "" for all sources of the workspace."""

    source: str
    subject_type: str
    subject: str


def create(
    change: Change, workspace: str, *, kind: str, subject_type: str, subjects: Iterable[str], source: str = ""
) -> Regulation:
    """
    *source* is "" for all sources of the workspace. An equal regulation that was never finished is returned in place of
    a new one, so that repeating the request resumes it. Raises Invalid; Conflict if too many ids would be suppressed.
    """
    if kind in ARCHIVES:
        raise Invalid(f"{kind}: Headgate archives no events, so there is nothing to delete", "regulationType")
    checks.choice(kind, "regulationType", TYPES)
    checks.choice(subject_type, "subjectType", ("USER_ID", "ANONYMOUS_ID") if source else ("USER_ID",))
    ids = tuple(dict.fromkeys(subjects))
    if not 1 <= len(ids) <= limits.SUBJECTS_PER_REGULATION:
        raise Invalid(f"must be from 1 to {limits.SUBJECTS_PER_REGULATION} ids", "subjectIds")
    for number, each in enumerate(ids):
        checks.text(each, f"subjectIds[{number}]", limits.SUBJECT_CHARS, least=1)
    text = canonical.written(ids, "subjectIds")
    r = regulations.c
    same = (r.workspace_id == workspace) & (r.source_id == source) & (r.type == kind)
    begun = same & (r.subject_type == subject_type) & (r.subjects == text) & r.finished_at.is_(None)
    for row in change.connection.execute(select(regulations).where(begun).limit(1)).mappings():
        return _regulation(row)
    made = Regulation(
        id=change.new_id("reg_"),
        workspace=workspace,
        source=source,
        type=kind,
        subject_type=subject_type,
        created_at=change.now,
        finished_at=None if kind in DELETING else change.now,
        subjects=ids,
    )
    change.connection.execute(
        insert(regulations).values(
            id=made.id,
            workspace_id=workspace,
            source_id=source,
            type=kind,
            subject_type=subject_type,
            created_at=made.created_at,
            finished_at=made.finished_at,
            subjects=text,
        )
    )
    if kind in SUPPRESSING or kind == "UNSUPPRESS":
        _unsuppress(change, made, everywhere=kind == "UNSUPPRESS")
    if kind in SUPPRESSING:
        _suppress(change, made)
    audit.record(
        change,
        workspace,
        "Regulation Created",
        ("regulation", made.id, kind),
        after={"regulationType": kind, "subjectType": subject_type, "subjectIds": ids, "sourceId": source},
    )
    return made


def finish(change: Change, regulation: str) -> None:
    """Marks its delete events as stored. Nothing visible in a snapshot changes, so there is no audit event."""
    there = (regulations.c.id == regulation) & regulations.c.finished_at.is_(None)
    change.connection.execute(update(regulations).where(there).values(finished_at=change.now))


def find(view: View, workspace: str, regulation: str) -> Regulation | None:
    there = (regulations.c.id == regulation) & (regulations.c.workspace_id == workspace)
    row = view.connection.execute(select(regulations).where(there)).mappings().one_or_none()
    return None if row is None else _regulation(row)


def listed(
    view: View,
    workspace: str,
    *,
    source: str | None = None,
    finished: bool | None = None,
    types: Collection[str] | None = None,
    span: Span = ALL,
) -> list[Regulation]:
    """The newest first (by id). *source* selects those of one source alone; None selects all."""
    query = select(regulations).where(regulations.c.workspace_id == workspace)
    if source is not None:
        query = query.where(regulations.c.source_id == source)
    if finished is not None:
        query = query.where(regulations.c.finished_at.is_not(None) == finished)
    if types is not None:
        query = query.where(regulations.c.type.in_(types))
    return [_regulation(row) for row in read(view, query, [regulations.c.id], span, descending=True)]


def suppressions_of(view: View, workspace: str, span: Span = ALL) -> list[Suppression]:
    """Sorted by source, subject type and subject."""
    s = suppressions.c
    order = [s.source_id, s.subject_type, s.subject]
    rows = read(view, select(*order).where(s.workspace_id == workspace), order, span)
    return [Suppression(*row.values()) for row in rows]


def mark(view: View) -> tuple[int, int]:
    """
    Differs whenever `suppressed` may differ: each regulation adds a row for good, and deleting a source only removes
    suppressions.
    """
    return view.count(regulations), view.count(suppressions)


def suppressed(view: View) -> dict[tuple[str, str], Suppressed]:
    """
    By workspace and source. The entry of a source includes those of its workspace; sources without suppressions of their
    own have no entry, and share that of source "".
    """
    users: dict[tuple[str, str], set[str]] = {}
    anonymous: dict[tuple[str, str], set[str]] = {}
    for workspace, source, subject_type, subject in view.connection.execute(select(suppressions)):
        into = users if subject_type == "USER_ID" else anonymous
        into.setdefault((workspace, source), set()).add(subject)
    return {
        (workspace, source): Suppressed(
            frozenset(users.get((workspace, source), set()) | users.get((workspace, ""), set())),
            frozenset(anonymous.get((workspace, source), set())),
        )
        for workspace, source in users.keys() | anonymous.keys()
    }


def forget(change: Change, source: str) -> None:
    """Removes the suppressions of *source*, which is being deleted."""
    change.connection.execute(delete(suppressions).where(suppressions.c.source_id == source))


def _suppress(change: Change, made: Regulation) -> None:
    there = change.count(suppressions, suppressions.c.workspace_id == made.workspace)
    if there + len(made.subjects) > limits.SUPPRESSIONS_PER_WORKSPACE:
        raise Full("workspace", limits.SUPPRESSIONS_PER_WORKSPACE, "suppressed ids", "subjectIds")
    about = {
        "workspace_id": made.workspace,
        "source_id": made.source,
        "subject_type": made.subject_type,
    }
    change.connection.execute(insert(suppressions), [{**about, "subject": each} for each in made.subjects])


def _unsuppress(change: Change, made: Regulation, *, everywhere: bool) -> None:
    """*everywhere* extends a regulation of the whole workspace to the suppressions of single sources."""
    s = suppressions.c
    there = (s.workspace_id == made.workspace) & (s.subject_type == made.subject_type)
    if made.source or not everywhere:
        there &= s.source_id == made.source
    for start in range(0, len(made.subjects), 500):
        some = made.subjects[start : start + 500]
        change.connection.execute(delete(suppressions).where(there & s.subject.in_(some)))


def _regulation(row: RowMapping) -> Regulation:
    return Regulation(
        id=row["id"],
        workspace=row["workspace_id"],
        source=row["source_id"],
        type=row["type"],
        subject_type=row["subject_type"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        subjects=tuple(canonical.read(row["subjects"])),
    )
