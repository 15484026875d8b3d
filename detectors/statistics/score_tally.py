"""Broken scores, counted: missing, infinite, all the same, tied, out of order, the wrong way round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.statistics.tally import Tally, any_row, per_cell, rows_marked, rows_per_cell


@dataclass(frozen=True)
class ScoreTally(Tally):
    """Rows and lists by what is odd about their scores.

    Counts of lists are among `lists`: those of two or more items whose scores are all finite; `reversed` ones are among
    the `longer` of them, with three or more. `requests` have a row; squares of a request's odd rows, summed, say how
    much odd rows keep together.
    """

    name = "score_tally"
    version = 2
    names = (
        "requests", "rows", "nan", "nan_squares", "infinite", "infinite_squares",
        "lists", "constant", "tied", "out_of_order", "longer", "reversed",
    )  # fmt: skip

    @classmethod
    def count(cls, batch: Batch) -> dict[str, I64]:
        if batch.score is None:
            return dict.fromkeys(cls.names, np.zeros(len(batch.cells), np.int64))
        score = batch.score
        unusable = ~np.isfinite(score)
        whole = (batch.length >= 2) & ("request" in batch.has)
        if unusable.any():
            whole &= ~any_row(batch, unusable)
        with np.errstate(invalid="ignore"):
            step = np.diff(score)
        tie, rise = _inside_lists(batch, step == 0), _inside_lists(batch, step > 0)
        ties, rises = rows_marked(batch, tie), rows_marked(batch, rise)
        nan, infinite = np.isnan(score), np.isinf(score)
        return {
            "requests": per_cell(batch, batch.length > 0),
            "rows": per_cell(batch, batch.length),
            "nan": rows_per_cell(batch, nan),
            "nan_squares": per_cell(batch, rows_marked(batch, nan) ** 2),
            "infinite": rows_per_cell(batch, infinite),
            "infinite_squares": per_cell(batch, rows_marked(batch, infinite) ** 2),
            "lists": per_cell(batch, whole),
            "constant": per_cell(batch, whole & (ties == batch.length - 1)),
            "tied": per_cell(batch, whole & (ties > 0)),
            "out_of_order": per_cell(batch, whole & (rises > 0)),
            "longer": per_cell(batch, whole & (batch.length >= 3)),
            "reversed": per_cell(batch, whole & (batch.length >= 3) & (rises == batch.length - 1)),
        }


def _inside_lists(batch: Batch, step: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark rows whose step from the row before is marked and stays inside one list, shape (m,)."""
    marked = np.zeros(batch.n_rows, bool)
    marked[1:] = step
    starts = batch.offsets[:-1]
    marked[starts[starts < batch.n_rows]] = False
    return marked
