"""What the values of a column say of the part that it can play."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitor.config.problems import shown
from monitor.inspect.sample import SampleColumn
from monitor.logs.log import PLAUSIBLE

DAY_US = 86_400_000_000
TOGETHER_US = 10_000_000  # rows of one request are logged within seconds
LONGEST_LIST = 1000
TRIED = 200  # texts that are tried before all of a column is read as times


@dataclass(frozen=True)
class Times:
    """What kind of times a column holds.

    Parameters
    ----------
    unit : str
        As `log.timestamp_unit` wants it.
    native : bool
        A timestamp by type, not text or a number.
    days : bool
        All of them are midnights.
    """

    unit: str
    native: bool
    number: bool
    days: bool
    text: str


def times(column: SampleColumn) -> Times | None:
    """How a column holds times, None when it does not."""
    native = column.type.startswith(("timestamp", "date"))
    texts = not native and not _is_number(column)
    if column.type == "bool" or column.filled < 0.5:
        return None
    if texts:
        tried = [name for name in column.names[:TRIED] if name is not None]
        likely = sum(bool(re.match(r"\s*[-+]?\d{4,}", name)) for name in tried)
        if not tried or likely < 0.9 * len(tried):
            return None
    found = column.times
    if found is None:
        return None
    there = found[column.codes >= 0]
    plausible = (there >= PLAUSIBLE[0]) & (there < PLAUSIBLE[1])
    if not len(there) or plausible.mean() < 0.99:
        return None
    number = _is_number(column) or (
        texts and all(re.fullmatch(r"\d+(\.\d+)?", n.strip()) for n in column.names[:TRIED])
    )
    unit = _unit(column) if number else "auto"
    days = bool((there[plausible] % DAY_US == 0).all())
    if number:
        text = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[
            unit
        ] + " since 1970"
    else:
        text = "date and time" if native else "text with date and time"
    return Times(unit, native, number, days, text)


def _is_number(column: SampleColumn) -> bool:
    return bool(re.match(r"u?int\d|float|double|halffloat|decimal", column.value_type))


def _unit(column: SampleColumn) -> str:
    size = float(np.nanmedian(np.abs(column.numbers)))
    return next((unit for unit, limit in (("s", 1e11), ("ms", 1e14), ("us", 1e17)) if size < limit), "ns")


def is_id(column: SampleColumn) -> bool:
    """Whether values can name something: texts and integers that are no times."""
    if re.match(r"timestamp|date|float|double|halffloat|decimal|bool", column.value_type):
        return False
    return column.filled >= 0.02


def share_known(column: SampleColumn, catalog: Collection[str]) -> float:
    """Share of a column's values that are ids of the catalogue."""
    if not catalog:
        return 0.0
    known = np.array([name in catalog for name in column.names], bool)
    return float(column.counts[known].sum() / max(1, column.counts.sum()))


def no_request(column: SampleColumn, when: SampleColumn) -> str | None:
    """Why equal values do not make a list, in the long layout."""
    if not is_id(column):
        return "holds no ids"
    rows, requests = len(column.codes), column.distinct
    if requests < 2:
        return "is the same in all rows"
    if rows / requests < 1.02:
        return "has a row each, so it makes no lists"
    if rows / requests > LONGEST_LIST:
        return f"has {rows / requests:.0f} rows each, more than a list"
    found = when.times
    if found is None:
        return None
    span = _spans(column, found)
    if (span <= TOGETHER_US).mean() < 0.9:
        return "has rows that lie far apart in time, as those of a session or a user do"
    return None


def not_unique(column: SampleColumn) -> str | None:
    """Why a column is no id of requests in the list layout, where one row is one request."""
    if not is_id(column):
        return "holds no ids"
    repeated = 1 - column.distinct / max(1, column.counts.sum())
    return f"is the same in several rows ({100 * repeated:.0f} %)" if repeated > 0.3 else None


def _spans(column: SampleColumn, moments: NDArray[np.int64]) -> NDArray[np.int64]:
    """Microseconds from the first to the last row of each value."""
    there = column.codes >= 0
    order = np.argsort(column.codes[there], kind="stable")
    codes, at = column.codes[there][order], moments[there][order]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    if not len(starts):
        return np.zeros(0, np.int64)
    return np.maximum.reduceat(at, starts) - np.minimum.reduceat(at, starts)


def constant_within(column: SampleColumn, groups: SampleColumn) -> float:
    """Share of groups of two or more rows in which a column has one value; 1 when there is no such group."""
    if len(column.codes) != len(groups.codes):
        return 0.0  # one of them is a list
    there = groups.codes >= 0
    order = np.argsort(groups.codes[there], kind="stable")
    codes, values = groups.codes[there][order], column.codes[there][order]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    if not len(starts):
        return 1.0
    several = np.diff(np.append(starts, len(codes))) > 1
    same = np.maximum.reduceat(values, starts) == np.minimum.reduceat(values, starts)
    return float(same[several].mean()) if several.any() else 1.0


def no_position(column: SampleColumn, request: SampleColumn | None) -> str | None:
    """Why numbers are no places of a list."""
    numbers = column.numbers[np.isfinite(column.numbers)]
    if column.filled < 0.5 or len(numbers) < 0.99 * (column.codes >= 0).sum():
        return "holds something else than numbers"
    if (numbers != np.floor(numbers)).any():
        return "holds numbers that are not whole"
    low, high = numbers.min(), np.quantile(numbers, 0.99)
    if low not in (0, 1) or high > LONGEST_LIST:
        return f"goes from {low:.0f} to {numbers.max():.0f}, not from 0 or 1"
    if request is not None and _repeats_within(column, request) > 0.2:
        return "has the same number several times in one request"
    return None


def counts_rows(column: SampleColumn, request: SampleColumn) -> bool:
    """Whether whole numbers count the rows of each request, from 0 or 1 on."""
    if not re.match(r"u?int\d", column.type) or no_position(column, request) is not None:
        return False
    lists = np.bincount(request.codes[request.codes >= 0])
    top = np.zeros(len(lists))
    np.maximum.at(top, request.codes[request.codes >= 0], column.numbers[request.codes >= 0])
    base = np.nanmin(column.numbers)
    long_enough = lists > 1
    return bool(long_enough.any() and (top - base + 1 == lists)[long_enough].mean() >= 0.9)


def _repeats_within(column: SampleColumn, request: SampleColumn) -> float:
    """Share of rows whose request has had the same value before."""
    there = (request.codes >= 0) & (column.codes >= 0)
    pairs = request.codes[there] * np.int64(len(column.names) + 1) + column.codes[there]
    return float((np.diff(np.sort(pairs)) == 0).sum() / max(1, len(pairs)))


def no_score(column: SampleColumn) -> str | None:
    if "bool" in column.value_type:
        return "is true or false, not a number"
    # NaN is a value that a score may have; a text is none.
    if "string" in column.value_type and np.isnan(column.numbers).mean() > 0.5:
        return "holds something else than numbers"
    if column.type.startswith(("timestamp", "date")):
        return "holds times"
    return None


def order_of(score: SampleColumn, request: SampleColumn | None, position: SampleColumn | None) -> str:
    """How far a score orders the lists, for the comment beside it."""
    if score.listed:
        lengths, _ = score.parts
        group = np.repeat(np.arange(len(lengths)), lengths)
        place = np.arange(len(group), dtype=float)
    elif request is not None and position is not None:
        group, place = request.codes, position.numbers
    else:
        return value_range(score)
    order = np.lexsort((place, group))
    value, same = score.numbers[order], np.diff(group[order]) == 0
    falls = np.diff(value)[same] <= 0
    share = (
        f"falls with the position in {100 * falls.mean():.0f} % of neighbours"
        if len(falls)
        else "one row each"
    )
    return f"{value_range(score)}; {share}"


def no_click(column: SampleColumn) -> str | None:
    values = [name for name in column.names if name is not None]
    flags = column.flags
    if column.type.startswith(("timestamp", "date")):
        return "holds times"
    if column.distinct > 2 or flags.null_count > (column.codes < 0).sum():
        return f"holds more than true and false ({', '.join(map(shown, values[:3]))})"
    return None


def rows_each(column: SampleColumn) -> str:
    return f"{(column.codes >= 0).sum() / max(1, column.distinct):.1f} rows each"


def distinct(column: SampleColumn) -> str:
    """`8,000 different values in the sample`."""
    return f"{column.distinct:,} different values in the sample"


def value_range(column: SampleColumn) -> str:
    numbers = column.numbers[np.isfinite(column.numbers)]
    if not len(numbers):
        return "no finite value in the sample"
    return f"{numbers.min():.4g} to {numbers.max():.4g}"


def share_true(column: SampleColumn) -> str:
    mean = pc.mean(column.flags.cast("int8")).as_py() or 0.0
    return f"true in {100 * mean:.2g} % of the sample's rows"


def examples(column: SampleColumn) -> str:
    order = np.argsort(-column.counts)[:3]
    more = f" and {column.distinct - 3} more" if column.distinct > 3 else ""
    return ", ".join(shown(column.names[i], 30) for i in order if column.counts[i]) + more
