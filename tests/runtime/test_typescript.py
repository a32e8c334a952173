"""TypeScript: types go, lines stay, mistakes are told in the user's own text, and every limit holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate_runtime import CompileError, Image, Limits, compile  # noqa: A004 - the field's word
from headgate_runtime.compiler import Language
from headgate_runtime.typescript import strip
from tests.stage import TRACK, Stage

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

EXPRESSIONS = [
    # declarations before, an expression, what it comes to
    ("enum Plan { Free = 'free', Pro = 'pro' }", "[Plan.Pro, Object.keys(Plan)]", ["pro", ["Free", "Pro"]]),
    ("const enum Level { Low, High = 5, Higher }", "[Level.Low, Level.Higher, Level[5]]", [0, 6, "High"]),
    ("interface Box<T> { readonly value?: T }", "({ value: 1 }) as Box<number>", {"value": 1}),
    ("type Maybe<T> = T | undefined;", "<Maybe<string>>'x'", "x"),
    ("const table = { a: 1 } satisfies Record<string, number>", "table.a!", 1),
    ("const same = <T,>(value: T): T => value", "same<string>('x')", "x"),
    (
        "function twice(n: number): number\nfunction twice(n: string): string\nfunction twice(n: any) { return n + n }",
        "[twice(2), twice('a')]",
        [4, "aa"],
    ),
    ("function isText(v: unknown): v is string { return typeof v === 'string' }", "isText('')", True),
    ("function need(v: unknown): asserts v { if (!v) throw 1 }", "need(1) ?? 'fine'", "fine"),
    ("class A { constructor(private readonly x: number, public y?: string) {} }", "new A(1)", {"x": 1}),
    ("abstract class A { abstract go(): void; declare z: number }", "Object.keys(new (A as any)())", []),
    (
        "class A { static count: number = 2; #n = 3; value!: string; get n(): number { return this.#n } }",
        "[A.count, new A().n, 'value' in new A()]",
        [2, 3, True],
    ),
    ("class A { go() { return 1 } } class B extends A { override go() { return 2 } }", "new B().go()", 2),
    ("declare const VERSION: string", "typeof VERSION", "undefined"),
    ("declare module 'x' {\n interface Y {}\n}\ndeclare namespace N { type A = 1 }", "typeof N", "undefined"),
    ("import type { Event } from './event'\nimport type Other from 'other'", "1", 1),
    ("export type Id = string;\nexport interface Named { name: string }", "1", 1),
    (
        "let a: [first: string, second?: number] = ['x']; let b: `${number}px` = '1px'",
        "[a, b]",
        [["x"], "1px"],
    ),
    ("type Keys<T> = { [K in keyof T]-?: T[K] extends infer U ? U : never }", "1 < 2 && 3 > (2)", True),
    ("let maybe: any", "maybe?.a?.[0] ?? 1_000", 1000),
    ("function that(this: Window, n = 1 as number) { return n }", "that.call(window)", 1),
    ("label: for (const x of [1, 2] as const) { continue label }", "`${1 as number}`", "1"),
]


@pytest.mark.parametrize(
    ("before", "expression", "expected"), EXPRESSIONS, ids=[row[0][:32] for row in EXPRESSIONS]
)
def test_what_types_stand_beside_runs(run: Stage, before: str, expression: str, expected: object) -> None:
    source = f"{before}\nasync function onTrack(event: any): Promise<any> {{ event.value = {expression}; return event }}"

    outcome = run.invoke(run.executor.function(image(source)))

    assert outcome.output is not None, outcome
    assert json.loads(outcome.output)["value"] == expected


@pytest.mark.parametrize("row", EXPRESSIONS, ids=[row[0][:32] for row in EXPRESSIONS])
def test_lines_stay_where_they_are(row: tuple[str, str, object]) -> None:
    source = f"/*\n*/ {row[0]}\n\nthrow new Error('here')"

    error = refusal(source)

    assert (error.line, error.source_line) == (source.count("\n") + 1, "throw new Error('here')")


@pytest.mark.parametrize(
    ("source", "line", "column", "message"),
    [
        ("let x: = 5", 1, 8, "Unexpected token"),
        ("\n\nfunction f(a: {b: string) {}", 3, 25, 'Unexpected token, expected ";"'),
        ("\ufeff\r\nlet \u00e9: string = '\u00fc' 2", 2, 21, 'Unexpected token, expected ";"'),
        ("enum A {\n a = 1,\n", 3, 1, "Unexpectedly reached the end of input."),
        ("let a: string = 1\nimport x from 'y'", 2, 8, "Unexpected identifier 'x'"),
        ("\nimport { type A } from 'y'", 2, None, None),
        ("\nexport const a: number = 1", 2, 1, "unsupported keyword: export"),
        ("let a: number\nlet a: string", 2, None, None),
        ("type A = 1\n@sealed class B {}", 2, None, None),
        ("let a: 1\nnamespace N { export const a = 1 }", 2, 1, None),
        ("let a: 1\nexport module N.M { }", 2, 1, None),
    ],
)
def test_mistakes_are_told_in_the_users_own_text(
    source: str, line: int, column: int | None, message: str | None
) -> None:
    error = refusal(source)

    assert (error.kind, error.error_name, error.line) == ("syntax", "SyntaxError", line)
    assert error.source_line == source.removeprefix("\ufeff").split("\n")[line - 1]
    assert column is None or error.column == column
    assert message is None or error.message == message
    assert error.column is not None
    assert 1 <= error.column <= len(error.source_line) + 1


def test_what_is_thrown_names_the_line_as_it_was_written() -> None:
    error = refusal(
        "type A = {\n  b: string\n}\nconst a: A = { b: 'x' } as A; throw new TypeError(a.b as string)"
    )

    assert (error.kind, error.error_name, error.line) == ("throw", "TypeError", 4)
    assert error.source_line is not None
    assert error.source_line.endswith("throw new TypeError(a.b as string)")


def test_a_namespace_in_a_text_is_none() -> None:
    assert strip("let a: string = `\nnamespace N {`\n// end\n/*\nmodule M {\n*/") == (
        "let a = `\nnamespace N {`\n// end\n/*\nmodule M {\n*/"
    )


def test_images_tell_languages_and_sources_apart() -> None:
    typed, plain = image("onTrack = (e: any) => e"), image("onTrack = (e) => e", "javascript")

    assert typed == image("onTrack = (e: any) => e")
    assert typed.source != plain.source
    assert isinstance(compile("onTrack = (e: any) => e"), CompileError)


def test_libraries_that_only_types_name_do_not_enter() -> None:
    plain = image("onTrack = (e) => e")
    typed = image("declare const moment: any; onTrack = (e: moment.Moment) => e")
    used = image("onTrack = (e: any) => { e.at = moment(0 as number); return e }")

    assert typed.memory_bytes == plain.memory_bytes < used.memory_bytes


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.js")), ids=lambda path: path.name)
def test_javascript_is_typescript(path: Path) -> None:
    text = path.read_text()

    assert strip(text) == text


def test_limits_hold_while_types_are_taken_out() -> None:
    bulky = "let a: string = 1;\n" * 20_000
    tight = Limits(fuel=2_000_000)
    small = Limits(memory_bytes=8 << 20)

    assert refusal(bulky, tight).message == "loading used more than fuel = 2000000"
    assert refusal(bulky, small).message == "loading needs more memory than memory_bytes = 8388608"
    assert refusal(bulky, Limits(time_ms=1)).message == "loading took longer than time_ms = 1"
    assert refusal(bulky, Limits(source_bytes=9)).kind == "limit"
    assert refusal(b"\xff").message == "the source is not valid UTF-8"
    assert refusal("(" * 100_000).error_name == "RangeError"


def test_texts_do_not_meet() -> None:
    """Each has a sandbox of its own: what one leaves behind would be found by the next."""
    first = strip("enum A { x }")

    assert strip("let b: 1") == "let b"
    assert strip("enum A { x }") == first


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.integers(0, 3))
def test_no_text_does_harm(text: str, start: int) -> None:
    source = "\n" * start + text

    result = strip(source)

    if isinstance(result, str):
        assert result.count("\n") == source.removeprefix("\ufeff").count("\n")
    else:
        assert result.kind == "syntax"


def test_an_executor_compiles_it_too(run: Stage) -> None:
    compiled = run.loop.run(
        run.executor.compile("onTrack = (e: any) => ({ ...e, n: 1 as number })", language="typescript")
    )

    assert isinstance(compiled, Image)
    outcome = run.invoke(run.executor.function(compiled), TRACK)
    assert outcome.output is not None
    assert json.loads(outcome.output)["n"] == 1


def image(source: str, language: Language = "typescript") -> Image:
    compiled = compile(source, language=language)
    assert isinstance(compiled, Image), compiled
    return compiled


def refusal(source: str | bytes, limits: Limits | None = None) -> CompileError:
    error = compile(source, limits, language="typescript")
    assert isinstance(error, CompileError), error
    return error
