"""Logs of rows without requests, as a real shop has one: what `init` writes pages nobody and tells what changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from detectors.core.verdict import Severity
from monitor.cycle import backtest
from monitor.demo.replay import FIRST_HOUR, LOG
from monitor.incidents.incident import Incident
from monitor.inspect import configuration, inspect_log
from monitor.inspect.writer import parsed
from monitor.windows import windows_between

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Another campaign of that shop is the better judge; where it is not at hand, there is the embedded one.
OTHER_CAMPAIGN = Path(__file__).parents[3].parent / "shared" / "data" / "open_bandit" / "bts_women.parquet"
CUT = FIRST_HOUR + 4 * DAY


def told(log: Path, first: datetime, days: int) -> list[Incident]:
    """Incidents with the configuration just as it is written."""
    recommender = parsed(configuration(inspect_log(str(log))))
    windows = list(windows_between(first, first + days * DAY, HOUR))
    return list({i.id: i for e in backtest(recommender, windows) for i in e.open_incidents}.values())


def half_to_one(rows: pa.Table, item: str, since: datetime) -> pa.Table:
    """Every second row since then shows one item."""
    late = pc.greater_equal(rows["timestamp"], pa.scalar(since, rows["timestamp"].type))
    odd = pa.array(np.arange(len(rows)) % 2 == 1)
    at = rows.column_names.index("item_id")
    shown = pc.if_else(pc.and_(late, odd), pa.scalar(item, rows["item_id"].type), rows["item_id"])
    return rows.set_column(at, "item_id", shown)


def spliced(before: pa.Table, after: pa.Table, at: datetime) -> pa.Table:
    moment = pa.scalar(at, before["timestamp"].type)
    return pa.concat_tables([
        before.filter(pc.less(before["timestamp"], moment)),
        after.filter(pc.greater_equal(after["timestamp"], moment)),
    ])  # fmt: skip


def written(rows: pa.Table, folder: Path) -> Path:
    pq.write_table(rows, folder / "log.parquet")
    return folder / "log.parquet"


def check_told_soon(incidents: list[Incident], since: datetime) -> Incident:
    [incident] = incidents
    assert incident.detector == "drift"
    assert since < incident.opened_at <= since + timedelta(hours=4, minutes=10)
    return incident


def test_half_of_a_real_shop_s_rows_with_one_item_are_told(tmp_path: Path) -> None:
    rows = pq.read_table(LOG)
    incidents = told(written(half_to_one(rows, "7", CUT), tmp_path), FIRST_HOUR, 5)
    assert check_told_soon(incidents, CUT).culprit == {"item": "7"}


@pytest.mark.parametrize(
    "log", [LOG, *([OTHER_CAMPAIGN] if OTHER_CAMPAIGN.exists() else [])], ids=lambda log: log.stem
)
def test_a_real_shop_s_healthy_week_tells_nothing(log: Path) -> None:
    assert [i.summary for i in told(log, FIRST_HOUR, 7)] == []


def other_campaign(rows: pa.Table) -> pa.Table:
    """Other items, by ids that the first campaign has too."""
    if OTHER_CAMPAIGN.exists():
        return pq.read_table(OTHER_CAMPAIGN).cast(rows.schema)
    turned = pc.bit_wise_xor(rows["item_id"].cast(pa.int32()), 32).cast(pa.string())
    return rows.set_column(rows.column_names.index("item_id"), "item_id", turned)


def test_the_items_of_another_campaign_are_told(tmp_path: Path) -> None:
    rows = pq.read_table(LOG)
    log = written(spliced(rows, other_campaign(rows), CUT), tmp_path)
    assert check_told_soon(told(log, FIRST_HOUR, 5), CUT).culprit == {}


def bandit(seed: int, days: int, items: int = 60, turned: int = 0) -> pa.Table:
    """A bandit's rows, about one a minute by day and fewer by night: now and then it fills an hour with a favourite.

    Parameters
    ----------
    turned : int
        By how many the ids are moved: what another model, or another catalogue, shows.
    """
    rng = np.random.default_rng(seed)
    appeal = 1 / np.arange(1, items + 1) ** 0.8
    appeal /= appeal.sum()
    times, shown = [], []
    for hour in range(24 * days):
        n = rng.poisson(60 * (1 + 0.7 * np.sin((hour % 24 - 6) / 24 * 2 * np.pi)) + 5)
        mine = appeal.copy()
        mine[rng.choice(items, p=appeal)] += rng.choice([0.05, 0.4], p=[0.6, 0.4])
        times.append(np.sort(hour * 3600 + rng.random(n) * 3600))
        shown.append((rng.choice(items, n, p=mine / mine.sum()) + turned) % items)
    seconds, item = np.concatenate(times), np.concatenate(shown)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    return pa.table({
        "timestamp": pa.array([start + timedelta(seconds=float(s)) for s in seconds], pa.timestamp("us", "UTC")),
        "item_id": pa.array([str(i) for i in item]),
        "position": pa.array(rng.integers(1, 4, len(item)), pa.int16()),
    })  # fmt: skip


SIMULATED = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize("seed", range(2))
def test_a_healthy_bandit_tells_nothing(tmp_path: Path, seed: int) -> None:
    assert [i.summary for i in told(written(bandit(seed, 6), tmp_path), SIMULATED, 6)] == []


def test_a_bandit_that_shows_other_items_or_one_too_often_is_told(tmp_path: Path) -> None:
    since = SIMULATED + 3 * DAY + 7 * HOUR
    healthy = bandit(3, 4)
    half = told(written(half_to_one(healthy, "55", since), tmp_path), SIMULATED, 4)
    assert check_told_soon(half, since).culprit == {"item": "55"}
    other = told(written(spliced(healthy, bandit(4, 4, turned=30), since), tmp_path), SIMULATED, 4)
    incident = check_told_soon(other, since)
    assert incident.severity is Severity.TICKET
