"""
A sample of the suites of ECMAScript, held to the allow-list; `make conformance` runs them whole. And the allow-list
itself, and the document made of it.
"""

from __future__ import annotations

import pytest

from tests.conformance import document, gaps, test262
from tests.conformance import realm as realms
from tests.conformance.realm import Failure, Realm

EVERY = {"test262": 61, "parser": 1, "idl": 1}
"""One test in so many; a prime, since tests come in families of equal size."""


@pytest.mark.parametrize("suite", gaps.SUITES)
def test_a_sample_does_as_the_list_has_it(suite: str) -> None:
    tests = gaps.SUITES[suite].names()[:: EVERY[suite]]

    found = dict(gaps.surprises(suite, tests))

    assert len(found) > 150
    assert {test: said for test, said in found.items() if said is not None} == {}


@pytest.mark.parametrize("suite", gaps.SUITES)
def test_the_list_names_tests_that_there_are_and_each_once(suite: str) -> None:
    listed = [test for gap in gaps.gaps() if gap.suite == suite for test in gap.tests]

    assert len(listed) == len(set(listed))
    assert set(listed) <= set(gaps.SUITES[suite].names())


def test_every_gap_has_a_kind_and_a_reason() -> None:
    assert {gap.suite for gap in gaps.gaps()} == set(document.TITLES)
    assert {gap.kind for gap in gaps.gaps()} == set(gaps.KINDS)
    assert all(gap.reason.endswith(".") and gap.tests for gap in gaps.gaps())


def test_a_listed_test_that_passes_is_a_surprise(monkeypatch: pytest.MonkeyPatch) -> None:
    test = "language/types/null/S8.2_A1_T1.js"
    gap = gaps.Gap("test262", "engine", "No reason.", frozenset({test}), skipped=False)
    monkeypatch.setattr(gaps, "gaps", lambda: (gap,))

    assert dict(gaps.surprises("test262", [test])) == {test: "passes, though gaps.json says: No reason."}


def test_the_document_is_up_to_date() -> None:
    assert document.PATH.read_text() == document.renewed(), "renew it: python -m tests.conformance --table"


def test_front_matter() -> None:
    text = """
        /*---
        negative:
          phase: early
          type: SyntaxError
        includes: [a.js, b-c.js]
        flags:
          - async
          - onlyStrict
        ---*/
        """

    assert test262.front(text) == test262.Front(
        frozenset({"async", "onlyStrict"}), ("a.js", "b-c.js"), ("early", "SyntaxError")
    )
    assert test262.front("1").modes == ("sloppy", "strict")


def test_what_fails_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realms, "FUEL", 10**8)
    realm = Realm(["var shared = 1"])

    assert realm.run("shared++; Array.prototype.push = null; if (shared !== 2) throw 1") is None
    assert realm.run("shared++; [].push(1); if (shared !== 2) throw 1") is None
    assert realm.run("throw new TypeError('x')") == Failure("runtime", "TypeError", "x")
    assert realm.run("Promise.resolve().then(() => { globalThis.late = 7 })", "throw late") == Failure(
        "runtime", "", "7"
    )
    assert realm.run("let a; let a") == Failure(
        "parse", "SyntaxError", "invalid redefinition of lexical identifier"
    )
    endless = realm.run("for (;;);")
    assert endless is not None
    assert endless.phase == "trap"
    assert realm.run("shared++") is None
