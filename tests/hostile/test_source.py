"""Source text that tries to leave the function it is put into, or to be more than a function (SPEC 2.7)."""

from __future__ import annotations

import pytest

from headgate_runtime import CompileError, Limits
from headgate_runtime.outcome import Cause
from tests.stage import Stage, track, value

ESCAPES = [
    "}), (function(){",
    "})(); (function(){",
    "}); (function(){",
    "}, (function(){",
    "}) || (function(){",
    "}) ? (function(){}) : (function(){",
    "}), function(){ return 1 }, (function(){",
    "})\n(function(){",
    "}).call(this), (function(){",
    "});//",
    "})/*",
    "}); globalThis.escaped = 1; (function(){",
    "}); function onTrack(e) { return e } (function(){",
    "return } ), (function(){",
    "}=0), (function(){",
    "}`",
    "}",
    "{",
    "}{",
    ")",
    "(",
    "})",
    "/*",
    "*/",
    "`${",
    "'",
    "<!--\n}",
    "--> x\n}",
    "import x from 'y'",
    "import 'y'",
    "export const a = 1",
    "export default 1",
    "await 1",
    "for await (const x of []);",
    "yield 1\n}",
    "new.target.x; }), (function(){",
    "super.x",
    "super()",
    "const a = 1; const a = 2",
    "let onTrack; function onTrack() {}",
    "with",
    "\\u{7d}), (function(){",
    "class A { #a; b() { this.#c } }",
    "label: label: 1",
    "break",
    "continue",
    "'use strict'; }), (function(){",
    "@decorator class A {}",
    "function f(a, a) { 'use strict' }",
    "0++",
    "a => {} ()",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_it_is_a_syntax_error_on_the_users_own_lines(run: Stage, source: str) -> None:
    error = run.refusal(source)

    assert (error.kind, error.error_name) == ("syntax", "SyntaxError")
    assert error.message
    lines = source.splitlines()
    assert error.line is None or 1 <= error.line <= len(lines) + 1


FINE = {
    "braces in text": "const a = '}), (function(){', b = `})`, c = /}\\)/; function onTrack(e) { return e }",
    "braces in comments": "// }), (function(){\n/* }) */ function onTrack(e) { return e }",
    "a comment at the end": "function onTrack(e) { return e } // end",
    "an HTML comment at the end": "function onTrack(e) { return e } <!-- end",
    "an open statement at the end": "function onTrack(e) { return e }\nvar x = 1",
    "a return at the top level": "function onTrack(e) { return e }\nreturn 5\nthrow 1",
    "a return in the middle": "onTrack = (e) => e; if (true) return; onTrack = null",
    "arguments": "arguments.length === 0 && (onTrack = (e) => e)",
    "assigned arguments": "arguments = 5; function onTrack(e) { return e }",
    "new.target": "onTrack = new.target === undefined ? (e) => e : 0",
    "this": "this.onTrack = (e) => e",
    "window": "window.onTrack = (e) => e",
    "await as a name": "var await = 1; function onTrack(e) { return e }",
    "yield as a name": "var yield = 1; function onTrack(e) { return e }",
    "let as a name": "var let = 1; function onTrack(e) { return e }",
    "undeclared names": "counter = 1; function onTrack(e) { counter++; return e }",
    "octal numbers": "var a = 010; function onTrack(e) { return e }",
    "with": "with ({ f: (e) => e }) onTrack = f",
    "a leading directive": "'use strict'; x = 1; function onTrack(e) { return e }",
    "a hash-bang in a string": "const a = '#!'; function onTrack(e) { return e }",
    "handlers in a block": "{ function onTrack(e) { return e } }",
    "an export check": "if (typeof module !== 'undefined') module.exports = 1; function onTrack(e) { return e }",
    "a function per name": "function onTrack(e) { return e } function eval2() {} var undefined, NaN",
    "names of our own": "var native = 1, hooks = 2, prelude = 3; function onTrack(e) { return e }",
    "unicode names": "var ünï = 1, \\u0061b = 2, 漢 = 3; function onTrack(e) { return e }",
    "line separators": "var a = 1\u2028var b = 2\u2029function onTrack(e) { return e }",
    "carriage returns": "var a = 1\rfunction onTrack(e) { return e }\r",
    "white space of all kinds": "\ufeff\u00a0\u3000\t\v\f function onTrack(e) { return e }\u00a0",
    "a private name": "class A { #a = 1; static b(o) { return #a in o } } function onTrack(e) { return e }",
    "regular expression flags": "const r = /[\\p{L}--[a-z]]/v; function onTrack(e) { return e }",
}


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_it_is_a_function_like_any_other(run: Stage, source: str) -> None:
    for _ in range(2):
        assert value(run(source)) == track(plan="free")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_lines_are_counted_as_the_user_counts_them(run: Stage, newline: str, mark: str) -> None:
    lines = ["// one", "function onTrack() {", "  throw new Error('here')", "}"]
    source = mark + newline.join(lines)

    stack = run(source).stack
    error = run.refusal(mark + newline.join(["// one", "// two", "a b"]))

    assert stack is not None
    if newline != "\r":  # the engine counts line feeds
        assert "function.js:3:" in stack
        assert (error.line, error.source_line) == (3, "a b")
    assert error.kind == "syntax"


def test_the_first_line_is_line_one_and_its_columns_are_right(run: Stage) -> None:
    error = run.refusal("let a = ;")

    assert (error.line, error.column, error.source_line) == (1, 9, "let a = ;")


@pytest.mark.parametrize(
    "source", [b"\xff", b"'\xc3'", b"// \xed\xa0\x80", b"\xf5\x80\x80\x80", b"'\xc0\x80'"]
)
def test_invalid_utf_8_is_refused(run: Stage, source: bytes) -> None:
    error = run.refusal(source)

    assert (error.kind, error.message) == ("syntax", "the source is not valid UTF-8")


def test_a_source_text_with_lone_surrogates_is_refused(run: Stage) -> None:
    assert run.refusal("'\ud800'").message == "the source is not valid UTF-8"


@pytest.mark.parametrize(
    "source",
    [
        "\x00",
        "function onTrack(e) { return e }\x00",
        "\x00}), (function(){",
        "function onTrack(e) { return e }\n\x00})();globalThis.x=1;(function(){",
    ],
)
def test_a_nul_byte_does_not_end_the_source_early(run: Stage, source: str) -> None:
    assert run.refusal(source).kind == "syntax"


def test_a_nul_byte_in_a_string_is_text(run: Stage) -> None:
    assert value(run("function onTrack() { return { a: 'x\x00y'.length } }"))["a"] == 3


def test_an_empty_source_has_no_handlers(run: Stage) -> None:
    for source in ("", " ", "\n", "\ufeff", ";", "//", "/**/", "return"):
        image = run.image(source)

        assert image.handlers == ()
        assert run(source).cause is Cause.UNSUPPORTED


def test_source_bytes_counts_bytes(run: Stage) -> None:
    source = "function onTrack(e) { return e } // é"
    size = len(source.encode())

    assert run(source, source_bytes=size).cause is Cause.FORWARD
    error = run.refusal(source, source_bytes=size - 1)
    assert (error.kind, error.message) == (
        "limit",
        f"the source has {size} bytes, more than source_bytes = {size - 1}",
    )


def test_a_huge_source(run: Stage) -> None:
    statements = "".join(f"var v{n} = {n};\n" for n in range(20_000))
    text = "x" * 500_000
    source = f"const text = '{text}'\nfunction onTrack(e) {{ e.n = text.length; return e }}"

    assert value(run(source, memory_bytes=64 << 20))["n"] == 500_000
    wide = run.compile(
        statements + "function onTrack(e) { return e }", memory_bytes=64 << 20, fuel=2_000_000_000
    )
    assert not hasattr(wide, "kind") or "fuel" in wide.message  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("function onTrack(" + ",".join(f"a{n}" for n in range(70_000)) + ") {}", "syntax"),
        ("f(" + "1," * 70_000 + "1)", "syntax"),
        ("x = [" + "1," * 50_000 + "]", None),
        ("(" * 50_000 + ")" * 50_000, "syntax"),
        ("[" * 50_000 + "]" * 50_000, "syntax"),
        ("{" * 50_000 + "}" * 50_000, "syntax"),
        ("!" * 50_000 + "1", None),
        ("`${" * 20_000 + "1" + "}`" * 20_000, "syntax"),
        ("a?b:" * 50_000 + "1", "syntax"),
        ("x = " + "1+" * 50_000 + "1", None),
        ("var a = " + "'x'+" * 20_000 + "'y'", None),
    ],
    ids=[
        "parameters",
        "arguments",
        "elements",
        "parentheses",
        "brackets",
        "braces",
        "operators",
        "templates",
        "conditions",
        "sums",
        "strings",
    ],
)
def test_sources_of_great_depth_or_width(run: Stage, source: str, kind: str | None) -> None:
    compiled = run.compile(source, memory_bytes=64 << 20, fuel=2_000_000_000)

    assert getattr(compiled, "kind", None) == kind
    if isinstance(compiled, CompileError):
        assert compiled.error_name in {"RangeError", "SyntaxError"}


def test_the_default_limits_take_what_is_usual(run: Stage) -> None:
    assert Limits().source_bytes >= 1 << 20
    big = "function onTrack(e) { return e }\n" + "// padding\n" * 90_000
    assert value(run(big, memory_bytes=64 << 20)) == track(plan="free")


def test_equal_sources_are_one_image(run: Stage) -> None:
    first = run.image("function onTrack(e) { return e }")
    other = run.image(b"function onTrack(e) { return e }")

    assert first == other
    assert first.digest == other.digest


def test_functions_print_their_own_text_only(run: Stage) -> None:
    source = "function onTrack(e) { return { text: String(onTrack) } }"

    assert value(run(source))["text"] == source
