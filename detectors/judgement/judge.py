"""The judge: a pure fold over windows in order. It sees a window and those before it, never a later one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr, ndtri, stdtrit

from detectors.core.intervals import wilson
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.past import (
    COUNT,
    LEVEL,
    SHARE,
    SIZE,
    Expectation,
    F,
    Past,
    error_on_scale,
    from_scale,
    to_scale,
)
from detectors.judgement.spec import Floor, History

FLOOR_Z = 4.0  # a floor is passed for sure: one false crossing in 30,000 windows that stand right on it
LEAST_COUNT = 0.05  # what is expected of a place where nothing was ever seen: it may have been chance
CHANCE = 1e-6  # probability of a single false breach of history, by series and window


@dataclass(frozen=True)
class Judged:
    """The judgement of one measure in every slice.

    Parameters
    ----------
    slices : tuple of str
        Those of the window, then those that history knows and the window lacks.
    value, error, n, expected, low, high : arrays, shape (slices,)
        [low, high] is the band outside which history would breach.
    verdict : array of uint8
    page : array of bool
        Breaches that are severe enough to wake somebody.
    strength : array
        How surely, as -log10 of the chance; infinite for a floor.
    """

    measure: Measure
    slices: tuple[str, ...]
    value: F
    error: F
    n: F
    expected: F
    low: F
    high: F
    verdict: NDArray[np.uint8]
    page: NDArray[np.bool_]
    strength: F


@dataclass
class Judge:
    """Judges windows in order.

    Parameters
    ----------
    past : Past
        What earlier windows were like; grows with every window that is remembered.

    >>> judge = Judge()
    >>> from detectors.core.measurement import Measure, Unit
    >>> m = Measure("x", Unit.RATIO, "", (Floor(above=0.5),))
    >>> found = Measurement("x", *(np.array([v]) for v in (0.9, 0.03, 100.0)))
    >>> [j.verdict.tolist() for j in judge.judge(0, ("all",), [("d.x", m, found)])]
    [[1]]
    """

    past: Past = field(default_factory=Past)

    def judge(
        self,
        start_us: int,
        slices: Sequence[str],
        measured: Sequence[tuple[str, Measure, Measurement]],
    ) -> list[Judged]:
        """Judge one window.

        Parameters
        ----------
        start_us : int
            Start of the window; later than that of every window remembered.
        slices : sequence of str
        measured : sequence of (full name, Measure, Measurement)
        """
        prepared = []
        for name, measure, found in measured:
            kind = kind_of(measure)
            texts = tuple(slices)
            value, error, n = found.value, found.error, found.n
            if measure.unit.counts_traffic:  # what is not there was counted: as zero
                gone = [s for s in self.past.known(name) if s not in set(slices)]
                texts += tuple(gone)
                value, error, n = (np.append(a, np.zeros(len(gone))) for a in (value, error, n))
            columns = self.past.columns(name, texts, kind)
            prepared.append((measure, kind, texts, value, error, n, columns))
        expectation = self.past.expect(start_us)
        out = []
        for measure, kind, texts, value, error, n, columns in prepared:
            # Slices that are gone for good, and those of other hours, are expected to be gone: they are dropped.
            keep = np.ones(len(texts), bool)
            keep[len(slices) :] = expectation.seen[columns[len(slices) :]]
            texts = tuple(t for t, k in zip(texts, keep, strict=True) if k)
            value, error, n, columns = value[keep], error[keep], n[keep], columns[keep]
            mine = expectation.at(columns)
            out.append(_judge_measure(measure, kind, texts, value, error, n, mine))
        return out

    def remember(
        self, start_us: int, rows: Mapping[tuple[str, int], tuple[Sequence[str], F, F, NDArray[np.bool_], F]]
    ) -> None:
        """Add a judged window to the past.

        Parameters
        ----------
        rows : mapping of (full name, kind) to (slices, value, error, excluded, expected)
        """
        parts = []
        for (name, kind), (slices, value, error, excluded, expected) in rows.items():
            parts.append((self.past.columns(name, slices, kind), value, error, excluded, expected))
        if parts:
            self.past.remember(start_us, *(np.concatenate(column) for column in zip(*parts, strict=True)))


def kind_of(measure: Measure) -> int:
    """The scale on which a measure is judged."""
    if measure.unit in (Unit.REQUESTS, Unit.ROWS, Unit.USERS):
        return COUNT
    if measure.unit is Unit.RATIO:
        return SHARE
    return SIZE if measure.unit is Unit.ITEMS else LEVEL


def _judge_measure(
    measure: Measure, kind: int, slices: tuple[str, ...], value: F, error: F, n: F, past: Expectation
) -> Judged:
    """One measure in every slice against its floors and its history."""
    size = len(slices)
    kinds = np.full(size, kind)
    verdict = np.full(size, Verdict.NO_DATA, np.uint8)
    page, strength = np.zeros(size, bool), np.zeros(size)
    measurable = np.isfinite(value)
    verdict[np.isinf(value)] = Verdict.ERROR
    enough = measurable & np.isfinite(error) & ((n >= measure.least_n) | (kind == COUNT))
    verdict[measurable] = Verdict.TOO_FEW
    expected = from_scale(kinds, past.centre)
    low, high = np.full(size, np.nan), np.full(size, np.nan)
    for spec in measure.judge:
        if isinstance(spec, Floor):
            breach, sure = _beyond_floor(spec, kind, value, error, n)
            decided = enough
        else:
            limits = _limits(kind, expected, past, error, value, n)
            breach, sure = _off_history(spec, kind, value, expected, n, limits)
            decided = enough & np.isfinite(past.centre)
            low, high = _band(kind, past, limits)
        breach &= decided
        verdict[decided & (verdict == Verdict.TOO_FEW)] = Verdict.OK
        verdict[breach] = Verdict.BREACH
        strength[breach] = np.maximum(strength[breach], sure[breach])
        page |= breach & (spec.severity is Severity.PAGE)
    if not measure.judge:
        verdict[enough] = Verdict.OK
    return Judged(measure, slices, value, error, n, expected, low, high, verdict, page, strength)


def _beyond_floor(spec: Floor, kind: int, value: F, error: F, n: F) -> tuple[NDArray[np.bool_], F]:
    if kind == SHARE:
        low, high = wilson(np.clip(np.nan_to_num(value), 0, 1), n, FLOOR_Z)
    else:
        low, high = value - FLOOR_Z * error, value + FLOOR_Z * error
    breach = np.zeros(len(value), bool)
    if spec.above is not None:
        breach |= low > spec.above
    if spec.below is not None:
        breach |= high < spec.below
    return breach, np.full(len(value), np.inf)


@dataclass(frozen=True)
class _Limits:
    """Variance of the next value around its expectation, and how many of a count come together."""

    variance: F
    clumps: F


def _limits(kind: int, expected: F, past: Expectation, error: F, value: F, n: F) -> _Limits:
    """Predictive variance on the judged scale: window to window, and sampling error as at the expectation."""
    clumps = np.ones(len(value))
    if kind == COUNT:
        # Requests of one user, and rows of one list, come together. A few of them, or none, do not show how many:
        # earlier windows do, or else the whole.
        with np.errstate(invalid="ignore", divide="ignore"):
            clumps = np.maximum(np.fmax(np.where(value > 0, error**2 / value, np.nan), past.together), 1.0)
        clumps = np.where(np.isnan(clumps), np.fmax(clumps[0], 1.0), clumps)
        sampling = 1 / np.maximum(expected / clumps, LEAST_COUNT)
    elif kind == SHARE:
        p = _possible(expected, n)
        with np.errstate(invalid="ignore", divide="ignore"):
            behind = np.where(error > 0, value * (1 - value) / error**2, n)  # what the stated error is worth
        sampling = p * (1 - p) / np.maximum(np.minimum(n, behind), 1)
    else:
        sampling = np.nan_to_num(error_on_scale(np.full(len(value), kind), value, error), posinf=0.0) ** 2
    freedom = np.maximum(past.freedom, 3.0)
    widening = stdtrit(freedom, 1 - CHANCE) / ndtri(1 - CHANCE)
    return _Limits(past.spread**2 * widening**2 + sampling, clumps)


def _off_history(
    spec: History, kind: int, value: F, expected: F, n: F, limits: _Limits
) -> tuple[NDArray[np.bool_], F]:
    """Breaches of history: too unlikely, and changed by enough."""
    with np.errstate(invalid="ignore", divide="ignore"):
        change = value - expected
        size = np.abs(change) / (np.abs(expected) if spec.relative else 1.0)
    up, down = _tails(kind, value, expected, limits, n)
    chance = {"up": np.where(change > 0, up, 1.0), "down": np.where(change < 0, down, 1.0)}
    p = chance[spec.direction] if spec.direction != "both" else np.minimum(chance["up"], chance["down"])
    with np.errstate(divide="ignore"):
        sure = -np.log10(np.maximum(p, 1e-300))
    return (p < CHANCE) & (size >= spec.change), sure


def _tails(kind: int, value: F, expected: F, limits: _Limits, n: F) -> tuple[NDArray[Any], NDArray[Any]]:
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
            size = np.clip(p * (1 - p) / np.maximum(limits.variance, 1e-12), 1.0, np.maximum(n, 1))
            hits = np.clip(value, 0, 1) * size
            at_least = np.where(hits > 0, betainc(np.maximum(hits, 1e-9), size - hits + 1, p), 1.0)
            misses = size - hits
            at_most = np.where(misses > 0, betainc(np.maximum(misses, 1e-9), hits + 1, 1 - p), 1.0)
            return at_least, at_most
        kinds = np.full(len(value), kind)
        off = to_scale(kinds, value) - to_scale(kinds, expected)
        z = off / np.sqrt(np.maximum(limits.variance, 1e-300))
        return ndtr(-z), ndtr(z)


def _possible(expected: F, n: F) -> F:
    """A share that was always 0 or 1 may still have been a little off: by half an observation."""
    margin = 0.5 / np.maximum(n, 1)
    return np.clip(expected, margin, 1 - margin)


def _band(kind: int, past: Expectation, limits: _Limits) -> tuple[NDArray[Any], NDArray[Any]]:
    """Where history would not object, for people to see; the tails above decide."""
    half = ndtri(1 - CHANCE) * np.sqrt(limits.variance)
    kinds = np.full(len(half), kind)
    low, high = from_scale(kinds, past.centre - half), from_scale(kinds, past.centre + half)
    return (np.clip(low, 0, 1), np.clip(high, 0, 1)) if kind == SHARE else (low, high)
