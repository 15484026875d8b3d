"""Series of measurements for the judge, window after window, judged and remembered as the fold does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.batches import MadeInHours
from detectors.judgement.judge import Judge
from detectors.judgement.judged import Judged, kind_of
from detectors.judgement.spec import Floor, History
from tests.detectors.remembering import remember

HOUR = 3_600_000_000
DAY = 24 * HOUR
MONDAY = 20_514 * DAY  # 2 March 2026, 00:00 UTC
NAME = "detector.measure"

UP = History("up", change=0.15)
DOWN = History("down", change=0.15)
BOTH = History("both", change=0.15)
TRAFFIC = (
    History("down", change=0.5, relative=True, severity=Severity.PAGE),
    History("up", change=1.5, relative=True),
)
FLOOR = Floor(above=0.3, severity=Severity.PAGE)

Point = tuple[float, float, float]  # value, standard error, sample size


def a_share(hits: float, of: float) -> Point:
    """So many hits of so many independent users."""
    found = share("x", np.array([hits]), np.array([of]), np.ones(1))
    return float(found.value[0]), float(found.error[0]), float(found.n[0])


def a_count(n: float, together: float = 1.0) -> Point:
    """A count of events of which so many come together."""
    return float(n), float(np.sqrt(n * together)), n / together


@dataclass
class Watch:
    """One measure under watch."""

    measure: Measure
    step: int = HOUR
    at: int = MONDAY
    judge: Judge = field(default_factory=Judge)
    batches: tuple[MadeInHours, ...] = ()

    def see(self, found: Mapping[str, Point] | Point) -> Judged:
        """Judge and remember the next window."""
        slices = {"all": found} if isinstance(found, tuple) else found
        value, error, n = (np.array(column, float) for column in zip(*slices.values(), strict=True))
        [judged] = self.judge.judge(
            self.at,
            tuple(slices),
            [(NAME, self.measure, Measurement("measure", value, error, n))],
            self.batches,
        )
        remember(self.judge, self.at, remembered([(NAME, judged)]))
        self.at += self.step
        return judged

    def see_all(self, many: Sequence[Mapping[str, Point] | Point]) -> list[Judged]:
        return [self.see(found) for found in many]

    def miss(self, windows: int = 1) -> None:
        """Windows that nobody could read."""
        self.at += windows * self.step


def remembered(judged: Sequence[tuple[str, Judged]]) -> dict[tuple[str, int], Any]:
    """Judged measures as `remember` takes them."""
    return {
        (name, kind_of(j.measure)): (j.slices, j.value, j.error, j.verdict == Verdict.BREACH, j.expected)
        for name, j in judged
    }


def a_measure(unit: Unit, *judge: Floor | History, least_n: int = 10) -> Measure:
    return Measure("measure", unit, "A measure.", judge, least_n=least_n)


def verdicts(judged: Sequence[Judged], slice: str = "all") -> list[Verdict]:
    return [verdict(j, slice) for j in judged]


def verdict(judged: Judged, slice: str = "all") -> Verdict:
    return Verdict(int(judged.verdict[judged.slices.index(slice)]))
