"""Scales on which measures are judged: shares and levels as they are, counts and sizes by their logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]

COUNT, SHARE, LEVEL, SIZE = 0, 1, 2, 3  # kinds of series


def to_scale(kind: NDArray[Any], value: F) -> F:
    """Values on the scale on which they are judged."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(by_logarithm(kind), np.log(np.maximum(value, 0) + 0.5), value)


def from_scale(kind: NDArray[Any], value: F) -> F:
    """The inverse of `to_scale`."""
    with np.errstate(over="ignore"):
        return np.where(by_logarithm(kind), np.maximum(np.exp(value) - 0.5, 0), value)


def error_on_scale(kind: NDArray[Any], value: F, error: F) -> F:
    """A standard error on that scale."""
    with np.errstate(invalid="ignore"):
        return np.where(by_logarithm(kind), error / np.maximum(value, 0.5), error)


def least_variance(kind: NDArray[Any], scaled: F) -> F:
    """What chance alone does to a count on its scale, also where none was found."""
    return np.where(kind == COUNT, np.exp(-np.where(kind == COUNT, scaled, 0.0)), 0.0)


def by_logarithm(kind: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether values are judged by their logarithm: what differs by factors."""
    return np.asarray((kind == COUNT) | (kind == SIZE))
