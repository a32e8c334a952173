"""`Intl` and what stands on it, against what Node answers (record_intl.mjs); loading, tampering, order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import guest
from tests.guest.evaluate import Evaluate, Result
from tests.stage import Stage, value

if TYPE_CHECKING:
    from collections.abc import Sequence

RECORDED = Path(__file__).with_name("intl")

VECTORS: dict[str, Any] = json.loads((RECORDED / "common.json").read_text()) | {
    path.stem: json.loads(path.read_text())
    for path in sorted(RECORDED.glob("*.json"))
    if path.stem != "common"
}

SECTIONS = [name for name in VECTORS if name not in ("node", "show", "preamble")]

AT_ONCE = 150
"""Cases in one invocation."""

DIFFERENT: dict[str, Sequence[tuple[str, int, str]]] = {
    "dates": [(r"'ja-JP', \{dayPeriod: .*hour12: true", 1, "midnight beside a period of the day")],
    "numbers": [
        (r"notation: \"compact\"", 31, "more than 999 of the largest unit, and numbers next to nothing"),
        (
            r"(?:EUR|CAD).*\.format\((?:-?Infinity|NaN|undefined)\)",
            13,
            "a space between code and what is no digit",
        ),
        (r"'fr-FR', .*liter.*\(1e21\)", 1, "the plural of a number with an exponent"),
    ],
    "resolved": [(r"'de', .*h24", 1, "how an hour is written that only `hourCycle` asked for")],
    "zones": [(r"changes\('Africa/Casablanca', 2038\)", 1, "Ramadan after 2037")],
    "collation": [
        (r"row\(\d+, 'en', \{caseFirst: \"upper\"\}\)", 8, "compatibility forms when capitals come first"),
        (r"row\(\d+, 'cs'", 18, "letters of two characters: ch"),
        (r"row\(\d+, 'da'", 19, "letters of two characters: aa; capitals first"),
    ],
}
"""What differs from Node and is told of in guest/prelude/README.md: which expressions, how many of them at most, why."""


def roomy(evaluate: Evaluate, code: str) -> Result:
    """What *code* comes to with room for many cases in one invocation."""
    return evaluate(code, time_ms=60_000, fuel=20_000_000_000, memory_bytes=256 << 20)


def differences(evaluate: Evaluate, section: str) -> dict[str, list[str]]:
    """Expression -> [what the sandbox makes of it, what Node does], for those of *section* on which they disagree."""
    found: dict[str, list[str]] = {}
    cases = VECTORS[section]
    for at in range(0, len(cases), AT_ONCE):
        code = f"""
            const show = {VECTORS["show"]}
            const different = {{}}
            for (const [expression, expected] of {json.dumps(cases[at : at + AT_ONCE])}) {{
              const found = show(new Function({json.dumps(VECTORS["preamble"])} + `return (${{expression}})`))
              if (found !== expected) different[expression] = [found, expected]
            }}
            return different
            """
        result = roomy(evaluate, code)
        assert result.thrown is None, result.thrown
        found |= result.value
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_node_answers_the_same(evaluate: Evaluate, section: str) -> None:
    different = differences(evaluate, section)
    for pattern, most, _ in DIFFERENT.get(section, ()):
        known = [expression for expression in different if re.search(pattern, expression)]
        assert len(known) <= most
        for expression in known:
            del different[expression]

    assert different == {}


def test_there_are_many_cases() -> None:
    assert sum(len(VECTORS[section]) for section in SECTIONS) > 7_000


FUNCTIONS = {
    "new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' }).format(1234.5)": "$1,234.50",
    "new Date(0).toLocaleString('en-US', { timeZone: 'America/New_York' })": "12/31/1969, 7:00:00 PM",
    "new Date(0).toLocaleDateString('de-DE', { dateStyle: 'full' })": "Donnerstag, 1. Januar 1970",
    "(1234567.891).toLocaleString()": "1,234,567.891",
    "['b', 'a', 'B', 'é', 'e', 'f'].sort((x, y) => x.localeCompare(y)).join('')": "abBeéf",
    "new Intl.PluralRules('pl').select(3)": "few",
    "new Intl.ListFormat('en').format(['a', 'b', 'c'])": "a, b, and c",
    "new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(-1, 'day')": "yesterday",
    "new Intl.Locale('zh-TW').maximize().toString()": "zh-Hant-TW",
}


def handler(expression: str) -> str:
    return f"function onTrack(event) {{ event.text = {expression}; return event }}"


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
@pytest.mark.parametrize("expression", FUNCTIONS)
def test_a_function_formats(run: Stage, isolation: Any, expression: str) -> None:
    outcomes = [run(handler(expression), isolation=isolation) for _ in range(2)]

    assert [value(outcome)["text"] for outcome in outcomes] == [FUNCTIONS[expression]] * 2


@pytest.mark.parametrize("expression", [*FUNCTIONS][:5])
def test_formatting_costs_little(run: Stage, expression: str) -> None:
    """With everything in the image: the first event of a sandbox, and those after it."""
    function = run.function(handler(expression))
    fuel = [run.invoke(function).fuel for _ in range(3)]

    assert fuel[0] < 20_000_000
    assert fuel[2] < 8_000_000


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(1234.5)['toLocale' + 'String']('de')", "1.234,5"),
        ("new Date(0)['toLocaleDate' + 'String']()", "1/1/1970"),
        ("['b', 'a'].sort((x, y) => x['locale' + 'Compare'](y)).join('')", "ab"),
        ("new globalThis['In' + 'tl']['Number' + 'Format']('fr').format(0.5)", "0,5"),
        ("[1234]['toLocale' + 'String']()", "1,234"),
    ],
)
def test_what_no_scan_sees_loads(run: Stage, expression: str, expected: str) -> None:
    unused = run.image("function onTrack(event) { return event }").size

    assert value(run(handler(expression)))["text"] == expected
    assert run.image(handler(expression)).size < unused + 5_000


def test_images_hold_what_they_need(run: Stage) -> None:
    def size(expression: str) -> int:
        return run.image(handler(expression)).size

    base = len(guest.read("base.wasm"))  # which images that have much over it hold as well

    assert size("new Date().toLocaleDateString('en', { timeZone: 'Asia/Tokyo' })") < base + 800_000
    assert size("'a'.localeCompare('b')") < base + 300_000
    assert size("new Intl.NumberFormat('en').format(5)") < base + 800_000
    # Names that only look like it.
    assert abs(size("event.collator ?? 'compare'") - size("'a'")) < 5_000


TAMPERING = """
const Intl0 = Intl
const stolen = []
const methods = []
for (const Class of [Array, String, Number, Map, WeakMap, RegExp, Function, Set]) {
  for (const name of Object.getOwnPropertyNames(Class.prototype)) {
    const { value, writable } = Object.getOwnPropertyDescriptor(Class.prototype, name)
    if (name === 'constructor' || name.startsWith('toLocale') || name === 'localeCompare') continue
    if (typeof value === 'function' && writable) methods.push({ prototype: Class.prototype, name })
  }
}
for (let i = 0; i < methods.length; i++) {
  const { prototype, name } = methods[i]
  prototype[name] = () => { stolen[0] = name; return 7 }
}
RegExp.prototype.exec = Math.floor = Math.max = Date.now = JSON.parse = parseInt = () => { stolen[0] = 'static'; return 7 }
Object.keys = Object.create = Reflect.ownKeys = () => { stolen[0] = 'object'; return 7 }
globalThis.Intl = { DateTimeFormat: null }
Object.prototype.timeZone = 'Asia/Tokyo'
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("new Date(0).toLocaleString('en-US', { timeZone: 'America/New_York' })", "12/31/1969, 7:00:00 PM"),
        ("new Date(0).toLocaleDateString('de', { month: 'long', timeZone: 'UTC' })", "Januar"),
        ("'é'.localeCompare('f')", "-1"),
        ("'a10'.localeCompare('A2', 'en', { numeric: true })", "1"),
        ("new Intl0.Collator('sv').compare('z', 'ö')", "-1"),
        ("new Intl0.DateTimeFormat('en', { timeZone: 'UTC' }).format(0)", "1/1/1970"),
    ],
)
def test_tampering_is_not_consulted(run: Stage, expression: str, expected: str) -> None:
    source = f"""{TAMPERING}
    function onTrack(event) {{ event.text = '' + {expression}; event.stolen = stolen[0]; return event }}
    """
    found = value(run(source))

    assert found["text"] == expected
    assert "stolen" not in found


def test_what_a_class_hides_cannot_be_changed(evaluate: Evaluate) -> None:
    code = """
    'use strict'
    const shown = Object.keys(Intl.NumberFormat)
    try { Intl.NumberFormat.localeData = {}; return 'changed' } catch (error) { return [shown, error.name] }
    """

    assert roomy(evaluate, code).value == [[], "TypeError"]


def test_isolation_keeps_formats_apart(run: Stage) -> None:
    source = """
    Intl.NumberFormat.prototype.mark = 0
    function onTrack(event) {
      event.seen = Intl.NumberFormat.prototype.mark++
      event.text = (1).toLocaleString('en', { style: 'percent' })
      return event
    }
    """
    seen = [value(run(source, isolation="hermetic"))["seen"] for _ in range(2)]

    assert seen == [0, 0]


texts = st.lists(
    st.text(
        st.sampled_from("aAbBzéÉäöÅøæßñ e1290 -_'$\u0301\u0308中日한かカяЯאب\ufb01\uff21\u200d")
        | st.characters(codec="utf-8"),
        max_size=6,
    ),
    min_size=3,
    max_size=8,
)


@given(
    texts,
    st.sampled_from(
        [
            "{}",
            "{numeric: true}",
            "{sensitivity: 'base'}",
            "{caseFirst: 'upper'}",
            "{ignorePunctuation: true}",
        ]
    ),
    st.sampled_from(["en", "sv", "pl"]),
)
@settings(max_examples=60, deadline=None)
def test_the_order_is_total_and_consistent(words: list[str], options: str, locale: str) -> None:
    code = f"""
    const {{ compare }} = new Intl.Collator('{locale}', {options})
    const words = {json.dumps(words)}
    const wrong = []
    for (const a of words) {{
      if (compare(a, a) !== 0) wrong.push([a])
      for (const b of words) {{
        const order = compare(a, b)
        if (order !== -compare(b, a) && order !== 0) wrong.push([a, b])
        for (const c of words) if (order <= 0 && compare(b, c) <= 0 && compare(a, c) > 0) wrong.push([a, b, c])
      }}
    }}
    return wrong
    """
    result = roomy(Evaluate(), code)

    assert result.thrown is None, result.thrown
    assert result.value == []


def test_sorting_with_it_sorts(evaluate: Evaluate) -> None:
    code = """
    const words = ['côté', 'cote', 'coté', 'côte', 'Zebra', 'apple', 'äpfel', '10', '9', '_', 'Apple', 'zebra']
    return words.sort(new Intl.Collator('en', { numeric: true }).compare)
    """

    assert roomy(evaluate, code).value == [
        *("_", "9", "10", "äpfel", "apple", "Apple", "cote", "coté", "côte", "côté", "zebra", "Zebra")
    ]
