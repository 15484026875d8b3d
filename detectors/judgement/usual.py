"""What some windows were like: their centre, how many tell it, and how far they are from it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.odd import odd_answers
from detectors.judgement.scales import COUNT, SHARE, F
from detectors.judgement.strays import median

LEAST_POINTS = 4  # of the same hours: reached on the second day
SMALL = np.log(100.5)  # counts below this are expected at their mean
APART = (
    4.0  # standard errors by which an hour must differ from its neighbours to be held against itself alone
)
MEDIAN_VARIANCE = np.pi / 2  # variance of a median in units of that of a mean


def usual(
    kind: NDArray[Any], scaled: F, variance: F, together: F, this_hour: NDArray[np.bool_]
) -> tuple[F, F, F]:
    """Centre, points and deviation of windows at one hour and its neighbours, of each series.

    An hour that is not like its neighbours is held against itself, be it that nobody said why.

    Parameters
    ----------
    kind : array, shape (series,)
    scaled, variance : arrays, shape (windows, series)
        Values on the judged scale, and the squares of their errors.
    together : array, shape (series,)
        How many of a count come together.
    this_hour : array of bool, shape (windows,)
        Which windows are of the hour itself.

    Returns
    -------
    centre, points, deviation : arrays, shape (series,)

    References
    ----------
    B. Efron and C. Morris, "Stein's estimation rule and its competitors", Journal of the American Statistical
    Association 68, 1973 (positive part).

    An hour that is nearly as its neighbours, and one that is not:

    >>> days = np.arange(8)[:, None, None] / 10
    >>> hours = (days + np.array([[0.0, 0.0], [0.1, 5.0], [0.0, 0.0]])).reshape(24, 2)
    >>> kind, nothing = np.ones(2, int), np.zeros((24, 2))
    >>> centre, points, _ = usual(kind, hours, nothing, np.ones(2), np.arange(24) % 3 == 1)
    >>> centre.round(2).tolist(), points.tolist()
    ([0.4, 5.35], [24.0, 8.0])
    """
    centre, points, deviation = _typical(kind, scaled)
    own, own_points, own_deviation = _typical(kind, scaled[this_hour])
    by_chance = np.exp(-centre) * np.fmax(together, 1.0)  # of a count as large as its neighbours
    noise = np.where(kind == COUNT, by_chance, median(variance[this_hour])[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(MEDIAN_VARIANCE * (own_deviation**2 + noise) / own_points)
        alone = _alone(np.abs(own - centre) / error, own_points)

    def between(pooled: F, of_hour: F) -> F:
        return np.where(alone > 0, pooled + alone * (of_hour - pooled), pooled)

    return between(centre, own), between(points, own_points), between(deviation, own_deviation)


def _alone(apart: F, own_points: F) -> F:
    """How far an hour is held against itself alone, 0 to 1, by the standard errors that it is off its neighbours.

    Below `APART` as the positive part of Stein's estimator has it, where the hour has points enough to be held
    against: an hour that is in part unlike its neighbours, as one in which a country wakes up, would be expected at
    their level on one day and at its own on the next.
    """
    part = np.maximum(1 - 2 / apart**2, 0.0) / (1 - 2 / APART**2)
    out = np.where(own_points >= LEAST_POINTS, np.minimum(part, 1.0), apart > APART)
    return np.asarray(np.nan_to_num(out))


def _typical(kind: NDArray[Any], values: F) -> tuple[F, F, F]:
    """Median, points and robust deviation of some windows; of a few requests an hour the mean."""
    centre, points = median(values)
    deviation = 1.4826 * median(np.abs(values - centre))[0]
    small = (kind == COUNT) & (centre < SMALL)
    if small.any():  # the median of a few requests an hour is nought or one: their mean says more
        mean = np.nansum(np.exp(values[:, small]) - 0.5, axis=0) / np.maximum(points[small], 1)
        centre[small] = np.log(mean + 0.5)
    return centre, points, deviation


def together_of(kind: NDArray[Any], scaled: F, variance: F) -> F:
    """How many of a count come together: 1 for other series, NaN where nothing was counted."""
    counts = np.flatnonzero(kind == COUNT)
    number = np.exp(scaled[:, counts]) - 0.5
    out = np.ones(len(kind))
    out[counts] = median(np.where(number >= 0.5, variance[:, counts] * number, np.nan))[0]
    return out


def odd_answers_of(kind: NDArray[Any], centre: F, scaled: F, variance: F) -> tuple[F, F, F]:
    """Those of shares that mostly were 0 or 1; of other series none, each by itself."""
    answers, odd, together = np.zeros(len(kind)), np.zeros(len(kind)), np.ones(len(kind))
    at = np.flatnonzero((kind == SHARE) & ((centre == 0) | (centre == 1)))
    answers[at], odd[at], together[at] = odd_answers(scaled[:, at], variance[:, at], centre[at])
    return answers, odd, together
