"""Trend: slow erosion over days that no single window shows, for any measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from detectors.core.cells import parse_slice
from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.summary import Summary
from detectors.judgement.series import Series
from detectors.judgement.spec import Direction, Floor

WATCHED: Mapping[str, Direction] = {
    "personalization.dependence": "down",
    "diversity.list_overlap": "up",
    "diversity.effective_items_q1": "down",
    "same_item.first_place_share": "up",
    "same_item.identical_list_share": "up",
    "lists.mean_length": "down",
    "scores.median": "both",
    "outcome.click_rate": "down",
}
COLUMNS = 1  # slices of more columns are too thin for small changes


@dataclass(frozen=True)
class Trend(Detector):
    """The last day against what was usual before the last three, hour by hour of the clock.

    A day counts by the median of its hours. A breach needs a change of at least `change`, to the same side on two days,
    that is further off than days usually are from one another: Student's t at the chance that the budget of false
    alarms allows each window. Windows in which the measure itself was in breach do not count, so what was told at once
    is not told again. A level that stays for two weeks is what is usual.

    Parameters
    ----------
    watch : mapping of full measure name to "up", "down" or "both"
    change : float
        Least relative change that matters.

    References
    ----------
    E. S. Page, "Continuous inspection schemes", Biometrika 41, 1954 (sums over time show what single values hide).
    """

    name = "trend"
    statistics = ()
    telling = 30

    watch: Mapping[str, Direction] = field(default_factory=lambda: dict(WATCHED))
    change: float = 0.2

    def measures(self) -> tuple[Measure, ...]:
        def judge(direction: Direction) -> Floor:
            return Floor(
                above=self.change if direction in ("up", "both") else None,
                below=-self.change if direction in ("down", "both") else None,
            )

        return tuple(
            Measure(
                _name(watched),
                Unit.CHANGE,
                f"Relative change of {watched} over the last days.",
                (judge(direction),),
                least_n=1,
                says=f"{watched.partition('.')[2].replace('_', ' ')} has been moving away for days: {{value}} by now",
            )
            for watched, direction in self.watch.items()
        )

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        yield from ()

    def follow(self, series: Series) -> Iterator[Measurement]:
        looked_at = np.array([len(parse_slice(text)) <= COLUMNS for text in series.slices], bool)
        for watched, change, error, days in series.erosions(tuple(self.watch), looked_at):
            yield Measurement(_name(watched), change, error, days)


def _name(watched: str) -> str:
    return watched.replace(".", "_")
