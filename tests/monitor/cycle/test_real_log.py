"""A real shop's log: its healthy week pages nobody; a stuck recommender in it is one page, at once, with the item."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors.core.verdict import Severity
from monitor.config.loader import load
from monitor.config.models import RecommenderConfig
from monitor.cycle import backtest
from monitor.demo.replay import FIRST_HOUR, HOUR, STUCK_ITEM, hours
from monitor.evaluation import Evaluation, Status
from monitor.incidents.incident import Incident
from monitor.windows import Window, windows_between

SHIPPED = Path(__file__).parents[3] / "configs" / "open_bandit.yaml"
FIFTH_DAY = FIRST_HOUR + timedelta(days=4)


@pytest.fixture(scope="module")
def config() -> RecommenderConfig:
    [recommender] = load(SHIPPED).recommenders
    return recommender


def told(config: RecommenderConfig, windows: Iterable[Window]) -> tuple[list[Evaluation], list[Incident]]:
    """Evaluations, and each incident as it was last told."""
    evaluations = list(backtest(config, list(windows)))
    return evaluations, list({i.id: i for e in evaluations for i in e.open_incidents}.values())


def broken(config: RecommenderConfig, path: Path, at: datetime) -> RecommenderConfig:
    pq.write_table(pa.concat_tables(rows for _, rows in hours(at)), path)
    return config.model_copy(update={"log": config.log.model_copy(update={"path": str(path)})})


def test_the_healthy_week_pages_nobody(config: RecommenderConfig) -> None:
    evaluations, incidents = told(config, windows_between(FIRST_HOUR, FIRST_HOUR + timedelta(days=7), HOUR))
    assert {e.status for e in evaluations} <= {Status.EVALUATED, Status.NO_DATA}
    assert sum(e.read.rows for e in evaluations) == 10_000
    assert [i.summary for i in incidents if i.severity is Severity.PAGE] == []


@pytest.mark.parametrize("after", [timedelta(), timedelta(hours=13)], ids=["at midnight", "at noon"])
def test_one_item_for_everybody_is_one_page_in_the_first_window_that_can_show_it(
    config: RecommenderConfig, tmp_path: Path, after: timedelta
) -> None:
    at = FIFTH_DAY + after
    stuck = broken(config, tmp_path / "log.parquet", at)
    evaluations, incidents = told(stuck, windows_between(FIRST_HOUR, at + timedelta(hours=20), HOUR))
    [page] = [i for i in incidents if i.severity is Severity.PAGE]
    # The first window with enough rows to be sure: at night an hour may have a handful.
    first = next(e for e in evaluations if e.window.start >= at and e.read.rows >= 20)
    assert page.opened_at == first.window.end + stuck.window.settle
    assert (page.detector, page.culprit, page.slice) == ("same_item", {"item": STUCK_ITEM}, {})
    assert page.before["share"] == pytest.approx(
        0.01, abs=0.01
    )  # the item that the healthy week showed least
    assert page.after["share"] == 1.0
    assert page.open
    assert STUCK_ITEM in page.summary
    assert "100 %" in page.summary
