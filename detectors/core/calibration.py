"""How far scores are from the share of rows that are clicked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Counts = NDArray[np.float64]

UNSURE = 0.2  # of a bin's own error: what is taken away for chance may be wrong by so much


def expected_calibration_error(
    rows: Counts, score: Counts, clicks: Counts, together: Counts
) -> tuple[Counts, Counts]:
    """Mean distance between a bin's mean score and its share of clicked rows, and the error of it, shape (slices,).

    Chance alone puts a bin off: what that adds on average, by a folded normal distribution, is taken away, or the
    result would follow from the number of rows.

    Parameters
    ----------
    rows, score, clicks : array, shape (slices, bins)
        Scores are summed up.
    together : array, shape (slices,)
        Rows that are worth one.

    References
    ----------
    M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
    2015, equation 7, which is the plain form.
    J. Bröcker, "Estimating reliability and resolution of probability forecasts through decomposition of the empirical
    score", Climate Dynamics 39, 2012 (why it is too large in small samples).

    >>> rows = np.array([[1e6, 1e6]])
    >>> value, error = expected_calibration_error(rows, rows * [0.1, 0.3], rows * [0.1, 0.2], np.ones(1))
    >>> value.round(4).tolist(), error.round(4).tolist()
    ([0.0499], [0.0003])
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        promised, clicked, weight = score / rows, clicks / rows, rows / rows.sum(axis=1, keepdims=True)
        seen = (clicks + 2 * promised) / (rows + 2)  # a bin without a click is not sure to have none
        variance = seen * (1 - seen) / rows * together[:, None]
        off, chance = np.abs(promised - clicked), np.sqrt(variance)
        true = np.sqrt(np.maximum(off**2 - variance, 0.0))
        z = np.where(chance > 0, true / chance, np.inf)
        added = 2 * chance * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) + true * (2 * ndtr(z) - 1) - true
        unsure = UNSURE * np.nansum(weight * chance, axis=1)
        error = np.hypot(np.sqrt(np.nansum(weight**2 * variance, axis=1)), unsure)
        value = np.maximum(np.nansum(weight * (off - added), axis=1), 0.0)
    there = np.where(rows.sum(axis=1) > 0, 1.0, np.nan)
    return value * there, error * there
