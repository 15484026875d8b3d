"""The recommenders that share a log: the values of its `split_by` column."""

from __future__ import annotations

from datetime import datetime

from monitor.config.models import RecommenderConfig
from monitor.logs import PredictionLog, Quarantine
from monitor.windows import Window


def split_values(recommender: RecommenderConfig, now: datetime) -> tuple[str, ...]:
    """The values of the `split_by` column in the newest window that is due, sorted."""
    column = recommender.split_by
    if column is None:
        return ()
    log = PredictionLog(recommender.log, (column,))
    window = Window.containing(
        now - recommender.window.settle - recommender.window.length, recommender.window.length
    )
    quarantine = Quarantine()
    listing = log.files(window, now)
    log.cost(listing.files, quarantine)
    found: set[str] = set()
    for file in listing.files:
        for table in log.read(file, quarantine):
            if column in table.column_names:
                found |= {str(v) for v in table.column(column).unique().to_pylist() if v not in (None, "")}
    return tuple(sorted(found))
