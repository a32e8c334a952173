"""What is read from a source without running it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.cli.scan import Scan


def returns(source: str) -> dict[str, bool]:
    return {each.name: each.returns for each in Scan(source).definitions()}


@pytest.mark.parametrize(
    "source",
    [
        "function onTrack(event) { return event }",
        "async function onTrack(event, settings) {\n  if (event.a) {\n    return event;\n  }\n}",
        "onTrack = event => event",
        "onTrack = (event) => ({ ...event })",
        "const onTrack = async (event) => { return event }",
        "var a = 1, onTrack = function (event) { return event }",
        "window.onTrack = async function named(event) { return event }",
        "function onTrack(event) { try { return JSON.parse('{') } catch (e) { throw new RetryError(`${e}`) } }",
        "function onTrack() { throw new EventNotSupported('no') }",
        "function onTrack(event) { log(event)\n throw new Error('never') }",
        "function onTrack(event) { for await (const x of y) { return x } }",
        "function onTrack(event) { switch (event.a) { case 1: return event } }",
        "function onTrack(event) { if (/[}/]\\//.test(event.a)) return event }",
        "function onTrack(event) { const half = event.a / 2; return half / 2 }",
        "function onTrack(event) { const t = `a ${ { b: `}` }.b } {`; return event }",
        "function onTrack(event) { do { return event } while (1) }",
        "function onTrack(event) { return null }",
        "function onTrack(event) { /* } */ return event // }\n}",
        "function onTrack(event = {}, { a } = {}) { return event }",
        "const pass = e => e\nonTrack = pass",
        "function pass(e) { return e }\nvar onTrack = pass;",
    ],
)
def test_a_handler_that_returns_is_left_alone(source: str) -> None:
    assert returns(source)["onTrack"] is True


@pytest.mark.parametrize(
    "source",
    [
        "function onTrack(event) { event.a = 1 }",
        "function onTrack(event) {}",
        "async function onTrack(event) { if (!event.a) throw new ValidationError('a') }",
        "async function onTrack(event) { if (!event.a) { throw new ValidationError('a') } event.b = 1 }",
        "onTrack = (event) => { event }",
        "onTrack = async event => { return; }",
        "onTrack = function (event) { return\n event }",
        "onTrack = function (event) { event.list.map(function (x) { return x }) }",
        "onTrack = function (event) { event.list.map((x) => { return x }) }",
        "function onTrack(event) { const o = { get a() { return 1 }, b() { return 2 } } }",
        "function onTrack(event) { class A { b() { return 1 } } }",
        "function onTrack(event) { 'return event'; `return ${event}`; /return event/; // return event\n }",
        "function onTrack(event) { event.return(1); event?.return; }",
        "function pass(e) { e }\nvar onTrack = pass;",
    ],
)
def test_a_handler_that_never_returns_is_found(source: str) -> None:
    assert returns(source)["onTrack"] is False


@pytest.mark.parametrize(
    "source",
    [
        "onTrack = wrap(function (event) { event.a = 1 })",
        "onTrack = handlers.track",
        "(function () { function onTrack(event) {} })()",
        "x = function onTrack(event) {}",
        "a.onTrack = function () {}",
        "if (onTrack == function () {}) {}",
    ],
)
def test_what_cannot_be_judged_is_not(source: str) -> None:
    assert "onTrack" not in returns(source)


def test_lines_are_counted_from_one() -> None:
    found = Scan("// first\nfunction onTrack(e) {\n  return e\n}\n\nonPage = e => e\n").definitions()

    assert [(each.name, each.line) for each in found] == [("onTrack", 2), ("onPage", 6)]


PIECES = (
    *("function ", "onTrack", "async ", "return ", "throw ", "if", "a", "1", "=>", "=", "*", ".", "?.", ";"),
    *("(", ")", "{", "}", "[", "]", "`", "${", "/", "//", "/*", "'", '"', "\\", "\n", "\u2028"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_text_upsets_it(source: str) -> None:
    Scan(source).definitions()


def test_a_large_source_takes_no_more_than_its_share() -> None:
    """A megabyte of brackets, none of which closes: no step may look at all of them again."""
    Scan("{" * 300_000 + "`${" * 100_000 + "/" * 300_000).definitions()
