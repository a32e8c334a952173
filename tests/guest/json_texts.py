"""JSON text as people, machines and enemies write it, from a seed: some thousand texts a second."""

from __future__ import annotations

import json
import random

SPACES = ("", "", "", "", "", " ", "\n", "\t", "\r\n", "  \t")

NUMBERS = (
    *(
        "0",
        "-0",
        "1",
        "-1",
        "1.0",
        "1.50",
        "-0.0",
        "0.0",
        "1e5",
        "1E5",
        "1e+5",
        "1e-5",
        "0.1e-6",
        "1e21",
        "1e20",
    ),
    *("123456789012345678901", "1E400", "-1e400", "1e-400", "0.000001", "0.0000001", "0.0000015", "5e-324"),
    *(
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "9007199254740991",
        "9007199254740993",
        "0.1",
        "0.30",
    ),
    *(
        "2147483647",
        "2147483648",
        "-2147483648",
        "-2147483649",
        "4294967295",
        "999999999999999",
        "1000000000000000",
    ),
    *(
        "123456789.123456",
        "1234567890.123456",
        "0.123456789012345",
        "100",
        "1e0",
        "0e0",
        "-0e-0",
        "0.5",
        "99.990",
    ),
)

ESCAPES = (
    *(
        "\\/",
        "\\u0041",
        "\\ud800",
        "\\udc00",
        "\\ud83d\\ude00",
        "\\ude00\\ud83d",
        "\\u2028",
        "\\u2029",
        "\\u0000",
    ),
    *(
        "\\n",
        "\\r",
        "\\t",
        "\\b",
        "\\f",
        '\\"',
        "\\\\",
        "\\u001f",
        "\\u00e9",
        "\\u00FF",
        "\\u0100",
        "\\uD83D",
        "\\u005c",
    ),
)

PLAIN = (
    *(
        "a",
        "b",
        " ",
        "0",
        "1",
        "x" * 15,
        "y" * 16,
        "z" * 17,
        "é",
        "ÿ",
        "\u0100",
        "\u20ac",
        "\u2028",
        "\u2029",
    ),
    *(
        "\U0001f600",
        "\x7f",
        "\u0080",
        "\ufffd",
        "\uffff",
        "\U0010ffff",
        "\ufeff",
        "'",
        "/",
        "<",
        "&",
        "toJSON",
    ),
)

KEYS = (
    *(
        "a",
        "b",
        "c",
        "id",
        "name",
        "",
        "__proto__",
        "constructor",
        "toString",
        "hasOwnProperty",
        "length",
        "toJSON",
    ),
    *("0", "1", "2", "10", "-1", "01", "00", "1.5", "2147483647", "2147483648", "4294967294", "4294967295"),
    *(
        "9007199254740991",
        "1e3",
        "Infinity",
        "NaN",
        "é",
        "\u20ac",
        "\U0001f600",
        "a b",
        "then",
        "messageId",
        "prototype",
    ),
)


class Texts:
    """Equal seeds write equal texts. *spaced* is how likely an object or array has white space in it."""

    def __init__(self, seed: int, *, spaced: float = 0.2) -> None:
        self.random = random.Random(seed)
        self._spaced = spaced

    def choose(self, *options: str) -> str:
        return self.random.choice(options)

    def string(self) -> str:
        pieces = PLAIN if self.random.random() < 0.5 else PLAIN + ESCAPES
        return '"' + "".join(self.random.choices(pieces, k=self.random.randrange(5))) + '"'

    def key(self) -> str:
        """A member's name in quotes, a letter of it sometimes escaped."""
        if self.random.random() < 0.15:
            return self.string()
        name = self.random.choice(KEYS)
        if name.isalnum() and name.isascii() and self.random.random() < 0.1:
            at = self.random.randrange(len(name))
            return f'"{name[:at]}\\u{ord(name[at]):04x}{name[at + 1 :]}"'
        return json.dumps(name, ensure_ascii=self.random.random() < 0.3)

    def number(self) -> str:
        source = self.random
        kind = source.randrange(6)
        if kind < 2:
            return source.choice(NUMBERS)
        if kind == 2:
            return str(source.randint(-(10 ** source.randint(1, 18)), 10 ** source.randint(1, 18)))
        if kind == 3:
            return f"{source.randint(0, 10**6)}.{source.randint(0, 10 ** source.randint(1, 9))}"
        if kind == 4:
            return repr(source.uniform(-1, 1) * 10.0 ** source.randint(-25, 25))
        return str(source.randint(-100, 1000))

    def scalar(self) -> str:
        kind = self.random.randrange(8)
        if kind < 3:
            return self.number()
        return self.string() if kind < 6 else self.choose("true", "false", "null")

    def value(self, depth: int = 4) -> str:
        kind = self.random.randrange(5) if depth else 0
        if kind < 2:
            return self.scalar()
        if kind == 2:
            return self.array([self.value(depth - 1) for _ in range(self.random.randrange(5))])
        return self.object([(self.key(), self.value(depth - 1)) for _ in range(self.random.randrange(6))])

    def array(self, elements: list[str]) -> str:
        before, after = self._spaces()
        return f"[{before}" + f"{after},{before}".join(elements) + f"{after}]"

    def object(self, members: list[tuple[str, str]]) -> str:
        before, after = self._spaces()
        body = f"{after},{before}".join(f"{key}{after}:{before}{value}" for key, value in members)
        return f"{{{before}{body}{after}}}"

    def event(self, *, name: str = "track", depth: int = 4) -> str:
        """Text of an event of type *name*, whatever else is in it."""
        members = []
        for _ in range(self.random.randrange(8)):
            key = self.key()
            if json.loads(key) != "type":
                members.append((key, self.value(depth)))
        members.insert(self.random.randint(0, len(members)), ('"type"', f'"{name}"'))
        before, after = self._spaces()
        return before + self.object(members) + after

    def damaged(self, text: bytes) -> bytes:
        """*text* with one to three bytes lost, doubled, put in or replaced."""
        content = bytearray(text)
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(content) + 1)
            byte = self.random.choice(b'{}[]",:\\u0e-. \x00\xc3\xa9\xed\xa0\x80x')
            how = self.random.randrange(5)
            if how == 0:
                del content[at : at + 1]
            elif how == 1:
                content.insert(at, byte)
            elif how == 2:
                content[at : at + 1] = bytes([byte])
            elif how == 3:
                content[at:at] = content[at : at + 4]
            elif self.random.random() < 0.3:
                del content[at:]
        return bytes(content)

    def _spaces(self) -> tuple[str, str]:
        if self.random.random() >= self._spaced:
            return "", ""
        return self.random.choice(SPACES), self.random.choice(SPACES)
