"""Scores: not a number, infinite, all the same, tied, out of order, the wrong way round; and their distribution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from detectors.statistics.panel import Panel
from detectors.statistics.score_histogram import ScoreHistogram, middle_of
from detectors.statistics.score_tally import ScoreTally


@dataclass(frozen=True)
class Scores(Detector):
    """Whether the numbers that the model ordered by still mean something.

    Parameters
    ----------
    nan_above, infinite_above, constant_above : float
        Limits that hold without history: shares of rows, and of lists.
    rise, page_rise : float
        Least rise of a share over history that matters, and that wakes somebody.
    order_change : float
        Least change of the share of tied or unordered lists that matters: re-ranked lists may be out of order by
        design.
    shift : float
        Least relative change of the median or the spread that matters.
    """

    name = "scores"
    statistics = (ScoreTally, ScoreHistogram, Panel)
    telling = 70

    nan_above: float = 0.2
    infinite_above: float = 0.05
    constant_above: float = 0.5
    rise: float = 0.05
    page_rise: float = 0.1
    order_change: float = 0.2
    shift: float = 0.25

    def measures(self) -> tuple[Measure, ...]:
        score, lists = frozenset({"score"}), frozenset({"score", "request"})

        risen = History("up", change=self.page_rise, severity=Severity.PAGE)

        def judge(above: float) -> tuple[Floor, History, History]:
            return Floor(above=above, severity=Severity.PAGE), History("up", change=self.rise), risen

        order, shift = (
            (History("both", change=self.order_change),),
            (History("both", change=self.shift, relative=True),),
        )
        return (
            Measure("nan_share", Unit.RATIO, "Share of rows whose score is not a number.", judge(self.nan_above), score,
                    says="{value} of scores are not a number"),
            Measure("infinite_share", Unit.RATIO,
                    "Share of rows whose score is infinite.", judge(self.infinite_above), score,
                    says="{value} of scores are infinite"),
            Measure("constant_share", Unit.RATIO,
                    "Share of lists in which all scores are the same.", judge(self.constant_above), lists,
                    says="all scores are the same in {value} of lists"),
            Measure("tied_share", Unit.RATIO,
                    "Share of lists in which two neighbours have the same score.", order, lists,
                    says="neighbours have the same score in {value} of lists"),
            Measure("unordered_share", Unit.RATIO,
                    "Share of lists in which a score rises with the position.", order, lists,
                    says="scores rise with the position in {value} of lists"),
            Measure("reversed_share", Unit.RATIO,
                    "Share of lists of three items or more in which scores rise all the way: the best item comes last.",
                    (risen,), lists,
                    says="scores rise from the first item to the last in {value} of lists"),
            Measure("median", Unit.SCORE, "Median score.", shift, score,
                    says="the median score is {value}, usually {expected}"),
            Measure("spread", Unit.SCORE, "Distance between the quartiles of the scores.", shift, score,
                    says="the scores' spread is {value}, usually {expected}"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if "score" not in summary.has:
            return
        tally = summary[ScoreTally]
        counted = tally.by_slice(summary.members(tally))
        for kind in ("nan", "infinite"):
            together = summary.clustering * _rows_together(counted, kind)
            yield share(f"{kind}_share", counted[kind], counted["rows"], together)
        if "request" in summary.has:
            for kind, measure in (
                ("constant", "constant_share"),
                ("tied", "tied_share"),
                ("out_of_order", "unordered_share"),
            ):
                yield share(measure, counted[kind], counted["lists"], summary.clustering)
            yield share("reversed_share", counted["reversed"], counted["longer"], summary.clustering)
        # Scores of one list are taken as alike: an upper limit, since the histogram does not say which came together.
        yield from _distribution(summary, summary.clustering * _length(counted))


def _length(counted: dict[str, I64]) -> NDArray[np.float64]:
    """Mean length of a list that is not empty, shape (slices,)."""
    return counted["rows"] / np.maximum(counted["requests"], 1)


def _rows_together(counted: dict[str, I64], kind: str) -> NDArray[np.float64]:
    """Rows that are worth one: the design effect of odd rows that come in the same lists, shape (slices,).

    The variance of their number in a list, against what it is when each row is odd by itself; between 1 and the length.
    """
    length = _length(counted)
    requests, rows = np.maximum(counted["requests"], 1), np.maximum(counted["rows"], 1)
    share = counted[kind] / rows
    apart = length * share * (1 - share)
    found = counted[f"{kind}_squares"] / requests - (counted[kind] / requests) ** 2
    effect = np.divide(found, apart, out=length.copy(), where=apart > 0)
    return np.clip(effect, 1.0, np.maximum(length, 1.0))


def _distribution(summary: Summary, together: NDArray[np.float64]) -> Iterator[Measurement]:
    """Quantiles from the histogram, with errors after Woodruff: half the way between those one error of a share away.

    References
    ----------
    R. S. Woodruff, "Confidence intervals for medians and other position measures", JASA 47, 1952.
    """
    histogram = summary[ScoreHistogram]
    middle = middle_of(histogram.keys)
    value, error = np.full((2, 2, len(summary.slices)), np.nan)
    n = np.zeros(len(summary.slices))
    for s, counts in enumerate(histogram.by_slice(summary.members(histogram))):
        found = counts > 0
        up_to, scores = np.cumsum(counts[found]), middle[found]
        if not len(up_to) or up_to[-1] < 2:
            continue
        n[s] = up_to[-1] / together[s]
        share = np.repeat([[0.25], [0.5], [0.75]], 3, axis=1)
        share += np.sqrt(share * (1 - share) / n[s]) * [-1, 0, 1]
        below, at, above = scores[np.searchsorted(up_to, np.clip(share, 0, 1) * up_to[-1])].T
        low, mid, high = (above - below) / 2
        value[:, s] = at[1], at[2] - at[0]
        # Quartiles of one sample move together (correlation 1/3). A bin's own width is an error too, uniform inside it.
        quartiles = low**2 + high**2 - 2 / 3 * low * high
        error[0, s] = np.hypot(mid, 0.0064 * abs(at[1]))
        error[1, s] = np.sqrt(quartiles + (0.0064 * (abs(at[0]) + abs(at[2]))) ** 2)
    yield Measurement("median", value[0], error[0], n)
    yield Measurement("spread", value[1], error[1], n)
