"""The result of a run, as JSON: the machine, and the tables and targets of each section."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.figures import Spread
from benchmarks.table import Plot, Point, Series, Table
from benchmarks.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Answer:
    """
    Of one section.

    seconds    that it took
    run        the number of the run in Result.runs
    found      every figure, as the section has it; None where it was left out
    """

    section: str
    seconds: float
    run: int
    tables: list[Table]
    targets: list[Target]
    found: Any = None


@dataclass(frozen=True, slots=True)
class Result:
    """
    runs       what each was taken on: "machine" (Machine), "effort" (a word), "seconds", "load_after"
    answers    in the order of the report
    """

    runs: list[Mapping[str, Any]]
    answers: list[Answer]

    @property
    def targets(self) -> list[Target]:
        return [target for answer in self.answers for target in answer.targets]


def write(result: Result, path: Path, *, found: bool = True) -> None:
    """As JSON; without single measurements unless *found*."""
    answers = [
        {**dataclasses.asdict(answer), "verdicts": [target.verdict for target in answer.targets]}
        for answer in result.answers
    ]
    for answer in answers:
        if not found:
            del answer["found"]
    path.write_text(
        json.dumps({"runs": result.runs, "answers": answers}, default=dataclasses.asdict, indent=1) + "\n"
    )


def read(path: Path) -> Result:
    """Raises OSError, and ValueError or LookupError for a file that is none of ours."""
    document = json.loads(path.read_text())
    return Result(document["runs"], [_answer(each) for each in document["answers"]])


def merged(results: Sequence[Result], order: Sequence[str]) -> Result:
    """Merges *results*: the last answer of each section, in *order*."""
    runs: list[Mapping[str, Any]] = []
    answers: dict[str, Answer] = {}
    for result in results:
        for answer in result.answers:
            answers[answer.section] = dataclasses.replace(answer, run=len(runs) + answer.run)
        runs += result.runs
    used = sorted({answer.run for answer in answers.values()})
    return Result(
        [runs[number] for number in used],
        [
            dataclasses.replace(answers[name], run=used.index(answers[name].run))
            for name in order
            if name in answers
        ],
    )


def _answer(given: Mapping[str, Any]) -> Answer:
    return Answer(
        given["section"],
        given["seconds"],
        given["run"],
        [_table(each) for each in given["tables"]],
        [_target(each) for each in given["targets"]],
        given.get("found"),
    )


def _table(given: Mapping[str, Any]) -> Table:
    plot = given["plot"]
    series = [
        Series(each["name"], [Point(point["at"], Spread(**point["figure"])) for point in each["points"]])
        for each in plot["series"]
    ]
    rows = [tuple(row) for row in given["rows"]]
    return Table(
        **{**given, "head": tuple(given["head"]), "rows": rows, "plot": Plot(**{**plot, "series": series})}
    )


def _target(given: Mapping[str, Any]) -> Target:
    figure = given["figure"]
    return Target(**{**given, "figure": None if figure is None else Spread(**figure)})
