"""One simulated log: written, looked at by `recwatch init`, gone through by `recwatch backtest`, scored."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from monitor.simulator.log import LogWriter
from monitor.simulator.scenario import Scenario
from monitor.simulator.scenarios import scenario_named
from monitor.simulator.simulation import Simulation
from tests.incident_bench.scorer import Score, score

RECWATCH = Path(sys.executable).with_name("recwatch")


@dataclass(frozen=True)
class Task:
    """A log to be judged: one that is there, or one to be simulated.

    Parameters
    ----------
    scenario : str
        Name, or path of a file.
    requests_per_hour : float or None
        None: what the scenario says.
    simulated : Path or None
        Where the log is already.
    """

    name: str
    scenario: str = ""
    seed: int = 1
    requests_per_hour: float | None = None
    simulated: Path | None = None


@dataclass(frozen=True)
class Story:
    """What came of one log.

    Parameters
    ----------
    rows : int
        Rows of the log; 0 when it was there already.
    seconds : float
        Processor time of `recwatch backtest`, all cores together.
    """

    name: str
    score: Score
    requests_per_hour: float
    rows: int
    seconds: float


@dataclass(frozen=True)
class Untold:
    """A log that recwatch could not be led through, and why."""

    name: str
    why: str


class RecwatchFailed(Exception):
    """A command of recwatch ended with an error; says which and what it printed."""


def tell(task: Task, work: Path, *, keep: bool) -> Story | Untold:
    """Simulate if need be, judge, and clean up.

    Parameters
    ----------
    work : Path
        The log goes to `work/NAME`, what recwatch writes to `work/judged/NAME`.
    keep : bool
        Leave a simulated log where it is.

    Raises
    ------
    UserError
        When there is no such scenario.
    """
    simulated, rows = task.simulated or work / task.name, 0
    if task.simulated is None:
        scenario = scenario_named(task.scenario, task.seed)
        rows = simulate(scenario, task.seed, task.requests_per_hour, simulated)
    try:
        return judge(task.name, simulated, work / "judged" / task.name, rows)
    except RecwatchFailed as failed:
        return Untold(task.name, str(failed))
    finally:
        if task.simulated is None and not keep:
            shutil.rmtree(simulated)


def simulate(scenario: Scenario, seed: int, requests_per_hour: float | None, folder: Path) -> int:
    """Write the log of a scenario; returns its rows."""
    if requests_per_hour is not None:
        scenario = replace(scenario, shop=replace(scenario.shop, requests_per_hour=requests_per_hour))
    return sum(LogWriter(Simulation(scenario, seed)).write(folder))


def judge(name: str, simulated: Path, folder: Path, rows: int = 0) -> Story:
    """Let recwatch go through a simulated log with what `init` writes, and score it.

    Parameters
    ----------
    simulated : Path
        A folder with `log`, `labels.json` and perhaps `catalog.parquet` and `clicks`.
    folder : Path
        Where configuration, incidents and output go.

    Raises
    ------
    RecwatchFailed
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, incidents = folder / "recwatch.yaml", folder / "incidents.json"
    catalog = simulated / "catalog.parquet"
    clicks = simulated / "clicks"
    options = ["--catalog", str(catalog)] if catalog.exists() else []
    options += ["--outcomes", str(clicks)] if clicks.exists() else []
    _recwatch(folder, "init", str(simulated / "log"), *options, "--force", "-o", str(config))
    before = _used()
    _recwatch(folder, "backtest", str(config), "-o", str(incidents))
    seconds = _used() - before
    labels = json.loads((simulated / "labels.json").read_text(encoding="utf-8"))
    scored = score(labels, json.loads(incidents.read_text(encoding="utf-8")))
    return Story(name, scored, float(labels["requests_per_hour"]), rows, seconds)


def _used() -> float:
    """Processor time of all commands that this process has run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
