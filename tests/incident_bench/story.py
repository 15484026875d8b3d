"""One simulated log: written, looked at by `recwatch init`, gone through by `recwatch backtest`, scored."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from monitor.simulator.log import LogWriter
from monitor.simulator.scenario import Scenario
from monitor.simulator.simulation import Simulation
from tests.incident_bench.scorer import Score, score

RECWATCH = Path(sys.executable).with_name("recwatch")


@dataclass(frozen=True)
class Story:
    """What came of one log.

    Parameters
    ----------
    rows : int
        Rows of the log; 0 when it was there already.
    seconds : float
        Of `recwatch backtest`.
    """

    name: str
    score: Score
    rows: int
    seconds: float


class RecwatchFailed(Exception):
    """A command of recwatch ended with an error; says which and what it printed."""


def simulate(scenario: Scenario, seed: int, requests_per_hour: float, folder: Path) -> int:
    """Write the log of a scenario; returns its rows."""
    shop = replace(scenario.shop, requests_per_hour=requests_per_hour)
    return sum(LogWriter(Simulation(replace(scenario, shop=shop), seed)).write(folder))


def judge(name: str, simulated: Path, folder: Path, rows: int = 0) -> Story:
    """Let recwatch go through a simulated log with what `init` writes, and score it.

    Parameters
    ----------
    simulated : Path
        A folder with `log`, `labels.json` and perhaps `catalog.parquet`.
    folder : Path
        Where configuration, incidents and output go.

    Raises
    ------
    RecwatchFailed
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, incidents = folder / "recwatch.yaml", folder / "incidents.json"
    catalog = simulated / "catalog.parquet"
    options = ["--catalog", str(catalog)] if catalog.exists() else []
    _recwatch(folder, "init", str(simulated / "log"), *options, "-o", str(config))
    begin = time.perf_counter()
    _recwatch(folder, "backtest", str(config), "-o", str(incidents))
    seconds = time.perf_counter() - begin
    labels = json.loads((simulated / "labels.json").read_text(encoding="utf-8"))
    return Story(name, score(labels, json.loads(incidents.read_text(encoding="utf-8"))), rows, seconds)


def _recwatch(folder: Path, command: str, *arguments: str) -> None:
    output = folder / f"{command}.txt"
    with output.open("w", encoding="utf-8") as file:
        done = subprocess.run(
            [str(RECWATCH), command, *arguments], stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        said = output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RecwatchFailed(
            f"recwatch {command} ended with {done.returncode}: {said[-1] if said else 'no output'}"
        )
