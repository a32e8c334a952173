"""A search that skips to where a match can begin finds what the engine's own search finds (guest/engine/regexp.c)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate_runtime import Executor, Image, compile  # noqa: A004 - the field's word

# `(?=)` matches nothing everywhere and is no character: behind it the engine searches by itself.
SOURCE = """
function found(pattern, flags, subject) {
  const expression = new RegExp(pattern, flags);
  const matches = [];
  for (let i = 0; i < 40; i++) {
    const match = expression.exec(subject);
    matches.push(match && [match.index, expression.lastIndex, ...match]);
    if (!match || !expression.global) break;
    if (match[0] === "") expression.lastIndex++;
  }
  return JSON.stringify(matches);
}
function onTrack(event) {
  const { pattern, flags, subject } = event;
  try { new RegExp(pattern, flags) } catch { return null }
  event.skipping = found(pattern, flags, subject);
  event.plain = found("(?=)(?:" + pattern + ")", flags, subject);
  return event;
}
"""

LETTERS = "abcABCkKsSzé.-_ 019\n"

atoms = st.one_of(
    st.sampled_from(
        [
            "a",
            "b",
            "K",
            "s",
            "é",
            "\u017f",
            "bot",
            "craw",
            "Chrome",
            r"\.",
            r"\d",
            r"\w",
            r"\s",
            ".",
            r"\b",
            r"\B",
        ]
    ),
    st.sampled_from(
        [
            "[a-c]",
            "[^a]",
            "[0-9]",
            "[A-Z]",
            "[k-s]",
            "^",
            "$",
            "(?=a)",
            "(?!b)",
            "(?<=a)",
            "(?<!b)",
            "[]",
            "[^]",
        ]
    ),
)
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=4).map("|".join).map(lambda text: f"(?:{text})"),
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "*?", "+?", "{2}", "{1,3}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)
subjects = st.text(LETTERS, max_size=60).map(lambda text: text + " compatible; bot Chrome/120.0 Kiosk")
flags = st.sampled_from(["", "i", "g", "gi", "m", "s", "u", "iu", "y", "gim", "d"])


def run(cases: list[dict[str, Any]], source: str = SOURCE) -> list[dict[str, Any] | None]:
    async def invoke() -> list[dict[str, Any] | None]:
        image = compile(source)
        assert isinstance(image, Image), image
        async with Executor() as executor:
            outcomes = [await executor.invoke(image, {"type": "track", **case}) for case in cases]
        assert all(outcome.outcome in {"forward", "filtered"} for outcome in outcomes), outcomes
        return [json.loads(outcome.output) if outcome.output else None for outcome in outcomes]

    return asyncio.run(invoke())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"pattern": patterns, "flags": flags, "subject": subjects}),
        min_size=1,
        max_size=25,
    )
)
def test_both_searches_agree(cases: list[dict[str, Any]]) -> None:
    for case, result in zip(cases, run(cases), strict=True):
        if result is not None:
            assert result["skipping"] == result["plain"], case


def test_words_are_found_in_a_long_subject() -> None:
    subject = "Mozilla/5.0 (compatible; Googlebot/2.1) " + "x" * 5000 + " Spider"
    cases = [
        {"pattern": "bot|crawler|spider|crawling", "flags": "i", "subject": subject},
        {"pattern": "spider", "flags": "i", "subject": subject},
        {"pattern": "spider", "flags": "", "subject": subject},
        {"pattern": "Spider$", "flags": "", "subject": subject},
    ]

    results = run(cases)

    assert [
        json.loads(result["skipping"])[0] and json.loads(result["skipping"])[0][0]
        for result in results
        if result
    ] == [
        31,
        len(subject) - 6,
        None,
        len(subject) - 6,
    ]
