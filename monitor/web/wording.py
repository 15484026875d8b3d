"""Numbers, times and values as people read them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup, escape

from monitor.exposition.labels import printable

NBSP = "\u00a0"  # a number and its unit stay on one line
UNKNOWN = "–"
LONGEST_VALUE = 120


def number(value: float | None) -> str:
    """Whole numbers whole, others with three significant digits.

    >>> number(1523.0), number(812.5), number(0.03141), number(None)
    ('1,523', '812', '0.0314', '–')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    return f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share of 1 as a percentage; never rounded to all or nothing.

    >>> [percent(x).replace(NBSP, " ") for x in (0.9694, 0.031, 0.9996, 0.00004, 0, 1)]
    ['96.9 %', '3.1 %', '99.96 %', '0.004 %', '0 %', '100 %']
    """
    if share is None or not math.isfinite(share):
        return number(share)
    value = 100 * share
    for digits in (1, 2, 3):
        text = f"{value:.{digits}f}"
        if value in (0, 100) or float(text) not in (0, 100):
            break
    return text.rstrip("0").rstrip(".") + NBSP + "%"


def size(count: float) -> str:
    """Bytes in the unit that fits.

    >>> size(1_843_200).replace(NBSP, " "), size(12).replace(NBSP, " ")
    ('1.8 MB', '12 B')
    """
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f}{NBSP}{unit}"
    return f"{count:.0f}{NBSP}B"


def span(duration: timedelta) -> str:
    """A duration in its two largest units.

    >>> span(timedelta(hours=2, minutes=10, seconds=5)).replace(NBSP, " "), span(timedelta(days=18))
    ('2 h 10 min', '18\\xa0d')
    """
    seconds = max(0, round(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds}{NBSP}s"
    units = (("d", 86400), ("h", 3600), ("min", 60))
    at = next(i for i, (_, length) in enumerate(units) if seconds >= length)
    parts = []
    for unit, length in units[at : at + 2]:
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count}{NBSP}{unit}")
    return NBSP.join(parts)


def moment(at: datetime) -> str:
    """A moment to the minute.

    >>> moment(datetime(2026, 3, 14, 5, tzinfo=UTC)).replace(NBSP, " ")
    '2026-03-14 05:00 UTC'
    """
    return at.astimezone(UTC).strftime(f"%Y-%m-%d %H:%M{NBSP}UTC")


def stamp(at: datetime) -> str:
    """A moment in an address.

    >>> stamp(datetime(2026, 3, 14, 5, tzinfo=UTC))
    '2026-03-14T05:00:00Z'
    """
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def period(start: datetime, end: datetime) -> str:
    """A window; the day is said once where one is enough.

    >>> period(datetime(2026, 3, 14, 5, tzinfo=UTC), datetime(2026, 3, 14, 6, tzinfo=UTC)).replace(NBSP, " ")
    '2026-03-14 05:00–06:00 UTC'
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M}–{until}{NBSP}UTC"


def quantity(value: float | None, unit: str) -> str:
    """A measured value in its unit.

    >>> quantity(0.5, "ratio").replace(NBSP, " "), quantity(1571, "requests"), quantity(90, "seconds")
    ('50 %', '1,571', '1\\xa0min')
    """
    if value is None or not math.isfinite(value):
        return number(value)
    if unit == "ratio":
        return percent(value)
    if unit == "bytes":
        return size(value)
    return span(timedelta(seconds=value)) if unit == "seconds" and value >= 1 else number(value)


def band(low: float, high: float, unit: str) -> str:
    """What is expected of a value.

    >>> band(0, 0.09, "ratio").replace(NBSP, " "), band(640, float("nan"), ""), band(float("nan"), float("inf"), "")
    ('0 % to 9 %', '640 or more', '–')

    Of durations nothing is below zero, though the spread may reach there:

    >>> band(-1096, 1680, "seconds").replace(NBSP, " ")
    'at most 28 min'
    """
    if unit == "seconds" and low < 0:
        low = math.nan
    has_low, has_high = math.isfinite(low), math.isfinite(high)
    if has_low and has_high:
        return f"{quantity(low, unit)} to {quantity(high, unit)}"
    if has_low:
        return f"{quantity(low, unit)} or more"
    return f"at most {quantity(high, unit)}" if has_high else UNKNOWN


def short(value: Any) -> str:
    """Any value from a log or an evidence on one line of bounded length."""
    return printable(value if isinstance(value, str) else str(value), LONGEST_VALUE)


def most_first(groups: Iterable[tuple[str, Sequence[Any]]]) -> list[tuple[str, Sequence[Any]]]:
    """Groups by their size, of one size as they came.

    >>> most_first([("a", [1]), ("b", [1, 2]), ("c", [1])])
    [('b', [1, 2]), ('a', [1]), ('c', [1])]
    """
    return sorted(groups, key=lambda group: -len(group[1]))


def breakable(name: str) -> Markup:
    """A long name, or a slice, that may break after its punctuation.

    >>> breakable("same_item.share"), breakable("country=DE,surface=email")
    (Markup('same_<wbr>item.<wbr>share'), Markup('country=<wbr>DE,<wbr>surface=<wbr>email'))
    """
    return Markup(re.sub(r"([_.=,])", r"\1<wbr>", str(escape(name))))


def place(where: Mapping[str, str]) -> str:
    """Where an incident is.

    >>> place({"surface": "email", "country": "DE"}), place({})
    ('country DE, surface email', 'everywhere')
    """
    return ", ".join(f"{short(column)} {short(where[column])}" for column in sorted(where)) or "everywhere"
