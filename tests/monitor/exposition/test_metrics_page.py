"""docs/metrics.md lists every metric that there is, and none that there is not."""

import re
import subprocess
from pathlib import Path

import pytest

from monitor.config.models import Columns, LogConfig
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.exposition.reference import document, fill, installed_measures
from monitor.exposition.state import RecommenderState
from tests.monitor.factories import (
    CATALOGUE,
    NOON,
    config,
    evaluation,
    finding,
    findings,
    incident,
    stuck_evaluation,
)

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_is_what_the_code_says() -> None:
    page = PAGE.read_text("utf-8")
    assert page == fill(page, document(installed_measures())), "run: python -m monitor.exposition.reference"


def test_everything_exported_is_documented_and_everything_documented_is_exported() -> None:
    health = Health("1.2.3")
    health.tick(NOON)
    health.answered("/", 200)
    health.page_at("http://127.0.0.1:10147")
    exporter = Exporter(health, CATALOGUE)
    exporter.update(RecommenderState(config(), stuck_evaluation(), NOON, NOON, (incident(),)))
    columns = Columns(timestamp="time", item="item", model_version="model")
    of_a_version = findings(
        [finding("traffic.requests", 9), finding("traffic.requests", 9, slice="model=v1")]
    )
    versioned = config("mail", log=LogConfig(path="/var/log/shop", columns=columns))
    exporter.update(RecommenderState(versioned, evaluation("mail", findings=of_a_version)))
    types = re.findall(r"(?m)^# TYPE (recwatch_\w+) (\w+)$", exporter.answer().body.decode())
    tables = document(CATALOGUE)
    documented = re.findall(r"(?m)^\| `(recwatch_\w+)` \| (\w+)", tables["recommenders"] + tables["daemon"])
    measured = re.findall(r"(?m)^\| `(recwatch_\w+)` \| `", tables["measurements"])
    described = [(name, kind.replace("info", "gauge")) for name, kind in documented]
    assert sorted(types) == sorted(described + [(name, "gauge") for name in measured])


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^the page has no place for the table 'daemon': <!-- daemon: generated -->"
    ):
        fill("# Metrics\n", {"daemon": "table"})


def test_filling_again_changes_nothing() -> None:
    page = "a\n<!-- t: generated -->\nold\n<!-- t: end -->\nb\n"
    once = fill(page, {"t": "| new |\n"})
    assert once == "a\n<!-- t: generated -->\n\n| new |\n\n<!-- t: end -->\nb\n"
    assert fill(once, {"t": "| new |\n"}) == once


@pytest.mark.needs("promtool")
def test_promtool_accepts_the_measures_of_every_installed_detector() -> None:
    catalogue = installed_measures()
    rows = findings(finding(measure, 0.5) for measure in catalogue)
    exporter = Exporter(Health("1.2.3"), catalogue)
    exporter.update(RecommenderState(config(), evaluation(findings=rows)))
    assert exporter.textfile().count(b'slice="all"} 0.5') == len(catalogue) > 0
    result = subprocess.run(
        ["promtool", "check", "metrics"], input=exporter.textfile(), capture_output=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
