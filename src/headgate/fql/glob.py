"""The glob patterns of `match` (SPEC 9.3)."""

from __future__ import annotations

import functools
import re
from typing import Final

PATTERN_CHARS: Final = 5 << 10
"""The longest pattern; a longer one counts as malformed. No query can spell one out, but an event can supply one."""


@functools.lru_cache(maxsize=256)
def glob(pattern: str) -> re.Pattern[str] | None:
    """
    The regular expression that a whole string must match: `*` is any run of characters, `?` any one character, `[abc]`,
    `[a-z]` and `[^...]` are classes, and a backslash makes the next character literal. None if *pattern* is malformed:
    it then matches nothing.

    Matching takes time proportional to pattern length times string length at most: the text between two stars is
    matched at its first possible place and never retried elsewhere (an atomic group).
    """
    if len(pattern) > PATTERN_CHARS:
        return None
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
    """The class whose "[" precedes *at*, as a regular expression, and the index after its "]"; None if malformed."""
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
    """One character of a class, and the index after it. An unescaped "-" or "]" is not one."""
    char = pattern[at : at + 1]
    if char == "\\":
        at += 1
        char = pattern[at : at + 1]
    elif char in "-]":
        return None
    return (char, at + 1) if char else None
