"""Every form of ISO 8601 (SPEC 8.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.tracking.timestamps import EARLIEST_MS, LATEST_MS, format_ms, parse

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ms_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-05T06:07:08.009Z", "2024-03-05T06:07:08.009Z"),
        ("2024-03-05T06:07:08Z", "2024-03-05T06:07:08.000Z"),
        ("2024-03-05T06:07Z", "2024-03-05T06:07:00.000Z"),
        ("2024-03-05T06Z", "2024-03-05T06:00:00.000Z"),
        ("2024-03-05", "2024-03-05T00:00:00.000Z"),
        ("2024-03", "2024-03-01T00:00:00.000Z"),
        ("2024", "2024-01-01T00:00:00.000Z"),
        ("20240305", "2024-03-05T00:00:00.000Z"),
        ("20240305T060708Z", "2024-03-05T06:07:08.000Z"),
        ("20240305T060708.009Z", "2024-03-05T06:07:08.009Z"),
        ("20240305T0607+0100", "2024-03-05T05:07:00.000Z"),
        ("2024-03-05 06:07:08", "2024-03-05T06:07:08.000Z"),
        ("2024-03-05t06:07:08z", "2024-03-05T06:07:08.000Z"),
        ("2024-03-05T06:07:08", "2024-03-05T06:07:08.000Z"),
        ("2024-03-05T06:07:08.009+00:00", "2024-03-05T06:07:08.009Z"),
        ("2024-03-05T06:07:08.009123+00:00", "2024-03-05T06:07:08.009Z"),
        ("2024-03-05T06:07:08.009999999Z", "2024-03-05T06:07:08.009Z"),
        ("2024-03-05T06:07:08,5Z", "2024-03-05T06:07:08.500Z"),
        ("2024-03-05T06:07.5Z", "2024-03-05T06:07:30.000Z"),
        ("2024-03-05T06,25Z", "2024-03-05T06:15:00.000Z"),
        ("2024-03-05T06.5", "2024-03-05T06:30:00.000Z"),
        ("2024-03-05T06:07:08+05:30", "2024-03-05T00:37:08.000Z"),
        ("2024-03-05T06:07:08+0530", "2024-03-05T00:37:08.000Z"),
        ("2024-03-05T06:07:08-05", "2024-03-05T11:07:08.000Z"),
        ("2024-03-05T06:07:08\u221205:00", "2024-03-05T11:07:08.000Z"),
        ("2024-03-05T06:07:08-00:00", "2024-03-05T06:07:08.000Z"),
        ("2024-03-05T24:00:00Z", "2024-03-06T00:00:00.000Z"),
        ("2024-03-05T24:00:00.000Z", "2024-03-06T00:00:00.000Z"),
        ("2024-W10-2T06:07:08.123Z", "2024-03-05T06:07:08.123Z"),
        ("+002024-03-05T06:07.123Z", "2024-03-05T06:07:07.380Z"),
        ("2024-03-05T24:00Z", "2024-03-06T00:00:00.000Z"),
        ("2024-12-31T23:59:60Z", "2025-01-01T00:00:00.000Z"),
        ("2024-W10-2", "2024-03-05T00:00:00.000Z"),
        ("2024W102", "2024-03-05T00:00:00.000Z"),
        ("2024-W10", "2024-03-04T00:00:00.000Z"),
        ("2024-W10-2T06:07:08Z", "2024-03-05T06:07:08.000Z"),
        ("2024-065", "2024-03-05T00:00:00.000Z"),
        ("2024065", "2024-03-05T00:00:00.000Z"),
        ("2024-366", "2024-12-31T00:00:00.000Z"),
        ("2024-065T06:07:08Z", "2024-03-05T06:07:08.000Z"),
        ("+002024-03-05T06:07:08Z", "2024-03-05T06:07:08.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ("2024-03-05T06:07:08." + "3" * 30_000 + "Z", "2024-03-05T06:07:08.333Z"),
        ("2024-03-05T06." + "3" * 30_000 + "Z", "2024-03-05T06:19:59.999Z"),
    ],
)
def test_read(text: str, expected: str) -> None:
    ms = parse(text)
    assert ms is not None
    assert format_ms(ms) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "now", "yesterday", "1767323045678", "2024-3-5", "24-03-05", "202403", "2024-03-05T", "T06:07:08Z"),
        *("2024-13-01", "2024-00-01", "2024-02-30", "2024-03-05T25:00:00Z", "2024-03-05T24:00:01Z", "2024-03-05T06:60:00Z"),
        *("2024-03-05T24:00:00.001Z", "2024-03-05T06:07:08.\u0661\u0662\u0663Z"),
        *("2024-03-05T06:07:61Z", "2024-W54-1", "2024-W10-8", "2024-000", "2023-366", "2024-03-05T06:07:08+24:00"),
        *("2024-03-05T06:07:08+05:", "2024-03-05X06:07:08", "2024-03-05T06:07:08Zulu", "2024-03-05T06:07:08Z\n"),
        *("Tue, 05 Mar 2024 06:07:08 GMT", "+010000-01-01T00:00:00Z", "-000001-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        *("0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00", "9999-12-31T24:00:00Z", "\u0662\u0660\u0662\u0664-01-01"),
        *(None, 5, 5.5, True, [], {}),
    ],
)  # fmt: skip
def test_unreadable(text: object) -> None:
    assert parse(text) is None


offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59)
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds it


@settings(deadline=None)
@given(moments, offsets, st.sampled_from("Tt "), st.sampled_from(("milliseconds", "microseconds", "seconds")))
def test_what_python_writes(moment: datetime, offset: int, separator: str, precision: str) -> None:
    if precision == "seconds":
        moment = moment.replace(microsecond=0)
    text = moment.astimezone(timezone(timedelta(minutes=offset))).isoformat(separator, precision)

    assert parse(text) == ms_of(moment)


@settings(deadline=None)
@given(
    moments,
    offsets,
    st.booleans(),
    st.sampled_from(("calendar", "week", "ordinal")),
    st.sampled_from(("Z", "z", "offset")),
)
def test_what_the_standard_allows(moment: datetime, offset: int, extended: bool, day: str, zone: str) -> None:
    """Dates of each kind with and without dashes, times with and without colons, offsets of each form."""
    local = moment.astimezone(timezone(timedelta(minutes=offset))) if zone == "offset" else moment
    year, week, weekday = local.isocalendar()
    dash, colon = ("-", ":") if extended else ("", "")
    date = {
        "calendar": f"{local.year:04}{dash}{local.month:02}{dash}{local.day:02}",
        "week": f"{year:04}{dash}W{week:02}{dash}{weekday}",
        "ordinal": f"{local.year:04}{dash}{local.timetuple().tm_yday:03}",
    }[day]
    time = f"{local.hour:02}{colon}{local.minute:02}{colon}{local.second:02}.{local.microsecond:06}"
    size = abs(offset)
    hours = f"{'-' if offset < 0 else '+'}{size // 60:02}{colon}{size % 60:02}"

    assert parse(f"{date}T{time}{hours if zone == 'offset' else zone}") == ms_of(moment)


@settings(deadline=None)
@given(st.integers(EARLIEST_MS, LATEST_MS))
def test_what_is_written_reads_the_same(ms: int) -> None:
    text = format_ms(ms)

    assert len(text) == 24
    assert parse(text) == ms
    assert format_ms(ms) == (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")[:-6] + "Z"


@settings(deadline=None)
@given(st.text(alphabet="0123456789-+:.,TZW \u2212", max_size=32) | st.text(max_size=40))
def test_any_text(text: str) -> None:
    ms = parse(text)
    assert ms is None or EARLIEST_MS <= ms <= LATEST_MS
