"""A small shop whose clicks and purchases have a log of their own, and what should be found in it by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.config.models import RecommenderConfig
from monitor.config.outcomes import OutcomeColumns, OutcomesConfig
from tests.monitor.cycle.small_shop import (
    LONG_AGO,
    PARTITIONS,
    hour,
    rows_of,
    shop,
    write_hour,
)

COLUMNS = {"timestamp": "at", "request": "request_id", "item": "item_id", "kind": "kind", "value": "value"}
DELAY = timedelta(hours=1)
REQUESTS = 60
Outcome = dict[str, Any]


def outcomes_of(k: int, share: float = 0.2, requests: int = REQUESTS) -> list[Outcome]:
    """What people do with the lists of an hour, minutes to hours later; one click in five becomes a purchase."""
    rng = np.random.default_rng([k, 77])
    out = []
    for row in rows_of(k, requests):
        clicked, minutes, bought = rng.random() < share, rng.exponential(25), rng.random() < 0.2
        if not clicked:
            continue
        at = row["ts"] + timedelta(minutes=float(minutes))
        same = {"request_id": row["request_id"], "item_id": row["item_id"]}
        out.append({"at": at, **same, "kind": "click", "value": None})
        if bought:
            out.append(
                {"at": at + timedelta(minutes=5), **same, "kind": "purchase", "value": float(row["position"])}
            )
    return out


def watched(root: Path, **outcomes: Any) -> RecommenderConfig:
    """A recommender that waits an hour for clicks and purchases."""
    settings: dict[str, Any] = {
        "path": str(root / "clicks"),
        "partitions": PARTITIONS,
        "columns": OutcomeColumns(**COLUMNS),
        "conversions": ("purchase",),
        "delay": DELAY,
    }
    return shop(root / "log", outcomes=OutcomesConfig(**{**settings, **outcomes}), slices=("surface",))


def write_lists(root: Path, hours: Iterable[int], requests: int = REQUESTS) -> None:
    for k in hours:
        write_hour(root / "log", k, rows_of(k, requests))


def write_outcomes(root: Path, outcomes: Sequence[Outcome], hours: Iterable[int], part: int = 0) -> None:
    """Each into the folder of the hour in which it happened; other hours are not written."""
    for k in hours:
        write_outcomes_of_hour(root, [o for o in outcomes if hour(k).start <= o["at"] < hour(k).end], k, part)


def write_outcomes_of_hour(root: Path, outcomes: Sequence[Outcome], k: int, part: int = 0) -> Path:
    path = root / "clicks" / hour(k).start.strftime(PARTITIONS) / f"part-{part}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(as_table(outcomes), path)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def as_table(outcomes: Sequence[Outcome], **types: pa.DataType) -> pa.Table:
    kinds = {
        "at": pa.timestamp("us", "UTC"), "request_id": pa.string(), "item_id": pa.string(), "kind": pa.string(),
        "value": pa.float64(), **types,
    }  # fmt: skip
    return pa.table({name: pa.array([o[name] for o in outcomes], kind) for name, kind in kinds.items()})


def write_lines(path: Path, outcomes: Sequence[Mapping[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({**o, "at": o["at"].isoformat()}) for o in outcomes)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    os.utime(path, (LONG_AGO, LONG_AGO))


def counted(
    k: int, outcomes: Sequence[Outcome], until: datetime | None = None, requests: int = REQUESTS
) -> dict[str, float]:
    """Rates of the lists of an hour, by a dictionary of all outcomes."""
    rows = rows_of(k, requests)
    known: dict[tuple[str, str, str], list[Outcome]] = {}
    for o in outcomes:
        if until is None or o["at"] < until:
            known.setdefault((o["request_id"], o["item_id"], o["kind"]), []).append(o)

    def in_time(row: Mapping[str, Any], kind: str) -> list[Outcome]:
        found = known.get((row["request_id"], row["item_id"], kind), [])
        return [o for o in found if timedelta(minutes=-5) <= o["at"] - row["ts"] <= DELAY]

    clicks = sum(bool(in_time(row, "click")) for row in rows)
    purchases = [found[0] for row in rows if (found := in_time(row, "purchase"))]
    return {
        "outcome.click_rate": clicks / len(rows),
        "outcome.conversion_rate": len(purchases) / len(rows),
        "outcome.value_per_row": sum(o["value"] for o in purchases) / len(rows),
        "outcome.logged": sum(hour(k).start <= o["at"] < hour(k).end for o in outcomes),
    }
