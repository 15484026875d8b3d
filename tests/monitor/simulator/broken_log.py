"""One event of a kind in a small shop, written to files and read back, beside the same hours without it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from monitor.simulator.log import LogWriter
from monitor.simulator.scenario import EventSpec, Scenario, ShopSpec
from monitor.simulator.simulation import Simulation

SHOP = ShopSpec(items=2_000, users=1_500, slots=8, requests_per_hour=500)
START, HOURS = 30, 3
WRITTEN = range(28, 36)


@dataclass(frozen=True)
class Log:
    """A log read back: rows by request and position, and the same as arrays of one list a row."""

    rows: pa.Table
    catalog: dict[str, dict[str, Any]]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.rows[name].to_numpy(zero_copy_only=False)

    def first(self, name: str = "item_id") -> np.ndarray:
        """A column at position 1."""
        return self[name][self["position"] == 1]

    def lists(self, name: str = "item_id") -> list[tuple[Any, ...]]:
        """A column as one tuple a request."""
        starts = np.flatnonzero(self["position"] == 1)
        return [tuple(part) for part in np.split(self[name], starts[1:])]


@dataclass(frozen=True)
class Story:
    """The hours of an event, the same hours without it, and its label."""

    broken: Log
    healthy: Log
    label: dict[str, Any]


def read(folder: Path, hours: range) -> Log:
    table = ds.dataset(folder / "log", partitioning="hive").to_table()
    number = (table["date"].cast(pa.string()).to_numpy(zero_copy_only=False) == "2026-03-03") * 24
    number = number + table["hour"].cast(pa.int64()).to_numpy()
    mine = table.filter(pa.array((number >= hours.start) & (number < hours.stop))).drop_columns(
        ["date", "hour"]
    )
    mine = mine.sort_by([("timestamp", "ascending"), ("request_id", "ascending"), ("position", "ascending")])
    catalog = {row["item_id"]: row for row in pq.read_table(folder / "catalog.parquet").to_pylist()}
    return Log(mine, catalog)


def tell(folder: Path, kind: str, where: dict[str, str] | None = None, **params: Any) -> Story:
    """Simulate an event of that kind and read back what was written."""
    event = EventSpec(kind, HOURS, START, where or {}, params)
    with_it = Scenario(shop=SHOP, days=2, incidents=(event,))
    for name, scenario in (("broken", with_it), ("healthy", replace(with_it, incidents=()))):
        list(LogWriter(Simulation(scenario, seed=5)).write(folder / name, WRITTEN))
    label = json.loads((folder / "broken/labels.json").read_text())["events"][0]
    during = range(START, START + HOURS)
    return Story(read(folder / "broken", during), read(folder / "healthy", during), label)
