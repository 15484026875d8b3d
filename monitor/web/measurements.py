"""Measurements of a stretch of time as rows: what every form of download has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.reading.explanation import Kept

CHUNK = 24  # windows that are read at one time
COLUMNS = (
    "window_start", "window_end", "slice", "detector", "measure", "value", "error", "n", "expected", "low", "high",
    "verdict", "excluded",
)  # fmt: skip


def measurements(
    records: Kept, recommender: str, since: datetime, until: datetime, chosen: Mapping[str, str]
) -> Iterator[list[list[Any]]]:
    """Rows as `COLUMNS` has them, in window order, some windows at a time.

    Parameters
    ----------
    chosen : mapping
        Of "slice", "detector" and "measure", what they have to be.
    """
    while part := list(records.evaluations(recommender, since=since, until=until, limit=CHUNK)):
        yield [
            [
                evaluation.window.start, evaluation.window.end, f.slice, f.detector, f.measure, f.value, f.error, f.n,
                f.expected, f.low, f.high, f.verdict.name.lower(), f.excluded,
            ]
            for evaluation in part
            for f in evaluation.findings
            if all(getattr(f, key) == value for key, value in chosen.items())
        ]  # fmt: skip
        since = part[-1].window.start + timedelta(microseconds=1)
