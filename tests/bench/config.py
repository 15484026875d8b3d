"""The configuration that the bench gives to recwatch."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.bench.hour import Variant

LONG = {"item": "item_id", "position": "position", "score": "score"}
LIST = {"item": "items", "score": "scores"}


def write_config(path: Path, log: Path, variant: Variant) -> Path:
    columns = {
        "timestamp": "timestamp",
        "request": "request_id",
        "user": "user_id",
        "model_version": "model_version",
        **(LIST if variant == "list" else LONG),
    }
    recommender = {
        "name": "bench",
        "log": {"path": str(log), "layout": "list" if variant == "list" else "long", "columns": columns},
        "slices": ["country", "model_version", "surface"],
        "window": {"replay": "1h"},
    }
    path.write_text(yaml.safe_dump({"recommenders": [recommender]}, sort_keys=False), encoding="utf-8")
    return path
