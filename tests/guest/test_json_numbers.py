"""Numbers in and out: twenty thousand doubles, both ways, against Python's own exact conversions."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable

from tests.guest.boundary import Boundary
from tests.guest.json_texts import NUMBERS


def js_number(value: float) -> str:
    """How JavaScript prints *value* (ECMA-262, Number::toString), from Python's equally short digits."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + power


class TestNumbers:
    """Twenty thousand doubles, both ways, against Python's own exact conversions."""

    NUMBERS = """
        const bits = (n) => new BigUint64Array(new Float64Array([n]).buffer)[0].toString(16)
        function onTrack(event) {
          return { printed: event.n.map((n) => n), texts: event.n.map(String), bits: event.n.map(bits) }
        }
        """

    @staticmethod
    def doubles(count: int) -> list[float]:
        source = random.Random(20_000)
        kinds: list[Callable[[], float]] = [
            lambda: struct.unpack("<d", source.randbytes(8))[0],
            lambda: source.uniform(-1, 1) * 10.0 ** source.randint(-30, 30),
            lambda: float(2**53 + source.randint(-2000, 2000)) * source.choice([1, -1]),
            lambda: source.randint(-(10**15), 10**15) / 10 ** source.randint(0, 9),
            lambda: source.randint(0, 10**6) / 100,
            lambda: float(source.randint(-(2**31) - 10, 2**32 + 10)),
            lambda: float(f"{source.randint(1, 10 ** source.randint(1, 17))}e{source.randint(-330, 309)}"),
            lambda: math.ldexp(source.choice([1, 1 - 2**-53, 1 + 2**-52]), source.randint(-1074, 1023)),
            lambda: source.choice([1e15, 1e21, 1e-6, 1e-7, 1e6, 1e22]) * (1 + source.randint(-8, 8) * 2**-52),
        ]
        found: list[float] = []
        while len(found) < count:
            number = source.choice(kinds)()
            if math.isfinite(number):
                found.append(number)
        return found

    @staticmethod
    def is_printed_as(number: float, text: str) -> bool:
        """
        Far from 1 the engine has a digit too many for one number in a thousand (5.0758836746312984e-116), which means
        the same double: there, what must hold is that it does.
        """
        if text == js_number(number):
            return True
        return float(text) == number and not 1e-9 < abs(number) < 1e21

    def check(self, texts: list[str]) -> None:
        """*texts* are the spellings; each is read to the nearest double and printed as the engine prints it."""
        boundary = Boundary(self.NUMBERS)
        for start in range(0, len(texts), 1000):
            part = texts[start : start + 1000]
            reply = boundary('{"type":"track","n":[' + ",".join(part) + "]}")
            wanted = [float(text) for text in part]
            value = reply.value
            assert value["bits"] == [
                f"{struct.unpack('<Q', struct.pack('<d', number))[0]:x}" for number in wanted
            ]
            printed = [text if text[-1].isdigit() else "null" for text in value["texts"]]
            assert reply.output.startswith(f'{{"printed":[{",".join(printed)}],'.encode())
            for number, text in zip(wanted, printed, strict=True):
                assert self.is_printed_as(number, text)
        boundary.close()

    def test_shortest(self) -> None:
        self.check([repr(number) for number in self.doubles(20_000)])

    def test_seventeen_digits(self) -> None:
        self.check([f"{number:.17g}" for number in self.doubles(3_000)])

    def test_more_digits_than_a_double_has(self) -> None:
        self.check([f"{number:.30e}" for number in self.doubles(3_000)])

    def test_halfway_between_two_doubles(self) -> None:
        source = random.Random(17)
        texts = []
        for _ in range(1_000):
            low = source.randint(2**52, 2**53 - 1)
            shift = source.randint(1, 200)
            texts.append(str((2 * low + 1) << shift))
            texts.append(str(((2 * low + 1) << shift) + source.choice([-1, 1])))
        self.check(texts)

    def test_spellings(self) -> None:
        self.check(
            [*NUMBERS, "1" + "0" * 400, "0." + "0" * 400 + "1", "1" * 309, "1" * 310, "0.1" + "0" * 100]
        )

    def test_untouched_numbers_print_alike(self) -> None:
        identity = Boundary("function onTrack(event) { return event }")
        numbers = self.doubles(4_000)
        text = '{"type":"track","n":[' + ",".join(map(repr, numbers)) + "]}"

        printed = (
            identity(text).output.decode().removeprefix('{"type":"track","n":[').removesuffix("]}").split(",")
        )
        for number, text in zip(numbers, printed, strict=True):
            assert self.is_printed_as(number, text)
