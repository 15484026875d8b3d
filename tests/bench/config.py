"""The configuration that the bench gives to recwatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.bench.hour import Variant

LONG = {"item": "item_id", "position": "position", "score": "score"}
LIST = {"item": "items", "score": "scores"}
SLICES = ("country", "model_version", "surface")
ALL_ROWS = 10**12  # a budget that no window is over


def recommender(
    log: Path,
    variant: Variant,
    *,
    name: str = "bench",
    slices: Sequence[str] = SLICES,
    budget: int | None = None,
) -> dict[str, Any]:
    """One recommender as its configuration is written; `budget` is of rows, None leaves it as it is by default."""
    columns = {
        "timestamp": "timestamp",
        "request": "request_id",
        "user": "user_id",
        "model_version": "model_version",
        **(LIST if variant == "list" else LONG),
    }
    return {
        "name": name,
        "log": {"path": str(log), "layout": "list" if variant == "list" else "long", "columns": columns},
        "slices": list(slices),
        "window": {"replay": "1h"},
        **({"budget": {"rows_per_evaluation": budget}} if budget else {}),
    }


def write_config(
    path: Path, *recommenders: Mapping[str, Any], daemon: Mapping[str, Any] | None = None
) -> Path:
    document = {"recommenders": list(recommenders), **({"daemon": dict(daemon)} if daemon else {})}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path
