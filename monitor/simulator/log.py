"""Writes a simulation as a folder of files, hour by hour, with its catalogue and labels beside it.

::

    OUT/log/date=YYYY-MM-DD/hour=HH/part-0.parquet     the rows of the hour
                                   /late-HH.parquet    rows that came later, HH hours
    OUT/clicks/date=.../hour=HH/part-0.parquet         clicks and purchases in a log of their own, by their own hour
    OUT/catalog.parquet
    OUT/labels.json                                    what happened when and where
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from monitor.simulator.hour import Hour
from monitor.simulator.labels import write_labels
from monitor.simulator.outcomes import Outcomes
from monitor.simulator.randomness import Purpose, stream
from monitor.simulator.simulation import Simulation
from monitor.simulator.tables import Tables

PARTITIONS = "date=%Y-%m-%d/hour=%H"


@dataclass(frozen=True)
class LogFile:
    """A file of the log.

    Parameters
    ----------
    path : str
        Relative to the output folder.
    arrives : datetime
        When it would have been there.
    """

    path: str
    arrives: datetime
    table: pa.Table


class LogWriter:
    """The log of a simulation as files.

    Parameters
    ----------
    simulation : Simulation
    """

    def __init__(self, simulation: Simulation):
        self.simulation = simulation
        self.spec = simulation.scenario.log
        contextual = any(event.kind.name == "contextual" for event in simulation.plan.events)
        self.tables = Tables(simulation.shop, self.spec, contextual=contextual)
        self._hour = lru_cache(maxsize=1)(simulation.hour)  # the log and the clicks are made from the same
        self._outcomes = Outcomes(self.tables, self.spec, simulation.seed, simulation.shop.items, self._hour)

    def files(self, number: int) -> Iterator[LogFile]:
        """The files with what was recommended in one hour, late ones included, and with what was clicked in it."""
        hour = self._hour(number)
        late = self._lateness(hour)
        for delay in np.unique(late):
            rows = self.tables.log(hour.take(np.flatnonzero(late == delay)))
            if rows.num_rows:
                yield self._log_file(number, int(delay), rows)
        if self.spec.clicks == "log":
            happened = self._outcomes.during(number)
            if happened.num_rows:
                path = f"clicks/{self._time(number):{PARTITIONS}}/part-0.{self.spec.format}"
                yield LogFile(path, self._time(number + 1), happened)

    def write(self, out: Path, hours: range | None = None) -> Iterator[int]:
        """Write everything, or only some hours; yields after each hour how many rows of recommendations that was.

        Raises
        ------
        OSError
            When the folder cannot be written.
        """
        out.mkdir(parents=True, exist_ok=True)
        write_labels(out / "labels.json", self.simulation, self.tables.item_names)
        if self.spec.catalogue:
            pq.write_table(self.tables.catalogue(), out / "catalog.parquet", compression="zstd")
        for number in hours or range(self.simulation.hours):
            rows = 0
            for file in self.files(number):
                write_table(file.table, out / file.path)
                rows += file.table.num_rows if file.path.startswith("log/") else 0
            yield rows

    def _lateness(self, hour: Hour) -> np.ndarray:
        """By how many hours each request is written late."""
        if not self.spec.late_share:
            return np.zeros(len(hour), np.int64)
        rng = stream(self.simulation.seed, Purpose.ARRIVAL, hour.number)
        delay = rng.integers(1, self.spec.late_hours, len(hour), endpoint=True)
        return np.where(rng.random(len(hour)) < self.spec.late_share, delay, 0)

    def _log_file(self, number: int, delay: int, rows: pa.Table) -> LogFile:
        folder = number + delay if self.spec.partitioned_by == "arrival" else number
        name = f"late-{delay:02d}" if delay else "part-0"
        path = f"log/{self._time(folder):{PARTITIONS}}/{name}.{self.spec.format}"
        return LogFile(path, self._time(number + delay + 1), rows)

    def _time(self, number: int) -> datetime:
        return self.simulation.scenario.shop.start + timedelta(hours=number)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table in the format that the file's name ends in; it appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half_written = path.with_name(f".{path.name}.tmp")
    if path.suffix == ".parquet":
        pq.write_table(table, half_written, compression="zstd")
    elif path.suffix == ".csv":
        pyarrow.csv.write_csv(table, half_written)
    else:
        with half_written.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(_plain(row)) + "\n" for row in table.to_pylist())
    half_written.rename(path)


def _plain(value: Any) -> Any:
    """What JSON can say: times as ISO text, NaN as null."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return None if isinstance(value, float) and math.isnan(value) else value
