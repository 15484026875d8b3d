"""How likely a value is under an expectation: tails that hold far out, for counts, shares and levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr, ndtri, stdtrit

from detectors.judgement.odd import chance_of_odd
from detectors.judgement.past import Expectation
from detectors.judgement.scales import COUNT, SHARE, F, error_on_scale, from_scale, to_scale

LEAST_COUNT = 0.05  # what is expected of a place where nothing was ever seen: it may have been chance
LEAST_FREEDOM = 3.0


@dataclass(frozen=True)
class Found:
    """What is judged, one row for each measure and slice: arrays of shape (rows,).

    Parameters
    ----------
    whole : array of int
        Row of the whole, of the same measure.
    averaged : array of bool
        Whether a share is a mean of shares.
    """

    value: F
    error: F
    n: F
    whole: NDArray[np.int64]
    averaged: NDArray[np.bool_]


@dataclass(frozen=True)
class Limits:
    """Variance of the next value around its expectation, and how many of a count come together.

    Parameters
    ----------
    most : array or None
        Sample size that a share's variance is not taken to be smaller than; None: as many as were seen.
    past : Expectation or None
        Of shares: what history has of answers that were otherwise than usual.
    """

    variance: F
    clumps: F
    most: F | None = None
    past: Expectation | None = None

    def at(self, chosen: NDArray[np.int64]) -> Limits:
        """Of some of them."""
        most = None if self.most is None else self.most[chosen]
        past = None if self.past is None else self.past.at(chosen)
        return Limits(self.variance[chosen], self.clumps[chosen], most, past)


def limits_of(kind: int, expected: F, past: Expectation, found: Found, chance: F) -> Limits:
    """Predictive variance on the judged scale: window to window, and sampling error as at the expectation.

    Parameters
    ----------
    chance : array
        Probability at which a breach begins: a spread that few windows tell is widened as Student's t has it there.
    """
    value, error, n = found.value, found.error, found.n
    clumps, most = np.ones(len(value)), None
    if kind == COUNT:
        # Requests of one user, and rows of one list, come together. A few of them, or none, do not show how many:
        # earlier windows do, or else the whole.
        with np.errstate(invalid="ignore", divide="ignore"):
            clumps = np.maximum(np.fmax(np.where(value > 0, error**2 / value, np.nan), past.together), 1.0)
        clumps = np.where(np.isnan(clumps), np.fmax(clumps[found.whole], 1.0), clumps)
        sampling = 1 / np.maximum(expected / clumps, LEAST_COUNT)
    elif kind == SHARE:
        p = _possible(expected, n)
        with np.errstate(
            invalid="ignore", divide="ignore"
        ):  # what the stated error is worth, also at 0 and 1
            centre = (np.clip(value, 0, 1) * n + 2) / (n + 4)
            behind = np.where(error > 0, centre * (1 - centre) / error**2, n)
        most = np.minimum(n, behind)
        # A mean of shares, such as what two lists have in common, is known better than as many answers of yes or no:
        # by its stated error, of which its n are the sample, so that Student's t holds and not the normal.
        mean = np.flatnonzero(found.averaged)
        by_error = behind[mean] / _widening(n[mean] - 1, chance[mean]) ** 2
        most[mean] = np.maximum(most[mean], by_error)
        sampling = p * (1 - p) / np.maximum(most, 1)
    else:
        sampling = np.nan_to_num(error_on_scale(np.full(len(value), kind), value, error), posinf=0.0) ** 2
    variance = past.spread**2 * _widening(past.freedom, chance) ** 2 + sampling
    return Limits(variance, clumps, most, past if kind == SHARE else None)


def _widening(freedom: F, chance: F) -> F:
    """How much farther out Student's t has a chance than the normal distribution."""
    return np.asarray(stdtrit(np.fmax(freedom, LEAST_FREEDOM), 1 - chance) / ndtri(1 - chance))


def tails(kind: int, value: F, expected: F, limits: Limits, n: F) -> tuple[NDArray[Any], NDArray[Any]]:
    """Chance of a value at least as high, and at most as low, as the one found.

    Counts are negative binomial, shares binomial with the sample that gives the predictive variance; both are continued
    to real numbers by the incomplete beta function: right in the tails, where a normal limit is not.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        if kind == COUNT:
            mean, found = np.maximum(expected / limits.clumps, LEAST_COUNT), value / limits.clumps
            shape = 1 / np.maximum(limits.variance - 1 / mean, 1e-9)  # 1/shape: squared spread beyond Poisson
            odds = shape / (shape + mean)
            at_most = betainc(shape, found + 1, odds)
            at_least = np.where(found > 0, betainc(np.maximum(found, 1e-9), shape, 1 - odds), 1.0)
            return at_least, at_most
        if kind == SHARE:
            p = _possible(expected, n)
            most = np.maximum(n if limits.most is None else limits.most, 1)
            at_least, at_most = _binomial(value, p, limits.variance, most)
            if limits.past is not None:
                at = np.flatnonzero(limits.past.answers > 0)
                chance = _as_odd(value[at], expected[at], p[at], limits.at(at), most[at])
                at_least[at] = np.where(expected[at] == 0, chance, at_least[at])
                at_most[at] = np.where(expected[at] == 1, chance, at_most[at])
            return at_least, at_most
        kinds = np.full(len(value), kind)
        off = to_scale(kinds, value) - to_scale(kinds, expected)
        z = off / np.sqrt(np.maximum(limits.variance, 1e-300))
        return ndtr(-z), ndtr(z)


def _binomial(value: F, p: F, variance: F, most: F) -> tuple[F, F]:
    """Chance of a share at least as high, and at most as low, of as many answers as have that variance."""
    size = np.clip(p * (1 - p) / np.maximum(variance, 1e-12), 1.0, most)
    hits = np.clip(value, 0, 1) * size
    at_least = np.where(hits > 0, betainc(np.maximum(hits, 1e-9), size - hits + 1, p), 1.0)
    misses = size - hits
    at_most = np.where(misses > 0, betainc(np.maximum(misses, 1e-9), hits + 1, 1 - p), 1.0)
    return at_least, at_most


def _as_odd(value: F, usual: F, p: F, limits: Limits, most: F) -> F:
    """Chance of at least as many answers otherwise than usual, of shares that mostly were 0 or 1.

    What windows differ by beyond chance has to leave it as unlikely.
    """
    assert limits.past is not None
    answers, odd, together = limits.past.answers, limits.past.odd, limits.past.together
    share = np.abs(np.clip(value, 0, 1) - usual)
    by_count = chance_of_odd(share * most / together, most / together, odd, answers)
    often = np.minimum((odd + 0.5) / answers, 0.5)
    between = np.maximum(limits.variance - p * (1 - p) / most, 0.0)
    by_spread, _ = _binomial(share, often, between + often * (1 - often) / most, most)
    return np.maximum(by_count, by_spread)


def band(kind: int, past: Expectation, limits: Limits, chance: F) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where history would not object, for people to see; the tails decide."""
    half = ndtri(1 - chance) * np.sqrt(limits.variance)
    kinds = np.full(len(half), kind)
    low, high = from_scale(kinds, past.centre - half), from_scale(kinds, past.centre + half)
    return (np.clip(low, 0, 1), np.clip(high, 0, 1)) if kind == SHARE else (low, high)


def _possible(expected: F, n: F) -> F:
    """A share that was always 0 or 1 may still have been a little off: by half an observation."""
    margin = 0.5 / np.maximum(n, 1)
    return np.clip(expected, margin, 1 - margin)
