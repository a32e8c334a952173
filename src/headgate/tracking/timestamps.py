"""
Parses the timestamps that SDKs send and formats those of events (SPEC 8.6). Instants are ms since the epoch,
UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()

_MS = timedelta(milliseconds=1)

_DAY_MS = 86_400_000

EARLIEST_MS: Final = (date.min.toordinal() - _EPOCH_DAY) * _DAY_MS
LATEST_MS: Final = (date.max.toordinal() + 1 - _EPOCH_DAY) * _DAY_MS - 1
"""The range of four-digit years: 0001 to 9999."""

_FRACTION_DIGITS = 12
"""Digits of a fraction that are parsed; even a fraction of an hour needs fewer for a precision of 1 ms."""

_ANY = re.compile(
    r"""
    (?P<year>\d{4}|[+\-\u2212]\d{6})
    (?:
        -(?P<month>\d\d)(?:-(?P<day>\d\d))?  |  (?P<basic_month>\d\d)(?P<basic_day>\d\d)  |
        -?W(?P<week>\d\d)(?:-?(?P<weekday>\d))?  |
        -?(?P<ordinal>\d{3})
    )?
    (?:
        [Tt\ ]
        (?P<hour>\d\d)
        (?: :?(?P<minute>\d\d) (?: :?(?P<second>\d\d) )? )?
        (?: [.,](?P<fraction>\d+) )?
        \ ?
        (?P<zone>[Zz] | (?P<sign>[+\-\u2212])(?P<zone_hour>\d\d)(?: :?(?P<zone_minute>\d\d) )? )?
    )?
    """,
    re.VERBOSE | re.ASCII,
)


def parse(text: object) -> int | None:
    """
    The instant that *text* gives in any form of ISO 8601, rounded down to the millisecond; UTC if it has no
    offset. None if it is not a valid time or is outside the years 1 to 9999.
    """
    if not isinstance(text, str):
        return None
    # Fast path: the form that nearly all SDKs send. Events of a request often share their second.
    if len(text) == 24 and text[19] == "." and text[23] == "Z":
        second_ms, fraction = _second_ms(text[:19]), text[20:23]
        if second_ms is not None and fraction.isdecimal() and fraction.isascii():
            return second_ms + int(fraction)
    # For dates with hours, minutes and seconds, fromisoformat agrees with the standard.
    if text[10:11] in ("T", " ", "t") and text[13:14] == ":" == text[16:17]:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return _parse_any(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return _in_range((moment - _EPOCH) // _MS)
    return _parse_any(text)


@lru_cache(256)
def _second_ms(text: str) -> int | None:
    """The instant of *text* in UTC; None if it is not of the form `YYYY-MM-DDTHH:mm:ss`."""
    if not (text[10] == "T" and text[13] == ":" == text[16]):
        return None
    try:
        return (datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH) // _MS
    except ValueError:
        return None


def _in_range(ms: int) -> int | None:
    return ms if EARLIEST_MS <= ms <= LATEST_MS else None


def _parse_any(text: str) -> int | None:
    """
    Handles the forms that fromisoformat does not support or reads differently: ordinal days, omitted parts,
    fractions of hours and minutes, 24:00, leap seconds, signed years, lower case.
    """
    match = _ANY.fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    try:
        day = _day(part)
    except ValueError:
        return None
    hour, minute, second = (int(part[name] or 0) for name in ("hour", "minute", "second"))
    if hour > 24 or minute > 59 or second > 60:
        return None
    ms = ((hour * 60 + minute) * 60 + second) * 1000
    if part["fraction"]:
        unit = 1000 if part["second"] else 60_000 if part["minute"] else 3_600_000
        digits = part["fraction"][:_FRACTION_DIGITS]
        ms += unit * int(digits) // 10 ** len(digits)
    if hour == 24 and ms > _DAY_MS:
        return None
    if part["sign"]:
        offset_hour, offset_minute = int(part["zone_hour"]), int(part["zone_minute"] or 0)
        if offset_hour > 23 or offset_minute > 59:
            return None
        offset = (offset_hour * 60 + offset_minute) * 60_000
        ms -= offset if part["sign"] == "+" else -offset
    return _in_range((day - _EPOCH_DAY) * _DAY_MS + ms)


def _day(part: dict[str, str | None]) -> int:
    """The proleptic Gregorian ordinal of the day. Raises ValueError if the day does not exist."""
    year = int((part["year"] or "").replace("\u2212", "-"))
    if part["week"]:
        return date.fromisocalendar(year, int(part["week"]), int(part["weekday"] or 1)).toordinal()
    if part["ordinal"]:
        first, number = date(year, 1, 1).toordinal(), int(part["ordinal"])
        last = date(year, 12, 31).toordinal()
        if not 1 <= number <= last - first + 1:
            raise ValueError(number)
        return first + number - 1
    month, day = part["month"] or part["basic_month"], part["day"] or part["basic_day"]
    return date(year, int(month or 1), int(day or 1)).toordinal()


def format_ms(ms: int) -> str:
    """`YYYY-MM-DDTHH:mm:ss.sssZ`. *ms* lies between EARLIEST_MS and LATEST_MS."""
    seconds, rest = divmod(ms, 1000)
    return f"{_to_the_second(seconds)}.{rest:03}Z"


@lru_cache(256)
def _to_the_second(seconds: int) -> str:
    # strftime does not pad the year to four digits on every platform.
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
