"""A mean whose error counts users: how far it is off between random groups of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from detectors.core.measurement import Measurement
from detectors.core.random_groups import GROUPS


def mean(measure: str, sums: NDArray[np.float64], counts: NDArray[np.float64]) -> Measurement:
    """A mean of numbers that come in clusters, which are the users.

    Parameters
    ----------
    sums, counts : array, shape (slices, GROUPS)
        Of the numbers, by random group of users.

    Notes
    -----
    Linearised ratio estimator over the groups that have a number, widened as Student's t for so few. The effective
    sample size is all numbers once every group has one: the error says by itself how much users keep together. Until
    then it is how many groups of one size the numbers are worth, times the users a group that has any is likely to
    hold, which the empty ones tell (linear counting). Of one group alone nothing can be said.

    References
    ----------
    K. M. Wolter, "Introduction to Variance Estimation", 2nd edition, 2007, chapter 2 (random groups).
    K.-Y. Whang, B. T. Vander-Zanden, H. M. Taylor, "A linear-time probabilistic counting algorithm for database
    applications", ACM Transactions on Database Systems 15 (2), 1990.

    >>> counts = np.full((1, GROUPS), 10.0)
    >>> found = mean("x", counts * 3.0 + np.arange(GROUPS) % 2, counts)
    >>> float(found.value[0]), round(float(found.error[0]), 4)
    (3.05, 0.0064)
    """
    total, used = counts.sum(axis=1), (counts > 0).sum(axis=1)
    student = stdtrit(np.maximum(used - 1, 1), 0.975) / ndtri(0.975)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(used > 1, sums.sum(axis=1) / total, np.nan)
        rest = np.where(counts > 0, sums - value[:, None] * counts, 0.0)
        error = student * np.sqrt(used / (used - 1) * (rest**2).sum(axis=1)) / total
        even = total**2 / (counts**2).sum(axis=1)  # groups of one size that are worth as much
        users = -GROUPS * np.log1p(-used / GROUPS)  # infinite when no group is empty
        worth = np.where(used < GROUPS, np.fmin(even * users / used, total), total)
    floor = np.finfo(float).eps * np.abs(value)
    n = np.where(used > 1, worth, 0.0)
    return Measurement(measure, value, np.where(used > 1, np.maximum(error, floor), np.nan), n)
