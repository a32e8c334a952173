"""Glob patterns, as `match` and nothing else has them (SPEC 9.3)."""

from __future__ import annotations

import functools
import re


@functools.lru_cache(maxsize=1_024)
def glob(pattern: str) -> re.Pattern[str] | None:
    """
    What a whole string must match: `*` any run, `?` one character, `[abc]`, `[a-z]`, `[^...]`, and a backslash before
    what is meant literally. None for a malformed pattern, which matches nothing.

    Takes time in proportion to pattern times string at most: each run between two stars is matched where it first can
    be and never tried again elsewhere.
    """
    runs: list[list[str]] = [[]]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            runs.append([])
        elif char == "?":
            runs[-1].append(".")
        elif char == "[":
            found = _char_class(pattern, at)
            if found is None:
                return None
            expression, at = found
            runs[-1].append(expression)
        elif char == "\\":
            if at == len(pattern):
                return None
            runs[-1].append(re.escape(pattern[at]))
            at += 1
        else:
            runs[-1].append(re.escape(char))
    first, *others = ("".join(run) for run in runs)
    if not others:
        return re.compile(first, re.DOTALL)
    *inner, last = others
    middle = "".join(f"(?>.*?{run})" for run in inner if run)
    return re.compile(f"{first}{middle}.*{last}", re.DOTALL)


def _char_class(pattern: str, at: int) -> tuple[str, int] | None:
    """The class after its "[", as a regular expression, and where it ends; None when it is malformed."""
    negated = pattern[at : at + 1] == "^"
    at += negated
    parts: list[str] = []
    while not (parts and pattern[at : at + 1] == "]"):
        low = _class_char(pattern, at)
        if low is None:
            return None
        char, at = low
        parts.append(re.escape(char))
        if pattern[at : at + 1] == "-":
            high = _class_char(pattern, at + 1)
            if high is None or high[0] < char:
                return None
            parts[-1] += "-" + re.escape(high[0])
            at = high[1]
    return f"[{'^' if negated else ''}{''.join(parts)}]", at + 1


def _class_char(pattern: str, at: int) -> tuple[str, int] | None:
    """A "-" or a "]" stands for itself only after a backslash."""
    char = pattern[at : at + 1]
    if char == "\\":
        at += 1
        char = pattern[at : at + 1]
    elif char in "-]":
        return None
    return (char, at + 1) if char else None
