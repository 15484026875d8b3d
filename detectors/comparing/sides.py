"""Two sides of the traffic held against each other, the second brought to the first one's mix of everything else.

Direct standardisation, or post-stratification: where countries and surfaces differ in what they are shown, a version
that only one of them gets is compared with the others there.

References
----------
W. G. Cochran, "Sampling Techniques", 1977, section 5A.9 (poststratification).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.expected import in_place
from detectors.core.hashing import U64
from detectors.core.summary import Summary

F = NDArray[np.float64]

LEAST_COVERED = 0.5  # of our traffic that must have its like on the other side


@dataclass(frozen=True)
class Sides:
    """Which cells are on which side, and which of them are alike in everything else.

    Parameters
    ----------
    keys : array of uint64, shape (cells,)
    ours, theirs : arrays of bool, shape (cells,)
    stratum : array of int, shape (cells,)
    """

    keys: U64
    ours: NDArray[np.bool_]
    theirs: NDArray[np.bool_]
    stratum: NDArray[np.int64]

    @classmethod
    def of(
        cls, summary: Summary, column: str, where: Mapping[str, str], leave_out: Collection[str] = ()
    ) -> Self:
        """One value of a column against all others, in the part of the traffic that `where` says beside it.

        Parameters
        ----------
        where : mapping of column to value
            Has the column.
        leave_out : collection of str
            Values that are on neither side.
        """
        cells = summary.cells
        at = cells.columns.index(column)
        here = summary.slices.members[0] & in_place(cells, {c: v for c, v in where.items() if c != column})
        value = [v[at] for v in cells.values]
        ours = here & np.array([v == where[column] for v in value], bool)
        theirs = here & ~ours & np.array([v not in leave_out for v in value], bool)
        number: dict[tuple[str, ...], int] = {}
        stratum = [number.setdefault(v[:at] + v[at + 1 :], len(number)) for v in cells.values]
        return cls(cells.keys, ours, theirs, np.array(stratum, np.int64))

    def by_cell(self, groups: U64, values: NDArray[Any]) -> F:
        """What a statistic has for its groups as an array over all cells, shape (cells, ...)."""
        out = np.zeros((len(self.keys), *values.shape[1:]))
        out[np.searchsorted(self.keys, groups)] = values
        return out

    def weights(self, of: F) -> F:
        """What one observation of each cell weighs, so that both sides weigh 1 and have our mix, shape (cells,).

        Strata that only one side has weigh nothing; all weights are 0 when they are most of our traffic.

        Parameters
        ----------
        of : array, shape (cells,)
            Observations.

        >>> from detectors.core.cells import Cells
        >>> cells = Cells.of(("c", "v"), [("DE", "1"), ("DE", "2"), ("US", "1"), ("US", "2")])
        >>> number = {("DE", "1"): 90.0, ("US", "1"): 10.0, ("DE", "2"): 1.0, ("US", "2"): 3.0}
        >>> weights = Sides.of(Summary(cells), "v", {"v": "2"}).weights(np.array([number[v] for v in cells.values]))
        >>> {v: round(float(w * number[v]), 2) for v, w in zip(cells.values, weights)}[("DE", "1")]
        0.25
        """
        size = int(self.stratum.max(initial=-1)) + 1
        mine = np.bincount(self.stratum, np.where(self.ours, of, 0.0), size)
        other = np.bincount(self.stratum, np.where(self.theirs, of, 0.0), size)
        both = (mine > 0) & (other > 0)
        total = mine[both].sum()
        if not total or total < LEAST_COVERED * mine.sum():
            return np.zeros(len(of))
        with np.errstate(invalid="ignore", divide="ignore"):
            theirs = np.where(both, mine / other, 0.0)[self.stratum] / total
        return np.where(self.ours, both[self.stratum] / total, np.where(self.theirs, theirs, 0.0))


@dataclass(frozen=True)
class Excess:
    """How much larger something is on our side, with what stands behind it.

    Parameters
    ----------
    value, error : float
    n : float
        Independent observations that a share as large as the limit would need for the error that the difference has
        when it stands right on the limit.
    here, elsewhere : float
    """

    value: float
    error: float
    n: float
    here: float
    elsewhere: float


def excess(here: float, n_here: float, elsewhere: float, n_elsewhere: float, above: float) -> Excess:
    """The difference of two shares.

    A limit is passed for sure when a difference that stands right on it would hardly ever look so large: a score test,
    as Wilson's interval of one share is. It holds where few requests, or none, have what is counted.

    Parameters
    ----------
    n_here, n_elsewhere : float
        Independent observations.
    above : float
        The limit.

    References
    ----------
    O. Miettinen and M. Nurminen, "Comparative analysis of two rates", Statistics in Medicine 4, 1985.

    >>> found = excess(1.0, 30, 0.0, 270, 0.1)
    >>> round(found.value, 3), round(found.error, 3), round(found.n)
    (1.0, 0.043, 28)
    """
    usual = (elsewhere * n_elsewhere + 2) / (
        n_elsewhere + 4
    )  # Agresti and Coull's: nought seen is not nought
    mine = (here * n_here + 2) / (n_here + 4)
    spread = usual * (1 - usual) / n_elsewhere
    on_limit = min(usual + above, 0.5)
    at_limit = on_limit * (1 - on_limit) / n_here + spread
    error = np.sqrt(mine * (1 - mine) / n_here + spread)
    return Excess(here - elsewhere, float(error), above * (1 - above) / at_limit, here, elsewhere)
