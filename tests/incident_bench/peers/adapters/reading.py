"""A simulated log as a table of pandas, and the seven quiet days that every peer gets as its reference."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from tests.incident_bench.peers.alarms import Alarm

HOUR = timedelta(hours=1)
REFERENCE = timedelta(days=7)
CODED = ("item_id", "country", "surface", "model_version")


@dataclass(frozen=True)
class Log:
    """The log in the long layout.

    Parameters
    ----------
    rows : DataFrame
        In order of time, with a column `hour` that counts from the start.
    start, end : datetime
    """

    rows: pd.DataFrame
    start: datetime
    end: datetime

    @property
    def first_hour(self) -> int:
        """The first that is judged: all before it is reference."""
        return REFERENCE // HOUR

    @property
    def reference(self) -> pd.DataFrame:
        return self.rows[self.rows["hour"] < self.first_hour]

    def judged(self) -> Iterator[tuple[int, datetime, pd.DataFrame]]:
        """Number, end and rows of each hour after the reference; of a silent one there are no rows."""
        edges = self.rows["hour"].searchsorted(range(self.first_hour, (self.end - self.start) // HOUR + 1))
        for i, (a, b) in enumerate(pairwise(edges)):
            number = self.first_hour + i
            yield number, self.start + (number + 1) * HOUR, self.rows.iloc[a:b]


def read(simulated: Path) -> Log:
    """The log of a folder that the simulator wrote; strings as categories."""
    labels = json.loads((simulated / "labels.json").read_text(encoding="utf-8"))
    table = ds.dataset(simulated / "log", partitioning=None).to_table()
    if "item_id" not in table.column_names:
        raise SystemExit(f"{simulated}: the peers read the long layout only")
    for name in CODED:
        if name in table.column_names:
            table = table.set_column(
                table.column_names.index(name), name, table[name].cast(pa.string()).dictionary_encode()
            )
    rows = table.sort_by("timestamp").to_pandas()
    start, end = (datetime.fromisoformat(labels[name]) for name in ("start", "end"))
    rows["hour"] = ((rows["timestamp"] - pd.Timestamp(start)) // pd.Timedelta(HOUR)).astype("int64")
    return Log(rows, start, end)


def silence(told_at: datetime) -> Alarm:
    """A job that finds no rows fails, and somebody hears of it: granted to every peer."""
    return Alarm("no rows", "traffic", told_at, text="no rows in this hour")
