"""Parts of a catalogue beside the ids: from columns as a file has them to arrays, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.catalog import UNKNOWN_TIME, Labels
from monitor.engine.codes import codes_of, unify
from monitor.logs.columns import Kind, is_list, is_nested
from monitor.logs.quarantine import Quarantine

PART_KINDS = {
    "category": Kind.ID,
    "family": Kind.ID,
    "provider": Kind.ID,
    "created_at": Kind.TIME,
    "blocked": Kind.FLAG,
    "out_of_stock": Kind.FLAG,
    "value": Kind.NUMBER,
}
FIELDS = {"created_at": "created_us"}  # of `Catalog`, where it is not the part's own name
MEANT = {Kind.FLAG: "yes or no", Kind.TIME: "times", Kind.NUMBER: "numbers"}
INSTEAD: dict[Kind, Any] = {Kind.FLAG: False, Kind.TIME: UNKNOWN_TIME, Kind.NUMBER: float("nan")}
SECOND = 1_000_000
ALL = 2**62
DAYS_AS_NUMBERS = (19_000_101, 21_001_231)  # 20260302 is a day: as seconds it would be in the summer of 1970


class Rejected(Quarantine):
    """What could not be read, and how many values of each column were not what it is meant to hold."""

    def __init__(self) -> None:
        super().__init__()
        self._lost: dict[str, int] = {}

    def note(self, path: str, reason: str, n: int = 0) -> None:
        name = reason.partition(":")[0]
        self._lost[name] = self._lost.get(name, 0) + (n or ALL)

    def lost(self, name: str) -> int:
        """Values of a column that are null now and were not."""
        return self._lost.get(name, 0)


def unusable(path: str, kind: pa.DataType | None) -> str | None:
    """Why a column of this type is no part of a catalogue; None when it may be."""
    if kind is None:
        return f'the catalogue has no column "{path}"'
    if is_list(kind) or is_nested(kind):
        return f'column "{path}" of the catalogue holds {"lists" if is_list(kind) else "records"}'
    return None


def made(
    part: str, path: str, values: pa.ChunkedArray, lost: int, at: NDArray[np.int64]
) -> tuple[dict[str, Any], str | None, str | None]:
    """A part for the items in order, by field of `Catalog`; why it is not there; a remark.

    Parameters
    ----------
    values : ChunkedArray
        One for each row of the file, null where it has none.
    lost : int
        How many of them could not be read as what the part is.
    at : array of int64, shape (items,)
        The row of each item.
    """
    kind = PART_KINDS[part]
    field = FIELDS.get(part, part)
    if kind is Kind.ID:
        labels = unify([codes_of(chunk) for chunk in values.chunks])
        if (labels.codes < 0).all():
            return {}, f'column "{path}" of the catalogue is empty', None
        return {field: Labels(labels.codes[at].astype(np.int32), labels.names)}, None, None
    good = len(values) - values.null_count
    if lost > good:
        return {}, f'column "{path}" of the catalogue does not hold {MEANT[kind]}', None
    if not good:
        return {}, f'column "{path}" of the catalogue is empty', None
    instead = INSTEAD[kind]
    filled = values.fill_null(pa.scalar(instead, values.type)) if values.null_count else values
    array = np.asarray(filled.to_numpy())[at]
    remark = f'{lost:,} values of column "{path}" are not {MEANT[kind]} and count as none' if lost else None
    return {field: _days_as_times(array) if kind is Kind.TIME else array}, None, remark


def _days_as_times(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Times in microseconds, where days that were written as numbers had been taken for seconds."""
    number = times // SECOND
    days = np.flatnonzero((number >= DAYS_AS_NUMBERS[0]) & (number <= DAYS_AS_NUMBERS[1]))
    if not len(days):
        return times
    year, month, day = number[days] // 10_000, number[days] // 100 % 100, number[days] % 100
    real = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = ((year - 1970) * 12 + month - 1)[real].astype("datetime64[M]")
    out = times.copy()
    out[days[real]] = months.astype("datetime64[us]").astype(np.int64) + (day[real] - 1) * 86_400 * SECOND
    return out
