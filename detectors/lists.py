"""Lists: too short, empty, with an item twice, with gaps in their positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.summary import Summary
from detectors.judgement.spec import Floor, History
from detectors.statistics.list_tally import LONGEST, ListTally
from detectors.statistics.panel import Panel

LENT = 10  # lists that what is known of the whole is worth to a slice


@dataclass(frozen=True)
class Lists(Detector):
    """The shape of the lists that were shown.

    A list is short when it has fewer than half as many items as the most usual list of the same cell: surfaces may
    have lists of different lengths. All lists cut alike show in `mean_length`.

    Parameters
    ----------
    short_above, empty_above, repeat_above, gap_above : float
        Limits, as shares of requests, that hold without history.
    rise : float
        Least rise of such a share over history that matters.
    length_change : float
        Least relative change of the mean length that matters.
    """

    name = "lists"
    statistics = (ListTally, Panel)
    telling = 60

    short_above: float = 0.5
    empty_above: float = 0.2
    repeat_above: float = 0.2
    gap_above: float = 0.5
    rise: float = 0.05
    length_change: float = 0.15

    def measures(self) -> tuple[Measure, ...]:
        lists, positions = frozenset({"request"}), frozenset({"request", "position"})

        def judge(above: float) -> tuple[Floor, History]:
            return Floor(above=above), History("up", change=self.rise)

        return (
            Measure("mean_length", Unit.ITEMS,
                    "Mean length of a list.", (History("both", change=self.length_change, relative=True),), lists,
                    says="lists have {value} items on average, usually {expected}"),
            Measure("short_share", Unit.RATIO,
                    "Share of lists with fewer than half as many items as the usual list.",
                    judge(self.short_above), lists,
                    says="{value} of lists have fewer than half the usual items"),
            Measure("empty_share", Unit.RATIO,
                    "Share of requests with an empty list.", judge(self.empty_above), lists | {"empty_lists"},
                    says="{value} of requests get an empty list"),
            Measure("repeat_share", Unit.RATIO,
                    "Share of lists that show an item twice.", judge(self.repeat_above), lists,
                    says="{value} of lists show an item twice"),
            Measure("gap_share", Unit.RATIO,
                    "Share of lists with a position missing.", judge(self.gap_above), positions,
                    says="{value} of lists have a position missing"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if "request" not in summary.has:
            return
        tally = summary[ListTally]
        counted = tally.by_slice(summary.members(tally))
        by_length = np.stack([counted[f"length_{n}"] for n in range(LONGEST + 1)], axis=1).astype(float)
        lists = by_length.sum(axis=1)
        lengths = np.arange(LONGEST + 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = by_length @ lengths / lists
            variance = np.nan_to_num(np.maximum(by_length @ lengths**2 / lists - mean**2, 0))
            # A few lists that happen to be equally long do not show how lengths vary; those of the whole do.
            variance = (lists * variance + LENT * variance[0]) / (lists + LENT)
            n = lists / summary.clustering
            yield Measurement("mean_length", mean, np.sqrt(variance / n), n)
        short = summary.members(tally) @ _short(tally.counts[:, : LONGEST + 1])
        yield share("short_share", short, lists, summary.clustering, lambda s: _lengths(by_length[s]))
        if "empty_lists" in summary.has:
            yield share("empty_share", by_length[:, 0], lists, summary.clustering)
        yield share("repeat_share", counted["with_repeat"], lists, summary.clustering)
        if "position" in summary.has:
            yield share("gap_share", counted["with_gap"], lists, summary.clustering)


def _short(by_length: I64) -> I64:
    """Lists of each cell with fewer than half as many items as its most usual one, shape (cells,)."""
    usual = LONGEST - by_length[:, :0:-1].argmax(axis=1)  # of equals, the longer
    return (by_length * (2 * np.arange(LONGEST + 1) < usual[:, None])).sum(axis=1)


def _lengths(by_length: NDArray[np.float64]) -> dict[str, dict[str, int]]:
    """How many lists there are of each length."""
    return {"lengths": {str(n): int(by_length[n]) for n in np.flatnonzero(by_length)[:20]}}
