"""What the rest of the traffic says of a slice's: what moves all of a shop alike is no trouble of one slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.past import Expectation
from detectors.judgement.scales import COUNT, F, from_scale

# As much as the rest may move what is expected of a slice: a campaign in one place is no fall in another, and what the
# others lack may be what is broken.
LEAST, MOST = np.log(0.8), np.log(1.25)


def beside_the_rest(
    kind: NDArray[np.int8], past: Expectation, value: F, whole: NDArray[np.int64]
) -> Expectation:
    """Expect of a count in a slice what its history makes likely where the rest of the whole is as it was found.

    By how much the rest is off its own expectation is taken as far as it can be told: the best linear prediction of
    what all slices have in common, whose variance is that of the whole from window to window, from a count that has
    chance of its own.

    Parameters
    ----------
    kind : array, shape (rows,)
    past : Expectation
        From history alone.
    value : array, shape (rows,)
        Counts of the window.
    whole : array of int, shape (rows,)
        Row of the whole, of the same measure.

    Returns
    -------
    Expectation
        That of the whole as it was.

    References
    ----------
    G. Robinson, "That BLUP is a good thing: the estimation of random effects", Statistical Science 6, 1991.

    A shop of 1,000 requests an hour, 100 of them German, has a sixth more of all others than usual:

    >>> one = np.ones(2)
    >>> past = Expectation(np.log([1000.5, 100.5]), 0.2 * one, one, one, one > 0, 0 * one, 0 * one)
    >>> after = beside_the_rest(np.array([COUNT, COUNT]), past, np.array([1100.0, 50.0]), np.zeros(2, int))
    >>> from_scale(COUNT, after.centre).round().tolist()
    [1000.0, 116.0]
    """
    expected = from_scale(kind, past.centre)
    at = np.flatnonzero((kind == COUNT) & (whole != np.arange(len(whole))))
    of_all = whole[at]
    usual = expected[of_all] - expected[at]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = value[of_all] - value[at]
        off = np.log((np.maximum(found, 0) + 0.5) / (usual + 0.5))
        noise = np.fmax(past.together[of_all], 1.0) / usual
        common = past.spread[of_all] ** 2
        # Of a slice that is most of the whole the rest is a small difference of two that are known badly.
        told = np.minimum(2 * usual / expected[of_all], 1.0) * common / (common + noise)
        moved = np.clip(told * off, LEAST, MOST)
    known = np.isfinite(found) & np.isfinite(moved) & (usual > 0)
    centre = past.centre.copy()
    centre[at[known]] += moved[known]
    return replace(past, centre=centre)
