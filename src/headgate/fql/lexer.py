"""From FQL text to tokens (SPEC 9.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from headgate.fql.error import FqlError

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["name", "word", "string", "number", "mark", "end"]

_SPACE: Final = " \t\n\r"
_MARKS: Final = ("!=", ">=", "<=", "=", ">", "<", "!", "(", ")", "[", "]", ",", ".")
_WORDS: Final = frozenset(("and", "or", "in", "true", "false", "null"))


class Token(NamedTuple):
    """
    kind        "word" is a keyword, "name" any other identifier, "mark" an operator or bracket, "end" the end of input
    text        the source text; for names and strings without escapes and quotes
    position    of the first character, counted from 0
    """

    kind: Kind
    text: str
    position: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of *text*; the last one is of kind "end". Raises FqlError."""
    at = 0
    while True:
        while at < len(text) and text[at] in _SPACE:
            at += 1
        if at == len(text):
            yield Token("end", "", at)
            return
        char = text[at]
        if char in "'\"":
            end = text.find(char, at + 1)
            if end < 0:
                raise FqlError("a string without a closing quote", at)
            yield Token("string", text[at + 1 : end], at)
            at = end + 1
        elif char.isdigit() or (char in "+-" and text[at + 1 : at + 2].isdigit()):
            end = _number_end(text, at)
            yield Token("number", text[at:end], at)
            at = end
        elif char.isalpha() or char in "_\\":
            token, at = _name(text, at)
            yield token
        else:
            mark = next((mark for mark in _MARKS if text.startswith(mark, at)), None)
            if mark is None:
                raise FqlError(f"an unexpected {char!r}", at)
            yield Token("mark", mark, at)
            at += len(mark)


def _number_end(text: str, at: int) -> int:
    end = at + 1
    while text[end : end + 1].isdigit():
        end += 1
    if text[end : end + 1] == "." and text[end + 1 : end + 2].isdigit():
        end += 2
        while text[end : end + 1].isdigit():
            end += 1
    digits = text[at:end]
    if not digits.isascii():
        raise FqlError("a number with digits other than 0 to 9", at)
    return end


def _name(text: str, at: int) -> tuple[Token, int]:
    chars: list[str] = []
    end = at
    escaped = False
    while end < len(text):
        char = text[end]
        if char == "\\":
            escaped = True
            end += 1
            if end == len(text):
                raise FqlError("a backslash with nothing after it", end - 1)
            char = text[end]
        elif not (char.isalpha() or char.isdigit() or char in "_-"):
            break
        chars.append(char)
        end += 1
    name = "".join(chars)
    kind: Kind = "word" if name in _WORDS and not escaped else "name"
    return Token(kind, name, at), end
