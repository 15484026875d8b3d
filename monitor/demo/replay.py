"""Replays the embedded week of a real log hour by hour; from a stated hour on, every row shows one item.

The week comes again and again, moved in time, so that a demonstration left running does not end in a stopped
log.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.windows import Window

DATA = Path(__file__).parent / "data"
LOG = DATA / "open_bandit_bts_all.parquet"
CATALOG = DATA / "open_bandit_items_all.parquet"
PARTITIONS = "date=%Y-%m-%d/hour=%H"
FIRST_HOUR = datetime(2019, 11, 24, tzinfo=UTC)
STUCK_ITEM = "54"  # of all 80 items the one shown least in the healthy week
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)


def hours(
    break_at: datetime | None = None,
    *,
    first: datetime = FIRST_HOUR,
    stuck_item: str = STUCK_ITEM,
    weeks: int | None = 1,
) -> Iterator[tuple[Window, pa.Table]]:
    """The log hour by hour, in order; an hour without rows is an empty table.

    Parameters
    ----------
    break_at : datetime, optional
        From here on the recommender is stuck: every row shows `stuck_item`. Never, if omitted.
    first : datetime
        Start of the first hour, a full hour; the real week began on 24 November 2019.
    weeks : int, optional
        How often the week is told; None goes on for ever.

    Raises
    ------
    ValueError
        When `first` is not a full hour.
    """
    if first != Window.containing(first, HOUR).start:
        raise ValueError(f"first must be a full hour, not {first.isoformat()}")
    week = pq.read_table(LOG)
    number = _microseconds(week["timestamp"]) // (HOUR // timedelta(microseconds=1))
    number -= number[0]
    bounds = np.searchsorted(number, np.arange(WEEK // HOUR + 1))
    for round_ in count() if weeks is None else range(weeks):
        for hour in range(WEEK // HOUR):
            start = first + round_ * WEEK + hour * HOUR
            rows = week.slice(bounds[hour], bounds[hour + 1] - bounds[hour])
            moved = _moved(rows, start - (FIRST_HOUR + hour * HOUR))
            yield Window(start, start + HOUR), _stuck(moved, break_at, stuck_item)


class Replay:
    """Writes the hours of the log into a folder as simulated time passes.

    Files lie in `date=YYYY-MM-DD/hour=HH/part-0.parquet` and appear complete, when their hour is over.

    Parameters
    ----------
    folder : Path
        Where the log is written; made when missing.
    break_at, first, stuck_item
        As for :func:`hours`.
    """

    def __init__(
        self,
        folder: Path,
        break_at: datetime | None = None,
        *,
        first: datetime = FIRST_HOUR,
        stuck_item: str = STUCK_ITEM,
    ) -> None:
        self.folder = folder
        self._hours = hours(break_at, first=first, stuck_item=stuck_item, weeks=None)
        self._next = next(self._hours)

    @property
    def written_until(self) -> datetime:
        """End of the last hour that was written; the start of the first before there is one."""
        return self._next[0].start

    def advance(self, now: datetime) -> list[Path]:
        """Write every hour that ended by `now` and is not yet written, oldest first; return the files."""
        files = []
        while self._next[0].end <= now:
            window, rows = self._next
            if rows.num_rows:
                files.append(self._write(window, rows))
            self._next = next(self._hours)
        return files

    def _write(self, window: Window, rows: pa.Table) -> Path:
        folder = self.folder / window.start.strftime(PARTITIONS)
        folder.mkdir(parents=True, exist_ok=True)
        half_written, path = folder / ".part-0.parquet.tmp", folder / "part-0.parquet"
        pq.write_table(rows, half_written, compression="zstd")
        return half_written.rename(path)


def _microseconds(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.cast(pa.int64()).to_numpy())


def _replace(rows: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), column)


def _moved(rows: pa.Table, by: timedelta) -> pa.Table:
    moved = _microseconds(rows["timestamp"]) + by // timedelta(microseconds=1)
    return _replace(rows, "timestamp", pa.array(moved).cast(rows.schema.field("timestamp").type))


def _stuck(rows: pa.Table, break_at: datetime | None, item: str) -> pa.Table:
    """Every row from `break_at` on with the same item."""
    if break_at is None:
        return rows
    from_us = (break_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    stuck = _microseconds(rows["timestamp"]) >= from_us
    items = np.where(stuck, item, rows["item_id"].to_numpy(zero_copy_only=False))
    return _replace(rows, "item_id", pa.array(items, pa.string()))
