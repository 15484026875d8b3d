"""Small logs of a shop in every shape that people write them in."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

START = datetime(2026, 3, 2, tzinfo=UTC)
Row = dict[str, Any]


def requests(
    hours: Iterable[int] = range(48), per_hour: int = 60, slots: int = 5, guest: float = 0.0, seed: int = 7
) -> list[Row]:
    """Requests in time order: one dict each, its items in a list."""
    rng = np.random.default_rng(seed)
    out = []
    for hour in hours:
        for second in np.sort(rng.uniform(0, 3600, per_hour)):
            n = len(out)
            user = "guest" if rng.random() < guest else f"u{rng.integers(900)}"
            scores = sorted((float(s) for s in rng.random(slots)), reverse=True)
            out.append({
                "ts": START + timedelta(hours=int(hour), seconds=float(round(second, 3))),
                "request_id": f"r-{hour:03d}{n:06d}",
                "user_id": user,
                "surface": ["home", "email"][int(rng.random() < 0.4)],
                "country": ["DE", "NO", "US"][int(rng.integers(3))],
                "items": [f"sku-{i}" for i in rng.choice(400, slots, replace=False)],
                "scores": scores,
                "clicked": [bool(rng.random() < 0.1) for _ in range(slots)],
            })  # fmt: skip
    return out


def long_rows(made: list[Row]) -> list[Row]:
    """One dict for each item shown."""
    return [
        {
            **{key: row[key] for key in ("ts", "request_id", "user_id", "surface", "country")},
            "item_id": item,
            "position": place,
            "score": score,
            "clicked": clicked,
        }
        for row in made
        for place, (item, score, clicked) in enumerate(
            zip(row["items"], row["scores"], row["clicked"], strict=True), 1
        )
    ]


def as_parquet(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def as_jsonl(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row, default=datetime.isoformat) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def as_csv(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {k: v.isoformat() if isinstance(v, datetime) else v for k, v in r.items()} for r in rows
        )


def partitioned(
    root: Path,
    rows: list[Row],
    pattern: str,
    name: str,
    write: Callable[[Path, list[Row]], None],
    by: Callable[[Row], datetime] = lambda row: row["ts"],
) -> None:
    """Each row in the folder of its time."""
    folders: dict[str, list[Row]] = {}
    for row in rows:
        folders.setdefault(by(row).strftime(pattern), []).append(row)
    for folder, inside in folders.items():
        write(root / folder / name, inside)
