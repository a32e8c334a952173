"""
What a function's source says about its handlers, by reading its tokens; nothing is run.

This is no parser. It knows strings, templates, regular expressions, comments and brackets, and so finds functions and
the `return`s that are their own. It sees handlers which are declared (`function onTrack() {}`) or assigned a function
(`onTrack = async (event) => {}`, with or without const, let, var, window, globalThis), or the name of a declared
function. Of any other handler (`onTrack = wrap(inner)`) it says nothing: better silent than wrong.
"""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Token(NamedTuple):
    """kind: "name", "text" (string, template part, regular expression, number) or "mark"; place: offset."""

    kind: str
    text: str
    place: int


class Definition(NamedTuple):
    """A function bound to a name. *line* counts from 1; *returns*: it may return a value, or always throws."""

    name: str
    line: int
    returns: bool


_SPACE: Final = re.compile(r"(?:\s+|//[^\n]*|/\*.*?(?:\*/|\Z))+", re.DOTALL)
_NAME: Final = re.compile(r"[#@]?[A-Za-z_$\u0080-\U0010ffff\\][\w$\\]*")
_NUMBER: Final = re.compile(r"\.?\d[\w.]*")
_STRING: Final = re.compile(r"'(?:\\.|[^'\\\n])*'?|\"(?:\\.|[^\"\\\n])*\"?", re.DOTALL)
_TEMPLATE: Final = re.compile(r"(?:\\(?:.|\Z)|\$(?!\{)|[^`\\$])*(`|\$\{|\Z)", re.DOTALL)
_REGEXP: Final = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/\w*")
_MARK: Final = re.compile(r"=>|==+|!==?|\+\+|--|\?\.|\.\.\.|.", re.DOTALL)

_CLOSERS: Final = {")": "(", "]": "[", "}": "{"}
_OPERATORS: Final = ("typeof", "instanceof", "in", "of", "new", "delete", "void", "await", "yield")
_VALUE_MAY_FOLLOW: Final = frozenset((*_OPERATORS, "return", "throw", "case", "do", "else"))
_CONTROL: Final = frozenset(("if", "for", "while", "switch", "catch", "with"))
_BINDERS: Final = frozenset(("const", "let", "var"))
_GLOBALS: Final = frozenset(("window", "globalThis", "self", "this"))


class Scan:
    """The tokens of *source*, each bracket with its partner."""

    def __init__(self, source: str) -> None:
        self._line_ends = [match.start() for match in re.finditer("\n", source)]
        self.tokens: list[Token] = []
        self.partner: dict[int, int] = {}
        self._read(source)

    def definitions(self) -> list[Definition]:
        """The functions bound outside of all functions, in the order of the text."""
        found: list[Definition] = []
        aliases: list[tuple[Token, str]] = []
        index = 0
        while index < len(self.tokens):
            text = self.tokens[index].text
            if text == "{" and self._is_body(index):
                index = self._end(index)
            elif text == "function" and not self._is_expression(index):
                found += self._declaration(index)
            elif text == "=" and self._is_binding(index):
                name = self.tokens[index - 1]
                body = self._function_value(index + 1)
                if body is not None:
                    found.append(Definition(name.text, self.line(name), self._returns(*body)))
                elif self._is_lone_name(index + 1):
                    aliases.append((name, self.tokens[index + 1].text))
            index += 1
        for alias, other in aliases:
            line = self.line(alias)
            found += [Definition(alias.text, line, each.returns) for each in found if each.name == other]
        return found

    def line(self, token: Token) -> int:
        return bisect.bisect_left(self._line_ends, token.place) + 1

    # ---- tokens ----

    def _read(self, source: str) -> None:
        place = 0
        opened: list[int] = []
        templates: list[int] = []  # how deep `opened` was where the ${ of a template began
        while place < len(source):
            if match := _SPACE.match(source, place):
                place = match.end()
                continue
            char = source[place]
            if char == "`" or (char == "}" and templates and templates[-1] == len(opened)):
                if char == "}":
                    templates.pop()
                    self._close(opened, "${")
                match = _TEMPLATE.match(source, place + 1)
                assert match is not None
                self.tokens.append(Token("text", "`", place))
                place = match.end()
                if match[1] == "${":
                    opened.append(len(self.tokens))
                    self.tokens.append(Token("mark", "${", place - 2))
                    templates.append(len(opened))
                continue
            kind, match = self._next(source, place)
            self.tokens.append(Token(kind, match[0], place))
            if kind == "mark":
                if char in "([{":
                    opened.append(len(self.tokens) - 1)
                elif char in _CLOSERS:
                    self._close(opened, _CLOSERS[char])
            place = match.end()

    def _next(self, source: str, place: int) -> tuple[str, re.Match[str]]:
        for kind, pattern in (("name", _NAME), ("text", _NUMBER), ("text", _STRING)):
            if match := pattern.match(source, place):
                return kind, match
        if source[place] == "/" and self._value_may_follow() and (match := _REGEXP.match(source, place)):
            return "text", match
        match = _MARK.match(source, place)
        assert match is not None
        return "mark", match

    def _value_may_follow(self) -> bool:
        """Whether a `/` here begins a regular expression, rather than divides."""
        if not self.tokens:
            return True
        last = self.tokens[-1]
        if last.kind == "name":
            return last.text in _VALUE_MAY_FOLLOW
        if last.text == ")":
            opener = self.partner.get(len(self.tokens) - 1, 0)
            return opener > 0 and self.tokens[opener - 1].text in _CONTROL
        return last.kind == "mark" and last.text not in ("]", "++", "--")

    def _close(self, opened: list[int], opener: str) -> None:
        if opened and self.tokens[opened[-1]].text == opener:
            start, end = opened.pop(), len(self.tokens) - (opener != "${")
            self.partner[start], self.partner[end] = end, start

    # ---- functions ----

    def _text(self, index: int) -> str:
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def _end(self, index: int) -> int:
        """Of the bracket at *index*: its partner, or the last token."""
        return self.partner.get(index, len(self.tokens) - 1)

    def _is_body(self, index: int) -> bool:
        """Whether the `{` at *index* opens the body of a function."""
        before = self._text(index - 1)
        if before == "=>":
            return True
        opener = self.partner.get(index - 1)
        if before != ")" or opener is None or opener == 0:
            return False
        head = self._text(opener - 1)
        return not (head in _CONTROL or (head == "await" and self._text(opener - 2) == "for"))

    def _is_expression(self, index: int) -> bool:
        """Whether the `function` at *index* is a value, so that its name is its own affair."""
        before = self._text(index - 1 - (self._text(index - 1) == "async"))
        return before in (
            "=",
            "(",
            ",",
            ":",
            "[",
            "=>",
            "!",
            "?",
            "&",
            "|",
            "+",
            "-",
            "return",
            "new",
            "void",
        )

    def _declaration(self, index: int) -> Iterator[Definition]:
        name = index + 1 + (self._text(index + 1) == "*")
        body = self._body_after(name + 1)
        if body is not None and self.tokens[name].kind == "name":
            token = self.tokens[name]
            yield Definition(token.text, self.line(token), self._returns(*body))

    def _body_after(self, parameters: int) -> tuple[int, int] | None:
        """The body that follows the parameter list at *parameters*, as the indexes of its braces."""
        opener = self._end(parameters) + 1
        if self._text(parameters) != "(" or self._text(opener) != "{":
            return None
        return opener, self._end(opener)

    def _is_binding(self, index: int) -> bool:
        """Whether the `=` at *index* binds a name of the top level."""
        if index == 0 or self.tokens[index - 1].kind != "name":
            return False
        before = self._text(index - 2)
        if before == ".":
            return self._text(index - 3) in _GLOBALS and self._text(index - 4) != "."
        return (
            before in _BINDERS or before in ("", ";", "}", "{", ",", ")", "=") or self._starts_line(index - 1)
        )

    def _starts_line(self, index: int) -> bool:
        return index == 0 or self.line(self.tokens[index]) > self.line(self.tokens[index - 1])

    def _is_lone_name(self, index: int) -> bool:
        if index >= len(self.tokens) or self.tokens[index].kind != "name":
            return False
        return self._text(index + 1) in ("", ";", ",", "}") or self._starts_line(index + 1)

    def _function_value(self, index: int) -> tuple[int, int] | None:
        """The body of the function expression at *index*; an arrow's bare expression counts as (-1, -1)."""
        index += self._text(index) == "async"
        if self._text(index) == "function":
            index += 1 + (self._text(index + 1) == "*")
            return self._body_after(index + (self._text(index) != "("))
        arrow = self._end(index) + 1 if self._text(index) == "(" else index + 1
        if self._text(arrow) != "=>":
            return None
        return (arrow + 1, self._end(arrow + 1)) if self._text(arrow + 1) == "{" else (-1, -1)

    def _returns(self, start: int, end: int) -> bool:
        """Whether a `return` of this very body has a value, or it throws whatever the event is."""
        if start < 0:
            return True
        for index in self._own(start + 1, end, blocks=True):
            if self._text(index) == "return" and self._has_value(index):
                return True
        return any(
            self._text(index) == "throw" and self._is_certain(index)
            for index in self._own(start + 1, end, blocks=False)
        )

    def _own(self, start: int, end: int, *, blocks: bool) -> Iterator[int]:
        """The tokens of a body that are not in a function within it, nor, without *blocks*, in a block."""
        index = start
        while index < end:
            if self._text(index) == "{" and (not blocks or self._is_body(index)):
                index = self._end(index)
            yield index
            index += 1

    def _has_value(self, index: int) -> bool:
        if self._text(index - 1) in (".", "?."):
            return False
        return self._text(index + 1) not in (";", "}", ":") and not self._starts_line(index + 1)

    def _is_certain(self, index: int) -> bool:
        """Whether the statement at *index* is not under an `if` or the like."""
        before = self._text(index - 1)
        if before == ")":
            return self._text(self.partner.get(index - 1, 0) - 1) not in _CONTROL
        return before not in ("else", ".", "?.")
