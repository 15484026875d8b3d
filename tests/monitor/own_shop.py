"""A small shop with prices, unverified users and adult items, for tests of detectors of one's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
K = 4


def write_shop(
    folder: Path, hours: int = 6, requests: int = 150, broken_from: int = 10**6, seed: int = 1
) -> Path:
    """A log of a file an hour, and a catalogue; from hour `broken_from` on unverified users see adult items too."""
    rng = np.random.default_rng(seed)
    (folder / "log").mkdir(parents=True)
    items = np.array([f"i{n}" for n in range(60)])
    price, adult = rng.lognormal(6, 1, 60).round(2), np.arange(60) % 10 == 0
    pq.write_table(
        pa.table({"item_id": items, "price": price, "adult": adult, "brand": ["b" + i[-1] for i in items]}),
        folder / "catalog.parquet",
    )
    for hour in range(hours):
        user = rng.integers(0, 100, requests)
        verified = user % 2 == 0
        weight = np.ones((requests, 60))
        if hour < broken_from:
            weight[~verified] *= ~adult
        shown = np.argsort(rng.random((requests, 60)) / np.maximum(weight, 1e-9), axis=1)[:, :K]
        at = START + hour * HOUR
        times = [at + timedelta(seconds=3600 * r / requests) for r in range(requests)]
        table = pa.table({
            "time": pa.array(np.repeat(np.array(times, dtype=object), K), pa.timestamp("us", "UTC")),
            "request": np.repeat([f"{hour}-{r}" for r in range(requests)], K),
            "user": np.repeat([f"u{u}" for u in user], K),
            "item": items[shown].ravel(),
            "place": np.tile(np.arange(1, K + 1), requests),
            "price": price[shown].ravel(),
            "verified": np.repeat(verified, K),
            "country": np.repeat(np.where(user % 3 == 0, "DE", "US"), K),
            "shadow": np.where(rng.random(requests * K) < 0.8, items[shown].ravel(), "i0"),
        })  # fmt: skip
        pq.write_table(table, folder / "log" / f"{hour:03d}.parquet")
    return folder


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    """A configuration's recommender as plain data."""
    columns = {"timestamp": "time", "item": "item", "request": "request", "user": "user", "position": "place"}
    return {
        "name": "shop",
        "log": {"path": str(folder / "log"), "columns": columns},
        "catalog": {"path": str(folder / "catalog.parquet")},
        "slices": ["country"],
        **more,
    }
