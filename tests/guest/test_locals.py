"""
Accesses to `let` and `const` lose their check only where no path finds them without a value (guest/engine/locals.c).
Each snippet notes what it could read, and `!` where it could not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guest.boundary import Boundary

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

TRY = "const seen = []; const note = (read) => { try { seen.push(read()) } catch (e) { seen.push(e instanceof ReferenceError ? '!' : e) } };"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        pytest.param(
            "try { x; let x = 1 } catch (e) { return e.message }", "x is not initialized", id="before"
        ),
        pytest.param(
            "try { x = 2; let x = 1 } catch (e) { return e.message }", "x is not initialized", id="assigned"
        ),
        pytest.param(
            "try { let x = x + 1 } catch (e) { return e.message }", "x is not initialized", id="itself"
        ),
        pytest.param(
            "try { typeof x; let x } catch (e) { return e.message }", "x is not initialized", id="typeof"
        ),
        pytest.param(
            "try { x++; let x = 1 } catch (e) { return e.message }", "x is not initialized", id="increment"
        ),
        pytest.param(
            "try { x += 1; let x = 1 } catch (e) { return e.message }", "x is not initialized", id="sum"
        ),
        pytest.param(
            "const seen = []; for (const n of [0, 1, 2]) switch (n) { case 0: let x = 7; seen.push(x); break; "
            "case 1: try { seen.push(x) } catch { seen.push('!') } break; case 2: try { x = 1 } catch { seen.push('!') } }"
            " return seen",
            [7, "!", "!"],
            id="switch",
        ),
        pytest.param(
            "const seen = []; for (let i = 0; i < 3; i++) { try { seen.push(x) } catch { seen.push('!') } let x = i; seen.push(x) }"
            " return seen",
            ["!", 0, "!", 1, "!", 2],
            id="each round anew",
        ),
        pytest.param(
            "const seen = []; for (let i = 0; i < 3; i++) { if (i) { try { seen.push(x) } catch { seen.push('!') } }"
            " if (i == 1) continue; let x = i; seen.push(x) } return seen",
            [0, "!", "!", 2],
            id="continue",
        ),
        pytest.param(
            "const seen = []; try { (() => { throw 1 })(); } catch { try { x } catch { seen.push('!') } } let x = 1; return [seen, x]",
            [["!"], 1],
            id="catch before",
        ),
        pytest.param(
            "const seen = []; for (const n of [0, 1]) { try { if (n) throw 1; let x = 5; seen.push(x) } catch { seen.push('c') }"
            " finally { seen.push('f') } } return seen",
            [5, "f", "c", "f"],
            id="finally",
        ),
        pytest.param(
            "const seen = []; function f(n) { try { if (n) return 1; let x = 2; g = () => x; seen.push(x) } finally {"
            " try { y } catch { seen.push('!') } let y = n; seen.push(y) } } let g; f(0); f(1); return [seen, g()]",
            [[2, "!", 0, "!", 1], 2],
            id="finally twice",
        ),
        pytest.param(
            "const seen = []; o: for (let i = 0; i < 2; i++) { for (;;) { if (i) { try { seen.push(z) } catch { seen.push('!') } }"
            " const z = i; seen.push(z); continue o } } return seen",
            [0, "!", 1],
            id="labels",
        ),
        pytest.param(
            "function f(a = () => b, b = 3) { return a() } function g(a = b, b = 1) { return a }"
            " try { return [f(), g()] } catch (e) { return [f(), e.message] }",
            [3, "b is not initialized"],
            id="parameters",
        ),
        pytest.param(
            "class A {} class B extends A { constructor(n) { if (n) super(); return this ?? 1 } }"
            " try { new B(1); new B(0) } catch (e) { return e.name }",
            "ReferenceError",
            id="this",
        ),
        pytest.param(
            "class A {} class B extends A { constructor() { const f = () => this; try { f() } catch (e) { B.said = e.name }"
            " super(); this.own = f() === this } } return [new B().own, B.said]",
            [True, "ReferenceError"],
            id="this in an arrow",
        ),
        pytest.param(
            "function* f() { try { yield x } catch { yield '!' } let x = 1; yield x; { let x = 2; yield x } yield x } return [...f()]",
            ["!", 1, 2, 1],
            id="generator",
        ),
        pytest.param(
            "let f; { try { f = () => x; f() } catch { f.said = '!' } let x = 4 } return [f.said, f()]",
            ["!", 4],
            id="closure",
        ),
        pytest.param(
            "const fs = []; for (let i = 0; i < 3; i++) { fs.push(() => i++); i += 0 } return fs.map((f) => [f(), f()])",
            [[0, 1], [1, 2], [2, 3]],
            id="captured rounds",
        ),
        pytest.param(
            "const x = 1; try { x = 2 } catch (e) { return [e.name, x] }", ["TypeError", 1], id="constant"
        ),
        pytest.param("const { a, b = a } = { a: 5 }; return [a, b]", [5, 5], id="destructuring"),
        pytest.param(
            "try { const { a = b, b } = {}; } catch (e) { return e.message }",
            "b is not initialized",
            id="pattern",
        ),
        pytest.param("try { eval('x'); let x = 1 } catch (e) { return e.name }", "ReferenceError", id="eval"),
        pytest.param(
            "const seen = []; for (const k in { a: 1, b: 2 }) { try { seen.push(q) } catch { seen.push('!') } const q = k; seen.push(q) }"
            " return seen",
            ["!", "a", "!", "b"],
            id="for in",
        ),
        pytest.param(
            "try { for (const y of [y]) ; } catch (e) { return e.message }",
            "y is not initialized",
            id="for of",
        ),
        pytest.param(
            "let i = 0; i++; ++i; i--; const j = i++; i **= 2; return [i, j, i-- - --i]",
            [4, 1, 2],
            id="steps",
        ),
    ],
)
def test_what_has_no_value_cannot_be_read(evaluate: Evaluate, code: str, value: object) -> None:
    assert evaluate(code).value == value


# Programs of nested blocks, loops, switches and try statements about three variables. The same program with every access
# through a function of its own, which asks each time, is the oracle.
names = st.sampled_from("abc")
accesses = st.one_of(
    names.map(lambda n: f"R({n});"),
    names.map(lambda n: f"W({n});"),
    st.sampled_from(["B;", "C;", "T;", "Q;"]),
)


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, min_size=1, max_size=4).map("".join)
    declared = st.tuples(body, names, body).map(lambda t: f"{{ {t[0]} let {t[1]} = n++; {t[2]} }}")
    return st.one_of(
        declared,
        declared,
        body.map(lambda b: f"while (n++ % 3) {{ {b} }}"),
        declared.map(lambda b: f"do {b} while (n++ % 3);"),
        st.tuples(body, body).map(lambda t: f"if (n++ % 2) {{ {t[0]} }} else {{ {t[1]} }}"),
        st.tuples(body, body).map(lambda t: f"try {{ {t[0]} }} catch {{ {t[1]} }}"),
        st.tuples(body, body).map(lambda t: f"try {{ {t[0]} }} finally {{ {t[1]} }}"),
        st.tuples(body, names, body).map(
            lambda t: f"switch (n++ % 2) {{ case 0: {t[0]} let {t[1]} = n; case 1: {t[2]} }}"
        ),
    )


programs = st.lists(st.recursive(accesses, blocks, max_leaves=14), min_size=1, max_size=4).map("".join)


def program(text: str, *, direct: bool) -> str:
    """A function of *text*; an access to a variable itself, or from a closure, which QuickJS always checks."""
    read = "try { step(); seen.push(%s) } catch (e) { fail(e) }"
    write = "try { step(); %s = seen.length } catch (e) { fail(e) }"
    for name in "abc":
        get, put = (name, name) if direct else (f"(() => {name})()", name)
        text = text.replace(f"R({name});", read % get)
        text = text.replace(
            f"W({name});",
            write % put
            if direct
            else f"try {{ step(); (() => {{ {name} = seen.length }})() }} catch (e) {{ fail(e) }}",
        )
    text = text.replace("B;", "if (n % 5 == 1) break l;").replace("C;", "if (n % 5 == 2) continue l;")
    text = text.replace("T;", "step(); if (n % 4 == 3) throw 0;").replace(
        "Q;", "step(); if (n % 7 == 3) return;"
    )
    return (
        "function (seen) { let n = 0, steps = 0; const step = () => { if (++steps > 60) throw null };"
        " const fail = (e) => { if (e === null) throw e; seen.push(e instanceof ReferenceError ? '!' : '?') };"
        f" l: for (let round = 0; round < 3; round++) {{ let a, b, c; {text} }} }}"
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(programs, min_size=1, max_size=10))
def test_checked_and_unchecked_programs_agree(texts: list[str]) -> None:
    pairs = ",".join(f"[{program(text, direct=True)}, {program(text, direct=False)}]" for text in texts)
    boundary = Boundary(
        f"const pairs = [{pairs}];"
        "const run = (f) => { const seen = []; try { f(seen) } catch (e) { seen.push(String(e)) } return seen.join() };"
        "function onTrack(event) { event.seen = pairs.map(([one, other]) => [run(one), run(other)]); return event }"
    )

    seen = boundary('{"type":"track"}').value["seen"]

    boundary.close()
    for text, (direct, checked) in zip(texts, seen, strict=True):
        assert direct == checked, program(text, direct=True)
