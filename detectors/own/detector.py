"""The detector around one question: its one measure, its judgement, its sampling error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.random_groups import rate
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Direction, Floor, History, Judgement
from detectors.own.mean import mean
from detectors.own.states import Counts, GroupShares, GroupSums, Numbers, UserMarks
from detectors.statistics.panel import Panel
from detectors.statistics.score_histogram import middle_of

State = GroupShares | GroupSums | UserMarks | Numbers | Counts


@dataclass(frozen=True)
class OneQuestion(Detector):
    """A detector that asks one thing of a batch: made of a function, or of a line of configuration.

    Parameters
    ----------
    above, below : float or None
        Limits that hold from the first window on.
    change : float or None
        Least difference from the same hours of earlier days that matters; compared with nothing where there is none.
    direction : {"up", "down", "both"}
        Which way such a difference is trouble.
    relative : bool
        Whether `change` is a share of what is usual.
    severity : Severity
        What a breach is at most, where the detector's mode lets it be told.
    """

    unit: ClassVar[Unit]
    measured: ClassVar[str]  # "share", "mean", ...
    says: ClassVar[str]  # of what, in words
    needs: ClassVar[frozenset[str]]
    of_rows: ClassVar[bool]
    quantile: ClassVar[float] = 0.5
    state: ClassVar[type[State]]

    above: float | None = None
    below: float | None = None
    change: float | None = None
    direction: Direction = "both"
    relative: bool = False
    severity: Severity = Severity.TICKET

    def measures(self) -> tuple[Measure, ...]:
        judge: list[Judgement] = []
        if self.above is not None or self.below is not None:
            judge.append(Floor(self.above, self.below, self.severity))
        if self.change is not None:
            judge.append(History(self.direction, self.change, self.relative, self.severity))
        usually = ", usually {expected}" if self.change is not None else ""
        words = self.says.rstrip(".").replace("{", "(").replace("}", ")")
        says = f"{words[:1].lower()}{words[1:]}: {{value}}{usually}"
        return (
            Measure(
                self.measured, self.unit, f"{self.says.rstrip('.')}.", tuple(judge), self.needs, says=says
            ),
        )

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if not self.needs <= summary.has | {"item"}:
            return
        state = summary[self.state]
        members = summary.members(state)
        if isinstance(state, GroupShares):
            marked, among, requests = np.moveaxis(state.by_slice(members), 2, 0)
            found = requests.sum(axis=1) / summary.rate
            yield rate(self.measured, marked, among, lambda s: {"requests": round(float(found[s]))})
        elif isinstance(state, GroupSums):
            yield mean(self.measured, *state.by_slice(members))
        elif isinstance(state, UserMarks):
            marked, among = state.by_slice(members).T
            yield share(self.measured, marked, among, np.ones(len(members)))
        elif isinstance(state, Numbers):
            yield self._quantile(state, members, summary)
        else:
            number, requests = state.by_slice(members).T
            together = number / np.maximum(requests, 1) * summary.clustering
            together = np.maximum(together, 1.0)
            yield Measurement(self.measured, number, np.sqrt(number * together), number / together)

    def _quantile(self, state: Numbers, members: NDArray[np.bool_], summary: Summary) -> Measurement:
        """From the histogram, with half the way between the values one error of a share away.

        References
        ----------
        R. S. Woodruff, "Confidence intervals for medians and other position measures", JASA 47, 1952.
        """
        middle = middle_of(state.keys)
        value, error, n = np.full(len(members), np.nan), np.full(len(members), np.nan), np.zeros(len(members))
        panel = summary[Panel]
        for s, (counts, groups) in enumerate(
            zip(state.by_slice(members), summary.members(panel), strict=True)
        ):
            found = counts > 0
            up_to, numbers = np.cumsum(counts[found]), middle[found]
            if not len(up_to) or up_to[-1] < 2:
                continue
            _, requests, _ = panel.sample_of(groups)
            length = np.diff(panel.offsets)[requests].mean() if self.of_rows and requests.any() else 1.0
            n[s] = max(up_to[-1] / (max(length, 1.0) * summary.clustering[s]), 1.0)
            q = self.quantile
            shares = q + np.sqrt(q * (1 - q) / n[s]) * np.array([-1, 0, 1])
            at = np.minimum(np.searchsorted(up_to, np.clip(shares, 0, 1) * up_to[-1]), len(numbers) - 1)
            low, value[s], high = numbers[at]
            error[s] = np.hypot((high - low) / 2, 0.0064 * abs(value[s]))
        return Measurement(self.measured, value, error, n)
