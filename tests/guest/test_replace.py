"""
exec, test and replace of an untouched regular expression give what the specification's long way gives
(guest/engine/replace.c). An expression with a property of its own goes that way, to the same matcher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.guest.test_regexp import patterns, run

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

SOURCE = """
function results(pattern, flags, subject, template, begin, long) {
  const make = () => {
    const expression = new RegExp(pattern, flags);
    if (long) Object.defineProperty(expression, "own", { value: 1 });
    expression.lastIndex = begin;
    return expression;
  };
  const found = [];
  const note = (work) => {
    const expression = make();
    let result;
    try { result = work(expression) } catch (error) { result = [error.name, error.message] }
    found.push([result, expression.lastIndex, typeof expression.lastIndex]);
  };
  note((e) => e.test(subject));
  note((e) => { const m = e.exec(subject); return m && [...m, m.index, m.input, m.length, m.groups, Object.keys(m)] });
  note((e) => [e.test(subject), e.test(subject), e.exec(subject), e.test(subject)]);
  note((e) => subject.replace(e, template));
  note((e) => subject.replace(e, "-"));
  note((e) => subject.replace(e, ""));
  note((e) => subject.replace(e, (...all) => JSON.stringify(all)));
  note((e) => { const seen = []; subject.replace(e, () => { seen.push(e.lastIndex); e.lastIndex = 3; e.compile("q") }); return seen });
  note((e) => subject.replaceAll(e, template));
  return JSON.stringify(found);
}
function onTrack(event) {
  const { pattern, flags, subject, template, begin } = event;
  try { new RegExp(pattern, flags) } catch { return null }
  event.short = results(pattern, flags, subject, template, begin, false);
  event.long = results(pattern, flags, subject, template, begin, true);
  return event;
}
"""

subjects = st.text("abckKsSzé.-_ 019\n\u017f\u212a\U0001f600", max_size=24)
templates = st.lists(
    st.sampled_from(["$", "$$", "$&", "$1", "$2", "$10", "$`", "$'", "$<a>", "x", "é", "\u017f"]), max_size=4
).map("".join)
flags = st.sampled_from(["", "i", "g", "gi", "m", "gs", "gu", "iu", "y", "gy", "gim", "d", "gv", "giu"])
begins = st.sampled_from([0, 1, 2, 7, 40, -1, 1.5, None, "2"])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "pattern": st.one_of(patterns, st.just("(?<a>b)|a"), st.just("(a)|(b)")),
                "flags": flags,
                "subject": subjects,
                "template": templates,
                "begin": begins,
            }
        ),
        min_size=1,
        max_size=25,
    )
)
def test_both_ways_agree(cases: list[dict[str, Any]]) -> None:
    for case, result in zip(cases, run(cases, SOURCE), strict=True):
        if result is not None:
            assert result["short"] == result["long"], case


@pytest.mark.parametrize(
    ("code", "value"),
    [
        pytest.param(
            "RegExp.prototype.exec = () => null; return [/a/.test('a'), 'a'.replace(/a/, 'b')]",
            [False, "a"],
            id="exec",
        ),
        pytest.param(
            "const own = /a/; own.exec = () => null; return [own.test('a'), 'a'.replace(own, 'b')]",
            [False, "a"],
            id="own exec",
        ),
        pytest.param(
            "Object.defineProperty(RegExp.prototype, 'flags', { get: () => '' }); return 'aa'.replace(/a/g, 'b')",
            "ba",
            id="flags",
        ),
        pytest.param(
            "Object.defineProperty(RegExp.prototype, 'global', { get: () => false }); return 'aa'.replace(/a/g, 'b')",
            "ba",
            id="global",
        ),
        pytest.param("delete RegExp.prototype.flags; return 'aa'.replace(/a/g, 'b')", "ba", id="no flags"),
        pytest.param(
            "delete RegExp.prototype.exec; return [/a/.test('a'), 'a'.replace(/a/, 'b')]",
            [True, "b"],
            id="no exec",
        ),
        pytest.param(
            "RegExp.prototype[Symbol.replace] = () => 7; return 'a'.replace(/a/, 'b')", 7, id="Symbol.replace"
        ),
        pytest.param(
            "const e = Object.freeze(/a/g); try { e.test('a') } catch (error) { return error.name }",
            "TypeError",
            id="frozen",
        ),
        pytest.param(
            "const e = /a/g; let n = 0; e.lastIndex = { valueOf() { n++; return 1 } }; return [e.test('ba'), n, e.lastIndex]",
            [True, 1, 2],
            id="lastIndex",
        ),
        pytest.param(
            "class E extends RegExp { exec() { return null } } return 'a'.replace(new E('a'), 'b')",
            "a",
            id="subclass",
        ),
        pytest.param(
            "const e = /a/; Object.setPrototypeOf(e, null); return RegExp.prototype[Symbol.replace].call(e, 'a', 'b')",
            "b",
            id="no prototype",
        ),
        pytest.param(
            "return 'xay'.replace(/a/, { toString() { return '<$&>' } })", "x<a>y", id="an object instead"
        ),
        pytest.param("return ('x' + 'a'.repeat(9000) + 'y').replace(/a+/, 'b')", "xby", id="rope"),
        pytest.param(
            "try { 'aa'.replace(/a/g, () => { throw new RangeError('no') }) } catch (error) { return error.message }",
            "no",
            id="throws",
        ),
        pytest.param(
            "try { 'a'.replace(/a/g, () => Symbol()) } catch (error) { return error.name }",
            "TypeError",
            id="symbol",
        ),
        pytest.param(
            "return 'a'.replace(/a/, () => new Error().stack.split('\\n').slice(2, 4).map((l) => l.trim()).join())",
            "at [Symbol.replace] (native),at replace (native)",
            id="frames",
        ),
    ],
)
def test_what_is_touched_is_looked_up(evaluate: Evaluate, code: str, value: Any) -> None:
    assert evaluate(code).value == value
