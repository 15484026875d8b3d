"""How much traffic there was: rows, requests, rows written twice. Never sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.core.batch import I64, Batch
from detectors.statistics.tally import Tally, per_cell


@dataclass(frozen=True)
class TrafficTally(Tally):
    """Requests, rows, requests without a user, rows that repeat another."""

    name = "traffic_tally"
    census = True
    names = ("requests", "rows", "without_user", "repeated")

    @classmethod
    def count(cls, batch: Batch) -> dict[str, I64]:
        return {
            "requests": batch.requests_by_cell,
            "rows": per_cell(batch, batch.length),
            "without_user": per_cell(batch, ~batch.user_known),
            "repeated": batch.repeated if len(batch.repeated) else np.zeros(len(batch.cells), np.int64),
        }
