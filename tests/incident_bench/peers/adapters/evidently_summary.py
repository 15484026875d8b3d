"""Evidently's DataSummaryPreset with its default tests: missing values, ranges, means, quantiles within 10 %.

The tests of row and column counts are left out: the reference has the size of the hour, so they could never fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from evidently import DataDefinition
from evidently.presets import DataSummaryPreset

from tests.incident_bench.peers.adapters.evidently_common import alarms_of
from tests.incident_bench.peers.adapters.reading import Log
from tests.incident_bench.peers.alarms import Alarm

CATEGORICAL = ["country", "surface", "model_version", "user_id"]
NUMERICAL = ["score", "position", "clicked"]
FAMILY = {"score": "scores", "position": "lists", "clicked": "outcome", "user_id": "traffic"}


def alarms(log: Log, catalog: Path) -> Iterator[Alarm]:
    definition = DataDefinition(categorical_columns=CATEGORICAL, numerical_columns=NUMERICAL)
    yield from alarms_of(log, "summary", lambda: [DataSummaryPreset()], definition, _columns, _family)


def _columns(rows: pd.DataFrame) -> pd.DataFrame:
    out = rows[["country", "surface", "model_version"]].astype(str)
    return out.assign(
        user_id=rows["user_id"].astype(object).where(rows["user_id"].notna(), None),
        score=rows["score"],
        position=rows["position"].astype(float),
        clicked=rows["clicked"].astype(float),
    )


def _family(test: str) -> str:
    return next((family for column, family in FAMILY.items() if f"'{column}'" in test), "lists")
