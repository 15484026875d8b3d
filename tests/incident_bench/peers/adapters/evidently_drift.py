"""Evidently's DataDriftPreset with its defaults, on every column but the ids of requests and users."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from evidently import DataDefinition
from evidently.presets import DataDriftPreset

from tests.incident_bench.peers.adapters.evidently_common import alarms_of
from tests.incident_bench.peers.adapters.reading import Log
from tests.incident_bench.peers.alarms import Alarm

CATEGORICAL = ["country", "surface", "model_version", "item_id", "clicked", "user_known"]
NUMERICAL = ["score", "position"]
FAMILY = {
    "score": "scores",
    "position": "lists",
    "clicked": "outcome",
    "country": "traffic",
    "surface": "traffic",
    "user_known": "traffic",
}


def alarms(log: Log, catalog: Path) -> Iterator[Alarm]:
    definition = DataDefinition(categorical_columns=CATEGORICAL, numerical_columns=NUMERICAL)
    yield from alarms_of(log, "drift", lambda: [DataDriftPreset()], definition, _columns, _family)


def _columns(rows: pd.DataFrame) -> pd.DataFrame:
    out = rows[["country", "surface", "model_version", "item_id"]].astype(str)
    return out.assign(
        clicked=rows["clicked"].astype(str),
        user_known=rows["user_id"].notna().astype(str),
        score=rows["score"],
        position=rows["position"].astype(float),
    )


def _family(test: str) -> str:
    return FAMILY.get(test.rsplit(" ", 1)[-1], "drift")
