"""What the adapters of Evidently share: the fair reference of an hour, and a report's failed tests as alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report

from tests.incident_bench.peers.adapters.reading import Log, silence
from tests.incident_bench.peers.alarms import Alarm

NEAR = 1  # hours of the clock to either side


class Reference:
    """For each hour as many requests as it has, drawn from the seven quiet days at about the same hour of the clock.

    Many of Evidently's metrics move with the number of rows, and its tests change with it: a reference of the same size
    is the fairest there is.
    """

    def __init__(self, log: Log, seed: int = 0):
        self._rng = np.random.default_rng(seed)
        quiet = log.reference.sort_values("request_id", kind="stable")
        starts = np.flatnonzero(quiet["request_id"].to_numpy() != quiet["request_id"].shift().to_numpy())
        self._rows, self._starts = quiet, np.append(starts, len(quiet))
        self._clock = quiet["hour"].to_numpy()[starts] % 24

    def like(self, number: int, rows: pd.DataFrame) -> pd.DataFrame:
        apart = (self._clock - number % 24 + 12) % 24 - 12
        near = np.flatnonzero(np.abs(apart) <= NEAR)
        n = min(rows["request_id"].nunique(), len(near))
        chosen = self._rng.choice(near, n, replace=False)
        take = np.concatenate([np.arange(self._starts[i], self._starts[i + 1]) for i in chosen])
        return self._rows.iloc[take]


def alarms_of(
    log: Log,
    name: str,
    metrics: Callable[[], list[Any]],
    definition: DataDefinition,
    prepared: Callable[[pd.DataFrame], pd.DataFrame],
    family: Callable[[str], str],
    additional: Mapping[str, Dataset] | None = None,
) -> Iterator[Alarm]:
    """Failed tests of each hour; a report that raises is an alarm too, since somebody would look."""
    reference = Reference(log)
    for number, end, rows in log.judged():
        if rows.empty:
            yield silence(end)
            continue
        current = Dataset.from_pandas(prepared(rows), definition)
        before = Dataset.from_pandas(prepared(reference.like(number, rows)), definition)
        try:
            with np.errstate(all="ignore"):
                told = Report(metrics(), include_tests=True).run(
                    current, before, additional_data=dict(additional or {})
                )
        except Exception as error:  # whatever the peer raises ends this hour's report, not the bench
            yield Alarm(f"{name} failed", "lists", end, text=f"{type(error).__name__}: {error}"[:200])
            continue
        yield from _failed(told.dict()["tests"], end, family)


def _failed(tests: list[dict[str, Any]], end: datetime, family: Callable[[str], str]) -> Iterator[Alarm]:
    for test in tests:
        if str(test["status"]).rsplit(".", 1)[-1] in ("FAIL", "ERROR"):
            # Names hold the expected value, which moves with the reference; what stands before it names the test.
            name = test["name"].split(": ")[0]
            yield Alarm(name, family(name), end, text=str(test["description"])[:200])
