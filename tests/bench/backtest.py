"""How fast history is gone through: four weeks of a simulated shop, `recwatch init` and `recwatch backtest`."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.dataset as ds

from monitor.simulator.log import LogWriter
from monitor.simulator.scenarios import QUIET
from monitor.simulator.simulation import Simulation
from tests.bench.command import RECWATCH, checked
from tests.bench.figures import MB, Figure, millions
from tests.bench.process import run

ROWS_PER_CORE_SECOND = 150_000


def measure(cache: Path, work: Path, requests_per_hour: float, days: int) -> list[Figure]:
    """Simulate the log unless it is in the cache, write a configuration, go through it."""
    simulated = _simulated(cache, requests_per_hour, days)
    config = work / "backtest.yaml"
    options = ["--catalog", str(simulated / "catalog.parquet"), "--force", "-o", str(config)]
    checked(run([str(RECWATCH), "init", str(simulated / "log"), *options], work), "init")
    done = run([str(RECWATCH), "backtest", str(config), "-o", str(work / "backtest.json")], work)
    checked(done, "backtest")
    rows = ds.dataset(simulated / "log", partitioning=None).count_rows()
    name, cores = f"{days} days", f"{done.cpu_seconds / done.seconds:.1f} cores used"
    return [
        Figure(f"{name}, {millions(rows)}: backtest", done.seconds, " s", note=cores),
        Figure(
            f"{name}: backtest, rows a second of each core used",
            rows / done.cpu_seconds,
            "",
            ROWS_PER_CORE_SECOND,
            at_least=True,
        ),
        Figure(f"{name}: backtest, peak memory", done.peak_bytes / MB, " MB"),
    ]


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
