"""A small shop's log, hour by hour, whose traffic falls to a twelfth for good in the last hour but one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = 72  # before the daemon starts, of which the last one is the first with less traffic
AFTER = 50  # that are written in advance
USUAL, FEW = 60, 4

CONFIG = """\
daemon: {{tick: 5s, workers: 1}}
recommenders:
- name: shop
  log:
    path: {log}
    partitions: date=%Y-%m-%d/hour=%H
    columns: {{timestamp: ts, item: item_id, request: request_id, user: user_id, position: position}}
  slices: [surface]
"""


def hour(k: int) -> datetime:
    """When the hour begins."""
    return START + timedelta(hours=k)


def drop_at() -> datetime:
    return hour(HOURS - 1)


def write_shop(folder: Path) -> Path:
    """Writes the log and a configuration; returns the configuration."""
    for k in range(HOURS + AFTER):
        rng = np.random.default_rng(k)
        requests = USUAL if hour(k) < drop_at() else FEW
        rows = [
            {
                "ts": hour(k) + timedelta(seconds=int(3600 * r / requests)),
                "item_id": f"item-{item}",
                "request_id": f"r{k}-{r}",
                "user_id": f"u{k}-{r}",
                "position": position + 1,
                "surface": "email" if r % 4 == 0 else "home",
            }
            for r in range(requests)
            for position, item in enumerate(rng.choice(60, 3, replace=False))
        ]
        path = folder / "log" / hour(k).strftime("date=%Y-%m-%d/hour=%H") / "part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
    config = folder / "shop.yaml"
    config.write_text(CONFIG.format(log=folder / "log"))
    return config
