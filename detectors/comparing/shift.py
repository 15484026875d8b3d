"""How far something moved, in every slice at once, with its error and what a person wants to see of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors.comparing.likeness import F


@dataclass(frozen=True)
class Shift:
    """A value, its standard error and the independent observations behind it, arrays of shape (slices,).

    Parameters
    ----------
    value : array
        NaN where there is nothing to compare.
    evidence : callable of slice index
    """

    value: F
    error: F
    n: F
    evidence: Callable[[int], Mapping[str, Any]]


def share_error(share: F, n: F) -> F:
    """Standard error of a share of n: with two hits and two misses added, since none seen is not none."""
    centre = (share * n + 2) / (n + 4)
    return np.sqrt(centre * (1 - centre) / n)


def nearest(shifts: Sequence[Shift]) -> Shift:
    """In each slice the smallest of several shifts: as far as it moved from all of what it is held against.

    >>> near, far = (Shift(np.array([v]), np.zeros(1), np.ones(1), lambda s, v=v: {"v": v}) for v in (2.0, 3.0))
    >>> found = nearest([far, near]); found.value.tolist(), found.evidence(0)
    ([2.0], {'v': 2.0})
    """
    return _chosen(
        shifts, np.array([np.where(np.isnan(s.value), np.inf, s.value) for s in shifts]).argmin(axis=0)
    )


def largest(shifts: Sequence[Shift]) -> Shift:
    """In each slice the largest of several shifts."""
    return _chosen(
        shifts, np.array([np.where(np.isnan(s.value), -np.inf, s.value) for s in shifts]).argmax(axis=0)
    )


def _chosen(shifts: Sequence[Shift], which: Any) -> Shift:
    value, error, n = (
        np.choose(which, [getattr(s, name) for s in shifts]) for name in ("value", "error", "n")
    )
    return Shift(value, error, n, lambda s: shifts[int(which[s])].evidence(s))
