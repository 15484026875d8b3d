"""Durations, sizes and days as people write them: `90s`, `1h30m`, `14d`, `8GiB`, `2026-12-24`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from monitor.config.problems import shown

MILLISECONDS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
SIZES = {
    "TiB": 2**40,
    "GiB": 2**30,
    "MiB": 2**20,
    "KiB": 2**10,
    "TB": 10**12,
    "GB": 10**9,
    "MB": 10**6,
    "kB": 10**3,
    "B": 1,
}
NUMBER = r"[0-9]{1,20}(?:\.[0-9]{1,20})?"
DURATION = re.compile("".join(f"(?:({NUMBER}){unit})?" for unit in MILLISECONDS))
SIZE = re.compile(rf"({NUMBER})\s*({'|'.join(SIZES)})")
LONGEST = timedelta(days=36_500)


def parse_duration(value: object) -> timedelta:
    """`1h30m` as a timedelta: numbers with a unit, the largest unit first, in whole milliseconds.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)

    Raises
    ------
    ValueError
        When it is something else.
    """
    if isinstance(value, timedelta):
        return value
    match = DURATION.fullmatch(str(value).strip())
    if match is None or match.lastindex is None:
        raise ValueError(
            f"{shown(value)} is not a duration; write numbers with units, such as 90s, 1h30m or 14d"
        )
    parts = zip(match.groups(), MILLISECONDS.values(), strict=True)
    milliseconds = sum(Decimal(number) * size for number, size in parts if number)
    if milliseconds != int(milliseconds):
        raise ValueError(f"{shown(value)} is finer than a millisecond; write whole milliseconds")
    if milliseconds > LONGEST / timedelta(milliseconds=1):
        raise ValueError(f"{shown(value)} is longer than a century; use a shorter time")
    return timedelta(milliseconds=int(milliseconds))


def format_duration(value: timedelta) -> str:
    """The shortest form that `parse_duration` reads back; weeks are written as days.

    >>> format_duration(timedelta(minutes=90))
    '1h30m'
    """
    rest, out = value // timedelta(milliseconds=1), ""
    for unit, size in MILLISECONDS.items():
        if unit != "w":
            count, rest = divmod(rest, size)
            out += f"{count}{unit}" if count else ""
    return out or "0s"


def parse_bytes(value: object) -> int:
    """`8GiB` as a number of bytes; a bare number is one only when it comes from code.

    >>> parse_bytes("1.5MB")
    1500000

    Raises
    ------
    ValueError
        When it is not a number with a unit.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if (match := SIZE.fullmatch(str(value).strip())) is None:
        raise ValueError(f"{shown(value)} is not a size; write a number and a unit, such as 500MB or 8GiB")
    return round(Decimal(match[1]) * SIZES[match[2]])


def format_bytes(value: int) -> str:
    """The largest unit that gives a whole number.

    >>> format_bytes(8 * 2**30)
    '8GiB'
    """
    unit = next(unit for unit, size in SIZES.items() if unit == "B" or (value and value % size == 0))
    return f"{value // SIZES[unit]}{unit}"


def parse_day(value: object) -> date:
    """`2026-12-24` as a date, and nothing else: a number of seconds is not a day.

    >>> parse_day("2026-12-24")
    datetime.date(2026, 12, 24)

    Raises
    ------
    ValueError
        When it is something else.
    """
    if isinstance(value, date):
        return value
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", str(value)):
            return date.fromisoformat(str(value))
    except ValueError:
        pass  # the form of a day, but no day: 2026-02-30
    raise ValueError(f"{shown(value)} is not a day; write year-month-day, such as 2026-12-24")


def parse_moment(value: object) -> datetime:
    """`2026-03-14T05:00Z` as a moment; without a zone it is UTC.

    >>> parse_moment("2026-03-14 06:00+01:00").isoformat()
    '2026-03-14T05:00:00+00:00'

    Raises
    ------
    ValueError
        When it is something else.
    """
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        what = "is not a time; write year-month-day, T, and hour:minute, such as 2026-03-14T05:00Z"
        raise ValueError(f"{shown(value)} {what}") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_moment(value: datetime) -> str:
    """The form that `parse_moment` reads back.

    >>> format_moment(datetime(2026, 3, 14, 5, tzinfo=UTC))
    '2026-03-14T05:00:00+00:00'
    """
    return value.isoformat()


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration, when_used="json")
]
Bytes = Annotated[int, BeforeValidator(parse_bytes), PlainSerializer(format_bytes, when_used="json")]
Day = Annotated[date, BeforeValidator(parse_day)]
Moment = Annotated[datetime, BeforeValidator(parse_moment), PlainSerializer(format_moment, when_used="json")]
