"""
The allow-list: which tests of the suites do not pass, and why (gaps.json). A test that fails and is not in it is an
error, and so is one that is in it and passes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Literal, NamedTuple

from tests.conformance import idl, packages, parser, test262

SUITES: dict[str, ModuleType] = {"test262": test262, "parser": parser, "idl": idl}
"""Each has `PACKAGE`, `names()` and `problem(name)`."""

Kind = Literal["prelude", "engine", "absent", "node", "standard", "sandbox", "harness", "dated"]

KINDS: dict[Kind, str] = {
    "prelude": "our own JavaScript differs from the standard and from Node",
    "engine": "QuickJS-ng differs from the standard",
    "absent": "not offered, and not part of the specification",
    "node": "as in Node or node-fetch, which differ from the standard",
    "standard": "as in the standard, from which Node 20 differs",
    "sandbox": "deliberately not available in a sandbox",
    "harness": "the suite needs something that the test runner does not provide",
    "dated": "the standard has changed since the test was written",
}


class Gap(NamedTuple):
    """*tests* that fail for one *reason*; *skipped*: they are not even run, for they would say nothing."""

    suite: str
    kind: Kind
    reason: str
    tests: frozenset[str]
    skipped: bool


@functools.cache
def gaps() -> tuple[Gap, ...]:
    """In the order of the file."""
    listed = json.loads((packages.HERE / "gaps.json").read_text())
    return tuple(
        Gap(suite, gap["kind"], gap["reason"], frozenset(gap["tests"]), gap.get("skipped", False))
        for suite, of_suite in listed.items()
        for gap in of_suite
    )


def expected(suite: str) -> dict[str, Gap]:
    """Why tests do not pass, by their names."""
    return {test: gap for gap in gaps() if gap.suite == suite for test in gap.tests}


def surprises(suite: str, tests: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Runs *tests*: (test, None) for each, or (test, message) when it did otherwise than the list has it."""
    problem = SUITES[suite].problem
    known = expected(suite)
    for test in tests:
        gap = known.get(test)
        if gap is not None and gap.skipped:
            yield test, None
            continue
        found = problem(test)
        if gap is not None and found is None:
            yield test, f"passes, though gaps.json says: {gap.reason}"
        else:
            yield test, found if gap is None else None


def run(work: tuple[str, list[str]]) -> tuple[str, int, list[tuple[str, str]]]:
    """The tests of a suite, for a process of a pool: the suite, how many there were, and the surprises."""
    suite, tests = work
    return suite, len(tests), [(test, said) for test, said in surprises(suite, tests) if said is not None]
