"""`libphonenumberjslib.libphonenumberjs`: a function, and a namespace."""

from __future__ import annotations

from tests.libraries.harness import value


def test_numbers_are_parsed_and_formatted() -> None:
    code = """
        const lib = libphonenumberjslib.libphonenumberjs
        const number = lib('8 (800) 555-35-35', 'RU')
        return [
          number.country, number.number, number.isValid(), number.formatInternational(), number.formatNational(),
          number.getURI(), new lib.AsYouType('US').input('2133734253'), lib.getCountryCallingCode('DE'),
          lib.isValidPhoneNumber('12', 'US'), lib.parsePhoneNumber('+12133734253').format('RFC3966'),
          lib.findPhoneNumbersInText('call +1 213 373 4253!', 'US').map((found) => [found.startsAt, found.endsAt]),
        ]
        """

    assert value(code) == [
        "RU",
        "+78005553535",
        True,
        "+7 800 555 35 35",
        "8 (800) 555-35-35",
        "tel:+78005553535",
        "(213) 373-4253",
        "49",
        False,
        "tel:+12133734253",
        [[5, 20]],
    ]
