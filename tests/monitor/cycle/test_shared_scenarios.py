"""Four weeks of a simulated shop: nobody is paged in healthy ones; trouble is found at once, where and what it is."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from detectors.core.verdict import Severity
from monitor.config.models import CatalogConfig, Columns, LogConfig, RecommenderConfig
from monitor.cycle import backtest
from monitor.incidents.incident import Incident
from monitor.logs import PredictionLog
from monitor.simulator.scenarios import SCENARIOS
from monitor.windows import Window, windows_between
from tests.incident_bench.scorer import Held, score
from tests.incident_bench.story import simulate

# A simulator that nobody here wrote is the better judge; where it is not at hand, there is the project's own.
SIMULATOR = Path(__file__).parents[3].parent / "shared" / "incidents"
SEED, REQUESTS_PER_HOUR = 1, 300
HOUR = timedelta(hours=1)


def simulated(name: str, folder: Path) -> tuple[RecommenderConfig, dict[str, Any]]:
    """A recommender whose log is that of a scenario, and what happens in it."""
    program = SIMULATOR / "simulate.py"
    if program.exists():
        scenario = SIMULATOR / f"scenario_{name}.json"
        arguments = ["--scenario", scenario, "--seed", SEED, "--requests-per-hour", REQUESTS_PER_HOUR]
        subprocess.run(
            [sys.executable, program, folder, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL
        )
    else:
        simulate(SCENARIOS[name], SEED, REQUESTS_PER_HOUR, folder)
    columns = Columns(
        timestamp="timestamp", item="item_id", request="request_id", user="user_id", position="position",
        score="score", click="clicked", model_version="model_version",
    )  # fmt: skip
    log = LogConfig(path=str(folder / "log"), partitions="date=%Y-%m-%d/hour=%H", columns=columns)
    catalog = CatalogConfig(path=str(folder / "catalog.parquet"))
    recommender = RecommenderConfig(name="shop", log=log, catalog=catalog, slices=("country", "surface"))
    return recommender, json.loads((folder / "labels.json").read_text(encoding="utf-8"))


def told(recommender: RecommenderConfig) -> list[Incident]:
    """Every incident of the log, as it was last told."""
    span = PredictionLog(recommender.log).span()
    assert span is not None
    first, last = Window.containing(span[0], HOUR).start, Window.containing(span[1], HOUR).end
    found: dict[str, Incident] = {}
    for evaluation in backtest(recommender, list(windows_between(first, last, HOUR))):
        assert evaluation.failures == {}
        found.update({i.id: i for i in evaluation.open_incidents})
    return list(found.values())


def test_healthy_weeks_with_sales_rollouts_and_holidays_page_nobody(tmp_path: Path) -> None:
    recommender, _ = simulated("quiet", tmp_path)
    assert [i.summary for i in told(recommender) if i.severity is Severity.PAGE] == []


def test_what_a_monitor_must_find_first_is_found_at_once_with_place_and_culprit(tmp_path: Path) -> None:
    recommender, labels = simulated("incidents", tmp_path)
    incidents = told(recommender)
    scored = score(labels, [i.to_json() for i in incidents])
    assert scored.false_pages == 0
    wanted = [held for held in scored.held if held.kind in ("same_item", "log_stops")]
    assert len(wanted) == 3
    for held in wanted:
        assert held.hours is not None, held
        assert held.hours * HOUR <= HOUR + recommender.window.settle + timedelta(minutes=15), held
        assert (held.in_time, held.right_detector, held.right_place) == (True, True, True), held
        assert held.right_item is (None if held.kind == "log_stops" else True), held
        assert pages_within(incidents, held) == 1, held
        assert held.extra_pages == 0, held


def pages_within(incidents: list[Incident], held: Held) -> int:
    """Pages that opened at the trouble's start."""
    return sum(
        i.severity is Severity.PAGE and held.start <= i.onset_at < held.start + 3 * HOUR for i in incidents
    )
