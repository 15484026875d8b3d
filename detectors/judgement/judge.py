"""The judge: a pure fold over windows in order. It sees a window and those before it, never a later one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.intervals import wilson
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.batches import MadeInHours
from detectors.judgement.budget import Budget
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
)
from detectors.judgement.spec import Compared, Floor, History, OtherSlice, Reference
from detectors.judgement.tails import Limits, band, limits_of, tails

FLOOR_Z = 4.0  # a floor is passed for sure: one false crossing in 30,000 windows that stand right on it
BEYOND_DOUBT = 0.01  # of the chance at which a breach begins: one window is then enough
HOUR = 3_600_000_000


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
    conclusive : array of bool
        Breaches that need no second window to be believed.
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
    conclusive: NDArray[np.bool_]


@dataclass
class Judge:
    """Judges windows in order.

    Parameters
    ----------
    past : Past
        What earlier windows were like; grows with every window that is remembered.
    budget : Budget
    window_us : int
        Length of a window in microseconds.

    >>> judge = Judge()
    >>> from detectors.core.measurement import Measure, Unit
    >>> m = Measure("x", Unit.RATIO, "", (Floor(above=0.5),))
    >>> found = Measurement("x", *(np.array([v]) for v in (0.9, 0.03, 100.0)))
    >>> [j.verdict.tolist() for j in judge.judge(0, ("all",), [("d.x", m, found)])]
    [[1]]
    """

    past: Past = field(default_factory=Past)
    budget: Budget = field(default_factory=Budget)
    window_us: int = HOUR

    def judge(
        self,
        start_us: int,
        slices: Sequence[str],
        measured: Sequence[tuple[str, Measure, Measurement]],
        batches: Sequence[MadeInHours] = (),
    ) -> list[Judged]:
        """Judge one window.

        Parameters
        ----------
        start_us : int
            Start of the window; later than that of every window remembered.
        slices : sequence of str
        measured : sequence of (full name, Measure, Measurement)
        batches : sequence of MadeInHours
            Traffic that is known to come in some hours of the day.
        """
        prepared = []
        for name, measure, found in measured:
            kind = kind_of(measure)
            texts = tuple(slices)
            value, error, n = found.value, found.error, found.n
            # What is not there was counted, as zero; not so where the window before is counted, too.
            if measure.unit.counts_traffic and measure.windows == 1:
                gone = [s for s in self.past.known(name) if s not in set(slices)]
                texts += tuple(gone)
                value, error, n = (np.append(a, np.zeros(len(gone))) for a in (value, error, n))
            columns = self.past.columns(name, texts, kind)
            prepared.append((measure, kind, texts, value, error, n, columns))
        expectation = self.past.expect(start_us, batches)
        most = max((len(p[2]) for p in prepared), default=1)
        chance = {
            severity: self.budget.chance(severity, measures=tests, slices=most, window_us=self.window_us)
            for severity, tests in _tests(m for _, m, _ in measured).items()
        }
        out = []
        for measure, kind, texts, value, error, n, columns in prepared:
            # Slices that are gone for good, and those of other hours, are expected to be gone: they are dropped.
            keep = np.ones(len(texts), bool)
            keep[len(slices) :] = expectation.seen[columns[len(slices) :]]
            texts = tuple(t for t, k in zip(texts, keep, strict=True) if k)
            value, error, n, columns = value[keep], error[keep], n[keep], columns[keep]
            mine = expectation.at(columns)
            references = {
                spec.back_hours: self.past.value_at(start_us - round(spec.back_hours * HOUR), columns)
                for spec in measure.judge
                if isinstance(spec, Reference)
            }
            out.append(_judge_measure(measure, kind, texts, (value, error, n), mine, references, chance))
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


def _tests(measures: Iterable[Measure]) -> dict[Severity, int]:
    """Comparisons that are made in each slice, by how loudly they tell."""
    specs = [spec for measure in measures for spec in measure.judge if isinstance(spec, Compared)]
    return {severity: sum(spec.severity is severity for spec in specs) for severity in Severity}


def kind_of(measure: Measure) -> int:
    """The scale on which a measure is judged."""
    if measure.unit in (Unit.REQUESTS, Unit.ROWS, Unit.USERS):
        return COUNT
    if measure.unit is Unit.RATIO:
        return SHARE
    return SIZE if measure.unit in (Unit.ITEMS, Unit.FREQUENCY) else LEVEL


def _judge_measure(
    measure: Measure,
    kind: int,
    slices: tuple[str, ...],
    found: tuple[F, F, F],
    past: Expectation,
    references: Mapping[float, F],
    chance: Mapping[Severity, F],
) -> Judged:
    """One measure in every slice by each of its judgements."""
    value, error, n = found
    size = len(slices)
    verdict = np.full(size, Verdict.NO_DATA, np.uint8)
    page, conclusive, strength = np.zeros(size, bool), np.zeros(size, bool), np.zeros(size)
    measurable = np.isfinite(value)
    verdict[np.isinf(value)] = Verdict.ERROR
    enough = measurable & np.isfinite(error) & ((n >= measure.least_n) | (kind == COUNT))
    verdict[measurable] = Verdict.TOO_FEW
    expected = from_scale(np.full(size, kind), past.centre)
    low, high = np.full(size, np.nan), np.full(size, np.nan)
    for spec in measure.judge:
        if isinstance(spec, Floor):
            breach, sure = _beyond_floor(spec, kind, value, error, n)
            decided, clear = enough, np.ones(size, bool)
        else:
            allowed = chance[spec.severity][:size]
            compared = expected
            if isinstance(spec, History):
                decided = enough & np.isfinite(past.centre)
                limits = limits_of(kind, expected, past, error, value, n, allowed, averaged=measure.averaged)
                low, high = band(kind, past, limits, allowed)
            else:
                compared, error_there = _compared(spec, slices, value, error, references)
                decided = enough & np.isfinite(compared) & np.isfinite(error_there)
                limits = _of_two(kind, compared, value, error, error_there)
            chance_of_it, size_of_it = _off(spec, kind, value, compared, n, limits)
            with np.errstate(invalid="ignore"):
                matters = (size_of_it >= spec.change) & (np.abs(value - compared) >= spec.least)
            breach = (chance_of_it < allowed) & matters
            clear = chance_of_it < allowed * (BEYOND_DOUBT if measure.windows == 1 else 1.0)
            with np.errstate(divide="ignore"):
                sure = -np.log10(np.maximum(chance_of_it, 1e-300))
        breach &= decided
        verdict[decided & (verdict == Verdict.TOO_FEW)] = Verdict.OK
        verdict[breach] = Verdict.BREACH
        strength[breach] = np.maximum(strength[breach], sure[breach])
        conclusive |= breach & clear & measure.at_once
        page |= breach & (spec.severity is Severity.PAGE)
    if not measure.judge:
        verdict[enough] = Verdict.OK
    return Judged(measure, slices, value, error, n, expected, low, high, verdict, page, strength, conclusive)


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


def _compared(
    spec: Reference | OtherSlice, slices: tuple[str, ...], value: F, error: F, references: Mapping[float, F]
) -> tuple[F, F]:
    """Values to compare with, and their errors, by slice."""
    if isinstance(spec, Reference):
        there = references[spec.back_hours]
        return there[0], there[1]
    if spec.slice not in slices:
        unknown = np.full(len(slices), np.nan)
        return unknown, unknown
    at = slices.index(spec.slice)
    return np.full(len(slices), value[at]), np.full(len(slices), error[at])


def _of_two(kind: int, compared: F, value: F, error: F, error_there: F) -> Limits:
    """Variance of the difference of two values that are both known with an error, on the judged scale."""
    kinds = np.full(len(value), kind)
    here = error_on_scale(kinds, value, error) ** 2
    there = error_on_scale(kinds, compared, error_there) ** 2
    return Limits(here + there, np.ones(len(value)))


def _off(
    spec: Compared, kind: int, value: F, expected: F, n: F, limits: Limits
) -> tuple[NDArray[Any], NDArray[Any]]:
    """How likely a difference as large as this is by chance, and how large it is as the judgement counts it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        change = value - expected
        size = np.abs(change) / (np.abs(expected) if spec.relative else 1.0)
    up, down = tails(kind, value, expected, limits, n)
    up, down = np.where(change > 0, up, 1.0), np.where(change < 0, down, 1.0)
    return {"up": up, "down": down, "both": np.minimum(up, down)}[spec.direction], size
