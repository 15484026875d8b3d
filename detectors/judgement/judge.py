"""The judge: a pure fold over windows in order. It sees a window and those before it, never a later one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.core.measurement import Measure, Measurement
from detectors.core.verdict import Severity
from detectors.judgement.batches import MadeInHours
from detectors.judgement.budget import Budget
from detectors.judgement.judged import Asked, Judged, judged, kind_of
from detectors.judgement.past import Past
from detectors.judgement.scales import F
from detectors.judgement.spec import Compared

HOUR = 3_600_000_000


@dataclass
class Judge:
    """Judges windows in order.

    Parameters
    ----------
    past : Past
        What earlier windows were like; grows with every window that is remembered.
    budget : Budget
    window_us : int
        Length of a window in microseconds.

    >>> judge = Judge()
    >>> from detectors.core.measurement import Measure, Unit
    >>> from detectors.judgement.spec import Floor
    >>> m = Measure("x", Unit.RATIO, "", (Floor(above=0.5),))
    >>> found = Measurement("x", *(np.array([v]) for v in (0.9, 0.03, 100.0)))
    >>> [j.verdict.tolist() for j in judge.judge(0, ("all",), [("d.x", m, found)])]
    [[1]]
    """

    past: Past = field(default_factory=Past)
    budget: Budget = field(default_factory=Budget)
    window_us: int = HOUR

    def judge(
        self,
        start_us: int,
        slices: Sequence[str],
        measured: Sequence[tuple[str, Measure, Measurement]],
        batches: Sequence[MadeInHours] = (),
    ) -> list[Judged]:
        """Judge one window.

        Parameters
        ----------
        start_us : int
            Start of the window; later than that of every window remembered.
        slices : sequence of str
        measured : sequence of (full name, Measure, Measurement)
        batches : sequence of MadeInHours
            Traffic that is known to come in some hours of the day.
        """
        asked = [self._asked(slices, name, measure, found) for name, measure, found in measured]
        if not asked:
            return []
        most = max(len(a.slices) for a in asked)
        chance = {
            severity: self.budget.chance(severity, measures=tests, slices=most, window_us=self.window_us)
            for severity, tests in _tests(m for _, m, _ in measured).items()
        }
        past = self.past.expect(start_us, np.concatenate([a.columns for a in asked]), batches)
        # Slices that are gone for good, and those of other hours, are expected to be gone: they are dropped.
        keep = np.concatenate([np.arange(len(a.slices)) < len(slices) for a in asked]) | past.seen
        bounds = np.cumsum([len(a.slices) for a in asked])
        asked = [
            a.of(kept) if len(a.slices) > len(slices) else a
            for a, kept in zip(asked, np.split(keep, bounds[:-1]), strict=True)
        ]

        def value_at(hours: float, columns: NDArray[np.int64]) -> F:
            return self.past.value_at(start_us - round(hours * HOUR), columns)

        return judged(asked, past.at(np.flatnonzero(keep)), chance, value_at)

    def _asked(self, slices: Sequence[str], name: str, measure: Measure, found: Measurement) -> Asked:
        """What is not there was counted, as zero; not so where the window before is counted, too."""
        texts, value, error, n = tuple(slices), found.value, found.error, found.n
        if measure.unit.counts_traffic and measure.windows == 1:
            there = set(slices)
            gone = [s for s in self.past.known(name) if s not in there]
            texts += tuple(gone)
            value, error, n = (np.append(a, np.zeros(len(gone))) for a in (value, error, n))
        return Asked(measure, texts, value, error, n, self.past.columns(name, texts, kind_of(measure)))


def _tests(measures: Iterable[Measure]) -> dict[Severity, int]:
    """Comparisons that are made in each slice, by how loudly they tell."""
    specs = [spec for measure in measures for spec in measure.judge if isinstance(spec, Compared)]
    return {severity: sum(spec.severity is severity for spec in specs) for severity in Severity}
