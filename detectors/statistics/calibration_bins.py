"""Scores against clicks: how often rows of about one score are clicked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch, F
from detectors.statistics.score_histogram import bin_of, middle_of
from detectors.statistics.tally import Tally

BINS = (
    32  # by the logit of the score: click probabilities are small, and equal widths would put all in one bin
)
WIDTH = 0.5  # of a bin, in logits: the outer ones begin where odds are 1 to 2981
SCALE = 1 << 20  # scores are added up as whole numbers of this part, so that the order does not matter


@dataclass(frozen=True)
class CalibrationBins(Tally):
    """Rows that say whether they were clicked and have a score from 0 to 1, by bin: how many, score, clicks.

    `outside`: such rows with a finite score below 0 or above 1; with any of them, scores are no probabilities.
    """

    name = "calibration_bins"
    outcome = "click"
    names = (
        "outside",
        *(f"{kind}_{b}" for kind in ("rows", "score", "clicks") for b in range(BINS)),
    )

    @classmethod
    def count(cls, batch: Batch) -> dict[str, I64]:
        if batch.score is None or batch.click is None:
            return dict.fromkeys(cls.names, np.zeros(len(batch.cells), np.int64))
        usable = np.isfinite(batch.score)
        if batch.click_known is not None:
            usable &= batch.click_known
        with np.errstate(invalid="ignore"):
            inside = usable & (batch.score >= 0) & (batch.score <= 1)
        cell, score, click = batch.row_cell, batch.score, batch.click
        outside = np.bincount(cell[usable & ~inside], minlength=len(batch.cells))
        if not inside.all():
            cell, score, click = cell[inside], score[inside], click[inside]
        code = cell.astype(np.int64) * BINS + calibration_bin(score)
        size = len(batch.cells) * BINS
        parts = (None, np.round(score.astype(np.float64) * SCALE), click)
        counted = [np.bincount(code, part, size).astype(np.int64).reshape(-1, BINS) for part in parts]
        return dict(zip(cls.names, [outside, *np.concatenate(counted, axis=1).T], strict=True))

    def by_bin(self, members: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """Rows, score (summed up) and clicks by slice and bin, shape (slices, BINS); `outside`, shape (slices, 1)."""
        totals = members.astype(np.float64) @ self.counts.astype(np.float64)  # whole numbers below 2^53
        rows, score, clicks = np.split(totals[:, 1:], 3, axis=1)
        return {"outside": totals[:, :1], "rows": rows, "score": score / SCALE, "clicks": clicks}


def calibration_bin(score: F) -> NDArray[np.int64]:
    """The bin of each score from 0 to 1; its edges are those of the score histogram that are next to it.

    >>> calibration_bin(np.array([0.0, 1e-9, 0.018, 0.499, 0.501, 0.982, 1.0])).tolist()
    [0, 0, 7, 15, 16, 24, 31]
    """
    low = score < 0.5  # numbers are known to a part of their size: above, that of what lacks to 1 tells more
    lower = _BIN_OF[bin_of(np.where(low, score, 1 - score)) - _FIRST]
    return np.where(low, lower, BINS - 1 - lower)


_FIRST, _LAST = bin_of(np.array([0.0, 0.5])).tolist()


def _bins() -> NDArray[np.int64]:
    """The bin of each bin of the score histogram from 0 to 0.5."""
    middle = np.clip(middle_of(np.arange(_FIRST, _LAST + 1, dtype=np.uint64)), 1e-30, 0.5 - 1e-9)
    return np.maximum(np.floor(np.log(middle / (1 - middle)) / WIDTH) + BINS // 2, 0).astype(np.int64)


_BIN_OF = _bins()
