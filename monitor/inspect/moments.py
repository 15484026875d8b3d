"""Lists of a log without request ids: what was logged at one moment for one user, where positions say that it is one.

Many services write the rows of an answer with one and the same time. That this is so here has to be seen: the positions
of nearly all moments count from the first place on without a gap and without one that is there twice. Two lists of one
moment, as of a page with several shelves or of a clock that knows seconds only, fail that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.inspect.content import LONGEST_LIST, no_position, times
from monitor.inspect.sample import SampleColumn

WHOLE = 0.98  # of the moments of a user
WHOLE_ALONE = 0.999  # of moments of anybody: how often two fall together grows with the traffic
LEAST_ROWS = 1.02  # of a moment, on average


@dataclass(frozen=True, eq=False)
class Lists:
    """What tells lists apart.

    Parameters
    ----------
    by : tuple of str
        Roles.
    column : SampleColumn
        One value for each list, as a column of request ids has.
    why : str
        What speaks for it.
    """

    by: tuple[str, ...]
    column: SampleColumn
    why: str


def lists_of_moments(
    when: SampleColumn, position: SampleColumn | None, user: SampleColumn | None
) -> Lists | str:
    """The lists, or why there are none to be seen.

    Parameters
    ----------
    when, position, user : SampleColumn
        One value for each row; what there is of them.
    """
    moments, kind = when.times, times(when)
    if position is None or no_position(position, None) is not None:
        return "the log has no request ids, and without positions nothing shows whether rows of one time are a list"
    if moments is None or kind is None or kind.days:
        return "the log has no request ids, and its times are whole days"
    told_by = {"timestamp": moments} | ({} if user is None else {"user": user.codes})
    code = _numbered(list(told_by.values()))
    rows = np.bincount(code)
    whose = "rows" if user is None else "rows of one user"
    if len(code) / len(rows) < LEAST_ROWS:
        return f"the log has no request ids, and hardly any {whose} have the same time"
    if rows.mean() > LONGEST_LIST:
        return (
            f"the log has no request ids, and {rows.mean():.0f} {whose} have the same time: more than a list"
        )
    whole = _whole(code, rows, position.numbers)
    if whole < (WHOLE if user is not None else WHOLE_ALONE):
        what = f"in {100 * (1 - whole):.3g} % of the moments their positions are not those of one list"
        return f"the log has no request ids, and {whose} at one time are not always one: {what}"
    why = f"no request ids, but {whose} at one time are a list: {100 * whole:.4g} % count from the first place on"
    return Lists(
        tuple(told_by), SampleColumn("", "int64", pa.array(code)), f"{why}; {rows.mean():.1f} rows each"
    )


def _numbered(columns: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """One number for each combination of values, shape (rows,)."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        _, values = np.unique(column, return_inverse=True)
        _, code = np.unique(code * (int(values.max(initial=0)) + 1) + values, return_inverse=True)
    return code.astype(np.int64)


def _whole(code: NDArray[np.int64], rows: NDArray[np.int64], position: NDArray[np.float64]) -> float:
    """Share of the moments of two rows or more that have each place once, from the first to the last."""
    order = np.lexsort((position, code))
    start = np.cumsum(rows) - rows
    expected = np.arange(len(code)) - np.repeat(start, rows) + np.nanmin(position)
    fits = np.logical_and.reduceat(position[order] == expected, start)
    return float(fits[rows > 1].mean()) if (rows > 1).any() else 0.0
