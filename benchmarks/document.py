"""A result as a page to read: REPORT.md, with a picture for each table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks import plot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.result import Answer, Result
    from benchmarks.table import Table
    from benchmarks.target import Target

ABOUT: Final = """# What Headgate does per second, beside what could be taken in its place

`python -m benchmarks` measured this and wrote it down; nothing of it was written by hand. What the figures promise is
said in [README.md](README.md).

## To get it again

    make bench                                       # the quick form of everything that has one, under five minutes
    make bench-full                                  # everything, and for longer
    python -m benchmarks --only executor,crowd       # some sections; --full for their long form
    python -m benchmarks report RESULT.json ...      # this page, from results that are there: no measuring

Each run writes a folder below `results/`: every figure as JSON, this page, and its pictures. What Headgate is compared
with is fetched by name and hash when it is first measured.
"""


def write(result: Result, page: Path, pictures: Path) -> None:
    """Writes *page*, and a picture of each table to the folder *pictures*, which lies beside it or is its own."""
    pictures.mkdir(parents=True, exist_ok=True)
    for answer in result.answers:
        for table in answer.tables:
            (pictures / f"{table.name}.svg").write_text(plot.svg(table.plot))
    beside = "" if pictures == page.parent else f"{pictures.relative_to(page.parent).as_posix()}/"
    page.write_text("\n".join(_page(result, beside)) + "\n")


def _page(result: Result, beside: str) -> Iterator[str]:
    yield ABOUT
    yield "## What it was measured on"
    yield ""
    yield from _facts(result)
    targets = result.targets
    reached = sum(target.verdict == "reached" for target in targets)
    yield f"## Targets: {reached} of {len(targets)} reached"
    yield ""
    yield from _targets(targets)
    for answer in result.answers:
        yield from _section(answer, beside, several=len(result.runs) > 1)


def _section(answer: Answer, beside: str, *, several: bool) -> Iterator[str]:
    taken = f", in run {answer.run + 1}" if several else ""
    yield f"## {answer.section.capitalize()}"
    yield ""
    yield f"`python -m benchmarks --only {answer.section}`; took {answer.seconds:,.0f} s{taken}."
    yield ""
    for table in answer.tables:
        yield from _table(table, beside)
    if answer.targets:
        yield from _targets(answer.targets)


def _table(table: Table, beside: str) -> Iterator[str]:
    yield f"### {table.question}"
    yield ""
    if table.remark:
        yield f"{_sentence(table.remark)}"
        yield ""
    yield from _grid(table.head, table.rows, table.texts)
    yield f"![{table.plot.title}]({beside}{table.name}.svg)"
    yield ""
    for note in table.notes:
        yield f"- {_sentence(note)}"
    if table.notes:
        yield ""


def _targets(targets: Sequence[Target]) -> Iterator[str]:
    rows = [(target.what, *target.found, target.aim, f"**{target.verdict}**") for target in targets]
    yield from _grid(("target", "figure", "least to most", "aim", ""), rows, 1)


def _facts(result: Result) -> Iterator[str]:
    rows: dict[str, list[str]] = {}
    for run in result.runs:
        machine: Mapping[str, Any] = run["machine"]
        before, after = (
            ", ".join(f"{value:.1f}" for value in load) for load in (machine["load"], run["load_after"])
        )
        facts = {
            "begun": machine["at"],
            "effort": f"{run['effort']}, {run['seconds']:,.0f} s",
            "processor": f"{machine['processor']}, {machine['cores']} cores",
            "system": machine["system"],
            "load before; after": f"{before}; {after}",
            "Headgate": f"{machine['headgate']} at {machine['commit']}",
            "engine": f"`{machine['engine'][:12]}`",
            "Python": machine["python"],
            **machine["packages"],
        }
        for name, fact in facts.items():
            rows.setdefault(name, []).append(fact)
    head = ["", *(f"run {number + 1}" if len(result.runs) > 1 else "" for number in range(len(result.runs)))]
    yield from _grid(head, [(name, *facts) for name, facts in rows.items()], len(head))


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int) -> Iterator[str]:
    """A table in Markdown, columns from number *texts* on to the right."""
    yield _row(head)
    yield _row(["---" if column < texts else "--:" for column in range(len(head))])
    for row in rows:
        yield _row(row)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
