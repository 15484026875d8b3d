"""How fast history is gone through: four weeks of a simulated shop, `recwatch init` and `recwatch backtest`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.dataset as ds

from monitor.simulator.log import LogWriter
from monitor.simulator.scenarios import QUIET
from monitor.simulator.simulation import Simulation
from tests.bench.process import Run, last_line, run

REQUESTS_PER_HOUR = 1_500  # lists of ten: ten million rows in 28 days


@dataclass(frozen=True)
class History:
    """What it took to go through a log.

    Parameters
    ----------
    cpu_seconds : float
        Of all processes together; over `seconds`, that many cores were used.
    """

    rows: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def rows_per_core_second(self) -> float:
        return self.rows / self.cpu_seconds


class BacktestFailed(Exception):
    """A command ended with an error; says which and what it printed."""


def measure(
    recwatch: Path, cache: Path, work: Path, requests_per_hour: float = REQUESTS_PER_HOUR, days: int = 28
) -> History:
    """Simulate the log unless it is in the cache, write a configuration, go through it.

    Raises
    ------
    BacktestFailed
    """
    simulated = _simulated(cache, requests_per_hour, days)
    config = work / "backtest.yaml"
    options = ["--catalog", str(simulated / "catalog.parquet"), "--force", "-o", str(config)]
    _checked(run([str(recwatch), "init", str(simulated / "log"), *options], work), "init")
    done = run([str(recwatch), "backtest", str(config), "-o", str(work / "backtest.json")], work)
    _checked(done, "backtest")
    rows = ds.dataset(simulated / "log", partitioning=None).count_rows()
    return History(rows, done.seconds, done.cpu_seconds, done.peak_bytes)


def _checked(done: Run, command: str) -> None:
    if done.exit_code:
        raise BacktestFailed(f"{command} ended with {done.exit_code}: {last_line(done.output)}")


def _simulated(cache: Path, requests_per_hour: float, days: int) -> Path:
    """The folder of the log; it is there when it is complete."""
    folder = cache / f"quiet-{requests_per_hour:g}-{days}-days"
    if not folder.exists():
        print(f"writing {folder} ...", flush=True)
        half_written = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(half_written, ignore_errors=True)
        shop = replace(QUIET.shop, requests_per_hour=requests_per_hour)
        for _ in LogWriter(Simulation(replace(QUIET, shop=shop, days=days), 1)).write(half_written):
            pass
        half_written.rename(folder)
    return folder
