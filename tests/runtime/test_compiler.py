"""Source text to image, or why not: the place in the user's own text, and limits while its top level runs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from headgate_runtime import CompileError, Executor, Image, Limits, Outcome, compiler
from tests.runtime.fakes import CountingEntropy, FakeClock, Host
from tests.stage import SMALL, Isolation, Stage, track, value

SYNTAX = [
    ("let a = 1\nlet a = 2", "invalid redefinition of lexical identifier", 2, 7),
    ("const a = ;", "unexpected token in expression: ';'", 1, 11),
    ("function onTrack(e) {\n  return e +\n}", "unexpected token in expression: '}'", 3, 1),
    ("import a from 'b'", "Unexpected identifier 'a'", 1, 8),
    ("\nexport default 1", "unsupported keyword: export", 2, 1),
    ("await 1", "expecting ';'", 1, 7),
    ("x = 1;\n  'abc", "unexpected end of string", 2, 3),
    ("let let = 1", "'let' is not a valid lexical identifier", 1, 5),
    ("class A { #x; #x }", "private class field is already defined", 1, 18),
    ("#!/usr/bin/env node\n", "invalid first character of private name", 1, 1),
    # Where it breaks off
    ("function onTrack(e) {\n  return e\n", "unexpected end of the source", 2, 11),
    ("foo(\nfoo(\n\n\n", "unexpected end of the source", 2, 5),
    ("x = {a: 1,", "unexpected end of the source", 1, 11),
    ("function onTrack(e) { return e }\n}\n", "unexpected token '}'", 2, 1),
    # What ends a line
    ("\r\r\n\nconst a = ;", "unexpected token in expression: ';'", 4, 11),
    ("// \x0b \x0c \x85 \x1c\nconst a = ;", "unexpected token in expression: ';'", 2, 11),
    ("\ufeffconst a = ;", "unexpected token in expression: ';'", 1, 11),
    # Columns count characters
    ("const é = '😀', = 1", "variable name expected", 1, 16),
]

THROWS = [
    ("throw new Error('top')", "Error", "top", 1, 11),
    ("\n\n  null.x", "TypeError", "cannot read property 'x' of null", 3, 3),
    ("x.y.z", "ReferenceError", "x is not defined", 1, 1),
    ("throw new RetryError('later')", "RetryError", "later", 1, 11),
    ("function f() { f() }\nf()", "RangeError", "Maximum call stack size exceeded", 1, 16),
    ("Date.now()\nthrow new RangeError('deferred')", "RangeError", "deferred", 2, 11),
    ("throw 5", None, "5", None, None),
    ("throw undefined", None, "undefined", None, None),
    ("throw { name: 'N', message: 'm' }", "N", "m", None, None),
]


@pytest.mark.parametrize(("source", "message", "line", "column"), SYNTAX)
def test_a_syntax_error_names_its_place(
    run: Stage, source: str, message: str, line: int, column: int
) -> None:
    error = run.refusal(source)

    assert (error.kind, error.error_name, error.message) == ("syntax", "SyntaxError", message)
    assert (error.line, error.column) == (line, column)
    assert error.source_line is not None
    assert error.source_line in source
    assert str(error) == f"function.js:{line}:{column}: SyntaxError: {message}"
    assert "headgate.js" not in (error.stack or "")


@pytest.mark.parametrize(("source", "name", "message", "line", "column"), THROWS)
def test_a_throw_at_the_top_level(
    run: Stage, source: str, name: str | None, message: str, line: int | None, column: int | None
) -> None:
    """SPEC D4: as much the function's fault as a syntax error."""
    error = run.refusal(source)

    assert (error.kind, error.error_name, error.message) == ("throw", name, message)
    assert (error.line, error.column) == (line, column)
    assert error.source_line == (None if line is None else source.split("\n")[line - 1])


def test_a_place_within_code_made_by_the_source_is_that_of_the_call(run: Stage) -> None:
    error = run.refusal("\nnew Function('(')")

    assert (error.kind, error.error_name, error.line, error.column) == ("throw", "SyntaxError", 2, 5)


@pytest.mark.parametrize("source", [b"\xff", b"let a = '\xed\xa0\x80'", "let a = '\ud800'", b"\xc3"])
def test_a_source_is_utf_8(run: Stage, source: Any) -> None:
    error = run.refusal(source)

    assert (error.kind, error.message) == ("syntax", "the source is not valid UTF-8")
    assert str(error) == "SyntaxError: the source is not valid UTF-8"


@pytest.mark.parametrize(
    "source",
    ["", "\n", "// nothing", "return", "return 5", "a = 1", "\ufeff", "Promise.reject(new Error('lost'))"],
)
def test_sources_without_a_handler_are_images(run: Stage, source: str) -> None:
    assert run.image(source).handlers == ()


# ---- limits ----

LIMITED = [
    ("for (;;);", "loading used more than fuel = 100000000", {"fuel": 100_000_000}),
    (
        "(async () => { for (;;) await 0 })()",
        "loading used more than fuel = 100000000",
        {"fuel": 100_000_000},
    ),
    ("/(a+)+$/.test('a'.repeat(40) + 'b')", "loading used more than fuel = 100000000", {"fuel": 100_000_000}),
    (
        "const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1))",
        "loading needs more memory than memory_bytes = 12582912",
        {"memory_bytes": 12 << 20},
    ),
    ("x" * 101, "the source has 101 bytes, more than source_bytes = 100", {"source_bytes": 100}),
    ("é" * 51, "the source has 102 bytes, more than source_bytes = 100", {"source_bytes": 100}),
]


@pytest.mark.parametrize(("source", "message", "limits"), LIMITED)
def test_loading_is_limited(run: Stage, source: str, message: str, limits: dict[str, int]) -> None:
    error = run.refusal(source, **limits)

    assert (error.kind, error.error_name, error.message) == ("limit", None, message)
    assert (error.line, error.source_line) == (None, None)
    assert run.image("function onTrack(e) { return e }").handlers == ("onTrack",)


def test_loading_is_stopped_by_the_clock(run: Stage) -> None:
    """The machine's: compiling asks no other. At 10**15 fuel nothing else would end this."""
    error = run.refusal("for (;;);", time_ms=50, fuel=10**15)

    assert (error.kind, error.message) == ("limit", "loading took longer than time_ms = 50")


def test_a_source_as_large_as_it_may_be(run: Stage) -> None:
    padding = SMALL.source_bytes - len("function onTrack(e) { return e } //")
    source = "function onTrack(e) { return e } //" + "x" * padding

    assert value(run(source)) is not None
    assert run.refusal(source + "x").kind == "limit"


def test_a_bomb_of_nesting_is_an_error_of_the_source(run: Stage) -> None:
    for source in (
        "(" * 100_000,
        "[" * 100_000,
        "{" * 100_000,
        "a=>" * 100_000,
        "-" * 100_000 + "1",
        "`${" * 50_000,
    ):
        assert run.refusal(source, fuel=3_000_000_000).kind in {"syntax", "limit", "throw"}


# ---- what an image holds ----


def test_equal_sources_give_equal_bytes() -> None:
    source = "const seen = new Map([[1, { a: [1, 2] }]]); function onTrack(e) { return e }"

    assert compiler.compile(source, SMALL) == compiler.compile(source.encode(), SMALL)
    # Limits bound the making; they are not in what is made.
    assert compiler.compile(source, SMALL) == compiler.compile(source, Limits())


@pytest.mark.parametrize(
    "top_level",
    [
        "const held = Date.now()",
        "const held = new Date().getTime()",
        "const held = performance.now()",
        "const held = Math.random()",
        "const held = crypto.randomUUID()",
        "const held = crypto.randomBytes(4).toString('hex')",
        "let held; fetch('http://host/').catch(() => {}); held = 1",
        "let held = 1; setTimeout(() => {}, 1)",
        "let held = 1; cache.load('key', 1, () => 1)",
    ],
)
def test_a_top_level_that_asks_for_the_outside_is_not_frozen(top_level: str) -> None:
    """Every sandbox would share its "random" values: the source is loaded, and run in each fresh sandbox."""
    clock = FakeClock()
    stage = Stage(clock=clock, entropy=CountingEntropy(), fetch=Host(lambda _: b""))
    source = f"{top_level}; function onTrack(e) {{ e.properties.held = held; return e }}"
    image = stage.image(source)
    assert (image.deferred, image.handlers) == (True, ("onTrack",))
    held = []
    for _ in range(3):
        clock.now_ms += 1000
        held.append(value(stage(source, isolation="hermetic"))["properties"]["held"])
    assert held == [1] * 3 or len(set(held)) == 3
    stage.close()


def test_a_deferred_top_level_runs_once_in_a_warm_sandbox() -> None:
    stage = Stage(clock=FakeClock())
    source = (
        "const at = Date.now(); let n = 0; function onTrack(e) { e.properties = { at, n: ++n }; return e }"
    )
    results = [value(stage(source))["properties"] for _ in range(3)]
    assert [result["n"] for result in results] == [1, 2, 3]
    assert len({result["at"] for result in results}) == 1
    stage.close()


def test_a_deferred_top_level_that_throws_later(isolation: Isolation) -> None:
    """It did not while the image was made; each sandbox that runs it ends in its error."""
    clock = FakeClock()
    stage = Stage(clock=clock)
    source = "if (Date.now() > 1e6) throw new RetryError('too late'); function onTrack(e) { return e }"
    assert stage.image(source).deferred
    for _ in range(2):
        outcome = stage(source, isolation=isolation)
        assert (outcome.outcome, outcome.error_name, outcome.message) == ("retry", "RetryError", "too late")
        assert stage(source, isolation=isolation, record=True).error_name == "RetryError"
    stage.close()


def test_a_sandbox_that_is_handed_on_is_not_new() -> None:
    """Its top level has run; what throws now is the handler, and module state stays."""
    stage = Stage(clock=FakeClock())
    source = "const at = Date.now(); let n = 0; async function onTrack(e) { if (++n === 3) throw new Error('x'); return { n } }"
    function = stage.function(source, sandboxes=1)

    async def all_at_once() -> list[Outcome]:
        return list(await asyncio.gather(*(stage.executor.invoke(function, track()) for _ in range(5))))

    outcomes = stage.loop.run(all_at_once())
    assert [outcome.outcome for outcome in outcomes] == [
        "forward",
        "forward",
        "discard",
        "forward",
        "forward",
    ]
    assert value(outcomes[4])["n"] == 5
    stage.close()


def test_a_handler_that_throws_does_not_cost_the_sandbox_of_a_deferred_image() -> None:
    stage = Stage(clock=FakeClock())
    source = "const at = Date.now(); let n = 0; function onTrack(e) { if (++n === 2) throw new Error('x'); return { n } }"
    outcomes = [stage(source) for _ in range(3)]
    assert [outcome.outcome for outcome in outcomes] == ["forward", "discard", "forward"]
    assert value(outcomes[2])["n"] == 3
    stage.close()


def test_what_the_top_level_prints_is_no_ones(run: Stage) -> None:
    outcome = run("console.log('loaded'); function onTrack(e) { console.log('event'); return e }")

    assert [line.message for line in outcome.logs] == ["event"]


def test_libraries_are_in_the_images_that_name_them(run: Stage) -> None:
    plain = run.image("function onTrack(e) { return e }")
    named = run.image("function onTrack(e) { return _.cloneDeep(e) }")

    assert named.size > plain.size + 100_000
    assert value(run("function onTrack(e) { return _.cloneDeep(e) }", track(a=[1]))) == track(a=[1])


# ---- beside invocations ----


def test_an_executor_compiles_in_turns() -> None:
    source = "let n = 0; for (let i = 0; i < 300000; i++) n += i; function onTrack(e) { e.properties.n = n; return e }"

    async def main() -> None:
        async with Executor() as executor:
            other = await executor.compile("function onTrack(e) { return e }")
            assert isinstance(other, Image)
            task = asyncio.ensure_future(executor.compile(source, tenant="slow"))
            done = 0
            while not task.done():
                assert (await executor.invoke(other, b'{"type":"track"}')).outcome == "forward"
                done += 1
                await asyncio.sleep(0)
            assert done > 10
            assert await task == compiler.compile(source)
            assert isinstance(await executor.compile("("), CompileError)

    asyncio.run(main())


def test_a_cancelled_compilation_leaves_no_sandbox() -> None:
    from headgate_runtime.sandbox import Sandbox

    async def main() -> None:
        async with Executor() as executor:
            before = len(Sandbox.by_context)
            task = asyncio.ensure_future(executor.compile("for (;;);"))
            for _ in range(5):
                await asyncio.sleep(0)
            assert len(Sandbox.by_context) == before + 1
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert len(Sandbox.by_context) == before

    asyncio.run(main())


def test_compiling_leaves_no_sandbox() -> None:
    from headgate_runtime.sandbox import Sandbox

    before = len(Sandbox.by_context)
    for source in [*(each[0] for each in SYNTAX), *(each[0] for each in THROWS)]:
        assert isinstance(compiler.compile(source, SMALL), CompileError)
    for source, _, limits in LIMITED:
        assert isinstance(compiler.compile(source, replace(SMALL, **limits)), CompileError)
    assert len(Sandbox.by_context) == before
