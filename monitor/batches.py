"""Traffic that is made in some hours of the day only, as the configuration says: what that means for judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import cache, partial

import numpy as np

from detectors.core.cells import parse_slice
from detectors.core.verdict import Verdict
from detectors.judgement.batches import MadeInHours
from detectors.judgement.judged import Judged
from monitor.config.models import RecommenderConfig
from monitor.expectations import expected_on
from monitor.incidents.place import meet
from monitor.windows import Window


class Batches:
    """The batches of one recommender.

    Parameters
    ----------
    recommender : RecommenderConfig
    """

    def __init__(self, recommender: RecommenderConfig) -> None:
        self._recommender = recommender
        self._window_us = recommender.window.length // timedelta(microseconds=1)
        self._on: tuple[date | None, tuple[MadeInHours, ...]] = (None, ())

    def on(self, day: date) -> tuple[MadeInHours, ...]:
        """Those that are expected on a day, for the judge."""
        if self._on[0] != day:
            batches = expected_on(self._recommender, day).batches
            made = [
                MadeInHours(cache(partial(_shares_traffic, where)), hours, self._window_us)
                for where, hours in batches
            ]
            self._on = (day, tuple(made))
        return self._on[1]

    def idle(self, where: Mapping[str, str], window: Window) -> bool:
        """Whether none of the traffic of a place is made in a window."""
        if not self.on(window.start.date()):
            return False
        expected = expected_on(self._recommender, window.start.date())
        return bool(expected.absent([where], (window.start_us, window.end_us))[0])

    def not_missed(self, judged: Judged, window: Window) -> Judged:
        """The same; traffic that is made in other hours is not missed in this one."""
        if not (self.on(window.start.date()) and judged.measure.unit.counts_traffic):
            return judged
        expected = expected_on(self._recommender, window.start.date())
        wheres = [parse_slice(text) for text in judged.slices]
        idle = expected.absent(wheres, (window.start_us, window.end_us))
        missed = idle & (judged.verdict == int(Verdict.BREACH)) & (judged.value < judged.expected)
        return replace(judged, verdict=np.where(missed, Verdict.OK, judged.verdict).astype(np.uint8))


def _shares_traffic(where: Mapping[str, str], slice: str) -> bool:
    return meet(parse_slice(slice), where)
