"""Queries: FQL text compiled into nested closures, parsed once and evaluated per event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from headgate.fql.budget import COMPARISON, FREE_ELEMENTS, begin, spend
from headgate.fql.error import FqlError
from headgate.fql.functions import FUNCTIONS, INCOMPARABLE, is_number
from headgate.fql.lexer import Token, tokens
from headgate.fql.path import read

if TYPE_CHECKING:
    from collections.abc import Callable

    Term = Callable[[dict[str, Any]], Any]

FQL_BYTES: Final = 5 << 10
"""The longest query, in UTF-8 bytes (SPEC 9.1)."""

DEPTH: Final = 64
"""How deep parentheses, lists and calls may nest, so that no query exhausts the evaluator's stack."""

_COMPARISONS: Final = frozenset(("=", "!=", ">", ">=", "<", "<="))

_INTEGER_CHARS: Final = 20
"""Most characters of an integer, as many as 2**64 has with a sign. Python takes quadratic time for longer ones, and refuses those beyond 4,300 digits."""


class Query:
    """
    A compiled query. Raises FqlError, with the position, if *text* is not valid FQL.

        Query("type = 'track' and properties.total > 10").matches(event)
    """

    __slots__ = ("_term", "text")

    def __init__(self, text: str) -> None:
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > FQL_BYTES:
            raise FqlError(f"the query has {size} bytes, more than {FQL_BYTES}", FQL_BYTES)
        self.text = text
        self._term: Term = _constant(True) if text.strip() == "all" else _Parser(text).query()

    def matches(self, event: dict[str, Any]) -> bool:
        """Whether *event* matches: only the boolean true counts (SPEC 9.3). Raises TooCostly."""
        begin()
        return self._term(event) is True


class _Parser:
    """A recursive descent parser with one method per rule of the grammar in SPEC 9.2."""

    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self, text: str) -> bool:
        """Consumes the mark or word *text* if it comes next."""
        token = self._next
        if token.kind not in ("mark", "word") or token.text != text:
            return False
        self._at += 1
        return True

    def _want(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(f"expected {text!r} but found")

    def _unexpected(self, what: str) -> FqlError:
        token = self._next
        return FqlError(f"{what} {'the end' if token.kind == 'end' else repr(token.text)}", token.position)

    def query(self) -> Term:
        term = self._or()
        if self._next.kind != "end":
            raise self._unexpected("unexpected")
        return term

    def _or(self) -> Term:
        terms = [self._and()]
        while self._take("or"):
            terms.append(self._and())
        return terms[0] if len(terms) == 1 else lambda event: any(term(event) is True for term in terms)

    def _and(self) -> Term:
        terms = [self._not()]
        while self._take("and"):
            terms.append(self._not())
        return terms[0] if len(terms) == 1 else lambda event: all(term(event) is True for term in terms)

    def _not(self) -> Term:
        if not self._take("!"):
            return self._comparison()
        term = self._comparison()
        return lambda event: term(event) is not True

    def _comparison(self) -> Term:
        left = self._value()
        token = self._next
        if self._take("in"):
            right = self._value()
            return lambda event: _is_in(left(event), right(event))
        if token.kind != "mark" or token.text not in _COMPARISONS:
            return left
        self._at += 1
        right = self._value()
        compare = _COMPARE[token.text]
        return lambda event: compare(left(event), right(event))

    def _value(self) -> Term:
        token = self._next
        self._depth += 1
        if self._depth > DEPTH:
            raise FqlError(f"more than {DEPTH} levels", token.position)
        term = self._any_value(token)
        self._depth -= 1
        return term

    def _any_value(self, token: Token) -> Term:
        if self._take("("):
            term = self._or()
            self._want(")")
            return term
        if self._take("["):
            items = self._values("]")
            return lambda event: [item(event) for item in items]
        if token.kind == "word" and token.text in _LITERALS:
            self._at += 1
            return _constant(_LITERALS[token.text])
        if token.kind in ("string", "number", "name"):
            self._at += 1
            if token.kind == "string":
                return _constant(token.text)
            if token.kind == "number":
                return _constant(_number(token.text))
            return self._call(token) if self._take("(") else self._path(token.text)
        raise self._unexpected("expected a value but found")

    def _values(self, end: str) -> list[Term]:
        if self._take(end):
            return []
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._want(end)
        return values

    def _call(self, name: Token) -> Term:
        signature = FUNCTIONS.get(name.text)
        if signature is None:
            raise FqlError(f"there is no function {name.text}()", name.position)
        arguments = self._values(")")
        if len(arguments) != signature.arguments:
            count = signature.arguments
            raise FqlError(f"{name.text}() takes {count} argument{'s' * (count > 1)}", name.position)
        call = signature.call
        return lambda event: call(*[argument(event) for argument in arguments])

    def _path(self, first: str) -> Term:
        names = [first]
        while self._take("."):
            token = self._next
            if token.kind not in ("name", "word"):
                raise self._unexpected("expected a name after the dot but found")
            self._at += 1
            names.append(token.text)
        if len(names) == 1:
            return lambda event: event.get(first)
        return lambda event: read(event, names)


_LITERALS: Final = {"true": True, "false": False, "null": None}


def _constant(value: object) -> Term:
    return lambda _: value


def _number(text: str) -> int | float:
    """As orjson reads the numbers of events: an integer beyond 64 bits becomes a float."""
    if "." in text or len(text) > _INTEGER_CHARS:
        return float(text)
    whole = int(text)
    return whole if -(2**63) <= whole < 2**64 else float(whole)


def _equal(left: Any, right: Any) -> bool:
    """Strict equality: same type and same value, recursively in lists and objects."""
    if is_number(left):
        return is_number(right) and bool(left == right)
    if type(left) is not type(right):
        return False
    if isinstance(left, list):
        spend(len(left) * COMPARISON)
        return len(left) == len(right) and all(_equal(a, b) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict):
        spend(len(left) * COMPARISON)
        return left.keys() == right.keys() and all(_equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


def _is(left: Any, right: Any) -> bool:
    return left is not INCOMPARABLE and right is not INCOMPARABLE and _equal(left, right)


def _is_not(left: Any, right: Any) -> bool:
    return left is not INCOMPARABLE and right is not INCOMPARABLE and not _equal(left, right)


def _is_in(item: Any, items: Any) -> bool:
    if not isinstance(items, list):
        return False
    if len(items) > FREE_ELEMENTS:
        spend(len(items) * COMPARISON)
    return any(_is(item, each) for each in items)


def _of_numbers(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: is_number(left) and is_number(right) and compare(left, right)


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": _is,
    "!=": _is_not,
    ">": _of_numbers(lambda left, right: left > right),
    ">=": _of_numbers(lambda left, right: left >= right),
    "<": _of_numbers(lambda left, right: left < right),
    "<=": _of_numbers(lambda left, right: left <= right),
}
