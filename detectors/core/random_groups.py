"""Rates whose error counts users: their variance is told by how far random groups of users differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from detectors.core.hashing import U64
from detectors.core.measurement import Evidence, Measurement, share

GROUPS = 64  # of users: a variance is then known to within 18 % (one standard error)
SHRINKAGE = 10.0  # hits that it takes to say as much of clustering as that rows are independent

Counts = NDArray[np.float64]


def group_of(user: U64) -> NDArray[np.int64]:
    """The group of each user, by bits of the hash that no sample is chosen by; the same in every window.

    >>> import numpy as np
    >>> group_of(np.array([0, 5, 69, 2**63], np.uint64)).tolist()
    [0, 5, 5, 0]
    """
    return (user % np.uint64(GROUPS)).astype(np.int64)


def rate(measure: str, hits: Counts, of: Counts, evidence: Evidence | None = None) -> Measurement:
    """A rate of events, such as clicks of the rows shown, its error counted in users.

    Parameters
    ----------
    hits, of : array, shape (slices, GROUPS)
        By random group of users.

    Notes
    -----
    Rows of one list, and lists of one user, resemble each other, and a bot clicks a thousand times. All rows of a user
    are in one group, so what groups differ by beyond chance is what that costs. Few groups widen the error as Student's
    t does; a rate of a single group says nothing.

    References
    ----------
    K. M. Wolter, "Introduction to Variance Estimation", 2nd edition, 2007, chapter 2 (random groups).

    >>> import numpy as np
    >>> alike = rate("x", np.full((1, GROUPS), 3.0), np.full((1, GROUPS), 100.0))
    >>> float(alike.value[0]), round(float(alike.n[0])), round(float(alike.error[0]), 5)
    (0.03, 6400, 0.00214)
    """
    return share(measure, hits.sum(axis=1), of.sum(axis=1), together(hits, of), evidence)


def together(hits: Counts, of: Counts) -> NDArray[np.float64]:
    """How many rows are worth one: the design effect of users, at least 1, shape (slices,)."""
    found, total, used = hits.sum(axis=1), of.sum(axis=1), (of > 0).sum(axis=1)
    student = (stdtrit(np.maximum(used - 1, 1), 0.975) / ndtri(0.975)) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = found / total
        rest = hits - expected[:, None] * of
        found_variance = used / (used - 1) * (rest**2).sum(axis=1) / (expected * (1 - expected) * total)
    effect = np.where((found > 0) & (found < total) & (used > 1), found_variance, 1.0)
    shrunk = (found * effect + SHRINKAGE) / (found + SHRINKAGE)
    return np.where(used > 1, np.maximum(student * shrunk, 1.0), np.maximum(total, 1.0))
