"""A small shop's log, hour by hour: some 50 requests an hour with lists of three, and what goes wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.config.models import Columns, LogConfig, RecommenderConfig, WindowConfig
from monitor.cycle import backtest, run_cycle
from monitor.evaluation import Evaluation
from monitor.store import Store
from monitor.windows import Window

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTLE = timedelta(minutes=10)
PARTITIONS = "date=%Y-%m-%d/hour=%H"
COLUMNS = {
    "timestamp": "ts",
    "item": "item_id",
    "request": "request_id",
    "user": "user_id",
    "position": "position",
    "score": "score",
}
REQUESTS, PLACES, ITEMS, USERS = 50, 3, 60, 400
LONG_AGO = 1_700_000_000  # modification time of every file: nothing depends on when tests run

Change = Callable[[dict[str, Any]], Mapping[str, Any]]


def hour(k: int) -> Window:
    return Window(START + k * HOUR, START + (k + 1) * HOUR)


def due_at(k: int) -> datetime:
    """When the hour is due."""
    return hour(k).end + SETTLE


def shop(
    root: Path,
    *,
    log: Mapping[str, Any] | None = None,
    window: Mapping[str, Any] | None = None,
    **fields: Any,
) -> RecommenderConfig:
    settings = {"path": str(root), "partitions": PARTITIONS, "columns": Columns(**COLUMNS), **(log or {})}
    timing = WindowConfig(**{"settle": SETTLE, **(window or {})})
    return RecommenderConfig(**{"name": "shop", "log": LogConfig(**settings), "window": timing, **fields})


def rows_of(
    k: int, requests: int = REQUESTS, item: str | None = None, share: float = 1.0, part: int = 0
) -> list[dict[str, Any]]:
    """The rows of an hour; with `item` first in a share of the requests."""
    rng = np.random.default_rng([k, part])
    out = []
    for r in range(requests):
        user = int(rng.integers(USERS))
        shown = [f"item-{i}" for i in rng.choice(ITEMS, PLACES, replace=False)]
        if item is not None and rng.random() < share:
            shown[0] = item
        at = hour(k).start + timedelta(seconds=int(3600 * (r + 0.5) / requests), microseconds=r)
        score = np.sort(rng.random(PLACES))[::-1]
        out += [
            {
                "ts": at, "item_id": name, "request_id": f"r{k}-{part}-{r}", "user_id": f"u{user}", "position": p + 1,
                "score": float(score[p]), "surface": "email" if user % 4 == 0 else "home",
            }
            for p, name in enumerate(shown)
        ]  # fmt: skip
    return out


def write_hour(
    root: Path, k: int, rows: Iterable[Mapping[str, Any]] | pa.Table | None = None, part: int = 0
) -> Path:
    """One file of an hour, by default a healthy one."""
    if not isinstance(rows, pa.Table):
        rows = pa.Table.from_pylist(list(rows_of(k, part=part) if rows is None else rows))
    path = path_of(root, k, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def path_of(root: Path, k: int, part: int = 0) -> Path:
    return root / hour(k).start.strftime(PARTITIONS) / f"part-{part}.parquet"


def write_hours(
    root: Path, hours: Iterable[int], stuck: Sequence[int] = (), missing: Sequence[int] = ()
) -> None:
    """Hours of history, in some of which every list begins with one item, and some of which are not there."""
    for k in hours:
        if k not in missing:
            write_hour(root, k, rows_of(k, item="item-7") if k in stuck else None)


def cycle(
    recommender: RecommenderConfig, store: Store, now: datetime, most: int | None = None, **options: Any
) -> list[Evaluation]:
    """Run a cycle and commit what it yields, as the daemon does; `most`: the process ends after so many."""
    out: list[Evaluation] = []
    for evaluation in run_cycle(recommender, store, now, **options):
        if len(out) == most:
            break
        store.record(evaluation)
        out.append(evaluation)
    return out


def history(recommender: RecommenderConfig, hours: int) -> list[Evaluation]:
    return list(backtest(recommender, [hour(k) for k in range(hours)]))


def assert_tells_the_same(found: Sequence[Evaluation], expected: Sequence[Evaluation]) -> None:
    """The same windows with the same findings and incidents."""
    assert [e.window for e in found] == [e.window for e in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.status == other.status
        assert one.findings == other.findings, one.window
        assert [i.to_json() for i in one.open_incidents] == [i.to_json() for i in other.open_incidents]
