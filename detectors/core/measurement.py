"""Measures, which a detector declares, and measurements, which it makes of a summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.spec import Judgement

Evidence = Callable[[int], Mapping[str, Any]]


class Unit(StrEnum):
    """Base units, as metric names end in them."""

    RATIO = "ratio"
    REQUESTS = "requests"
    ROWS = "rows"
    USERS = "users"
    ITEMS = "items"
    SECONDS = "seconds"
    SCORE = "score"
    SHANNONS = (
        "shannons"  # of information; "bits" would be taken for a size, of which bytes are the base unit
    )
    FREQUENCY = "frequency"  # how often, of a fixed number of rows
    CURRENCY = "currency"  # whichever the log or the catalogue has
    CHANGE = "change"  # relative, with its sign: 0.2 is a fifth more
    NATS = "nats"  # of information too: the unit of the population stability index
    SPREADS = "spreads"  # distances between the quartiles

    @property
    def counts_traffic(self) -> bool:
        """Whether values of slices add up to that of the whole."""
        return self in (Unit.REQUESTS, Unit.ROWS)


@dataclass(frozen=True)
class Measure:
    """What is measured, in which unit, and how it is judged.

    Parameters
    ----------
    name : str
        Within its detector; the full name is "detector.name".
    unit : Unit
    help : str
        One sentence for the metric's help text and the page.
    judge : tuple of Judgement
        Tried in order; the first that breaches counts.
    needs : frozenset of str
        Columns, by role, without which it cannot be measured.
    of_sameness : bool
        Whether it speaks of answers being alike: meaningless where everybody is meant to get the same. Slices are then
        measured without their "popular" traffic.
    of_response : bool
        Whether it speaks of what users do with what they are shown: it follows from whatever is wrong with that.
    at_once : bool
        Whether one window can be enough; not where a harmless change, such as a model trained anew, shows once.
    windows : int
        Windows that it sums up: what two of them show together needs no second look.
    averaged : bool
        Whether a ratio is a mean of what each answer has between 0 and 1, and no share of answers that have it or not.
    follows : frozenset of str
        Detectors, and single measures by their full names, whose trouble moves it too: one item that is in all lists is
        something that any two of them share, and where nothing is shown nobody clicks. A single measure that is off
        beside it is named before it.
    least_n : int
        Effective sample size below which a value says too little to be judged.
    says : str
        The sentence of an incident: a template with {item}, {position}, {part}, {value}, {expected} and {requests}.
    """

    name: str
    unit: Unit
    help: str
    judge: tuple[Judgement, ...] = ()
    needs: frozenset[str] = frozenset()
    least_n: int = 10
    says: str = ""
    of_sameness: bool = False
    of_response: bool = False
    at_once: bool = True
    windows: int = 1
    averaged: bool = False
    follows: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Measurement:
    """One measure of all slices of a window.

    Parameters
    ----------
    measure : str
        Name within the detector.
    value : array, shape (slices,)
        NaN where the slice has nothing to measure.
    error : array, shape (slices,)
        Standard error from sampling users; 0 where the value is exact and says nothing beyond itself.
    n : array, shape (slices,)
        Effective sample size behind the value: independent users, not rows.
    evidence : callable of slice index, or None
        What a person wants to see of a slice: called only for the slices that are shown.
    """

    measure: str
    value: NDArray[np.float64]
    error: NDArray[np.float64]
    n: NDArray[np.float64]
    evidence: Evidence | None = None


def share(
    measure: str,
    hits: NDArray[Any],
    of: NDArray[Any],
    clustering: NDArray[np.float64],
    evidence: Evidence | None = None,
) -> Measurement:
    """A share of requests (or rows), its error counted in independent users.

    Parameters
    ----------
    hits, of : array, shape (slices,)
    clustering : array, shape (slices,)
        Requests an independent user makes, from `Summary.clustering`.

    Notes
    -----
    The error is that of Agresti and Coull's centre, two hits and two misses added: a share of 0 or 1 in a few requests
    is not known exactly, as the plain formula has it.

    References
    ----------
    A. Agresti and B. A. Coull, "Approximate is better than 'exact' for interval estimation of binomial proportions",
    The American Statistician 52 (2), 1998.

    >>> import numpy as np
    >>> m = share("x", np.array([30, 3]), np.array([100, 3]), np.ones(2))
    >>> m.value.tolist(), m.error.round(4).tolist()
    ([0.3, 1.0], [0.0462, 0.2608])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(of > 0, hits / of, np.nan)
        n = of / clustering
        centre = (value * n + 2) / (n + 4)
        error = np.sqrt(centre * (1 - centre) / n)
    return Measurement(measure, value, error, n, evidence)
