"""Evidently's metrics for recommenders that have tests of their own, with the defaults of `RecsysPreset`.

Ranking metrics (precision, NDCG and the like) have no default test and are left out: they cost minutes and say nothing.
Diversity and serendipity need a dense matrix of all items by all items and are left out, too. Its "user" is a request
here, since a list is what a recommender makes: several lists of one user would be taken for one long list. Train data,
which popularity and novelty ask for, are the clicks of the seven quiet days.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, Recsys
from evidently.metrics.recsys import Novelty, Personalization, PopularityBiasMetric, ScoreDistribution

from tests.incident_bench.peers.adapters.evidently_common import alarms_of
from tests.incident_bench.peers.adapters.reading import Log
from tests.incident_bench.peers.alarms import Alarm

FAMILY = {
    "Score": "scores",
    "Personalization": "personalization",
    "Popularity": "diversity",
    "Novelty": "diversity",
}


def alarms(log: Log, catalog: Path) -> Iterator[Alarm]:
    k = int(log.reference["position"].max())
    definition = DataDefinition(
        ranking=[Recsys(user_id="user_id", item_id="item_id", target="target", prediction="score")],
        numerical_columns=["score", "target"],
    )
    clicks = log.reference[log.reference["clicked"]]
    train = Dataset.from_pandas(_columns(clicks).assign(user_id=clicks["user_id"].astype(str)))
    yield from alarms_of(
        log,
        "recsys",
        lambda: [ScoreDistribution(k=k), Personalization(k=k), PopularityBiasMetric(k=k), Novelty(k=k)],
        definition,
        _columns,
        lambda test: FAMILY.get(test.split(" ")[0], "drift"),
        {"current_train_data": train, "reference_train_data": train},
    )


def _columns(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": rows["request_id"].astype(str),
            "item_id": rows["item_id"].astype(str),
            "score": rows["score"].astype(float),
            "target": rows["clicked"].astype(int),
        }
    )
