"""Judging the measures of one window in all slices at once, each by its floors and by what it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.intervals import wilson
from detectors.core.measurement import Measure, Unit
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.past import Expectation
from detectors.judgement.rest import beside_the_rest
from detectors.judgement.scales import COUNT, LEVEL, SHARE, SIZE, F, error_on_scale, from_scale
from detectors.judgement.spec import Floor, History, Judgement, OtherSlice, Reference
from detectors.judgement.tails import Found, Limits, band, limits_of, tails

FLOOR_Z = 4.0  # a floor is passed for sure: one false crossing in 30,000 windows that stand right on it
BEYOND_DOUBT = 0.01  # of the chance at which a breach begins: one window is then enough

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Asked:
    """One measure that is to be judged, arrays of shape (slices,).

    Parameters
    ----------
    slices : tuple of str
        The whole first.
    columns : array of int
        Its series in the past.
    """

    measure: Measure
    slices: tuple[str, ...]
    value: F
    error: F
    n: F
    columns: I64

    @property
    def kind(self) -> int:
        return kind_of(self.measure)

    def of(self, chosen: NDArray[np.bool_]) -> Asked:
        """In some of the slices."""
        slices = tuple(text for text, wanted in zip(self.slices, chosen, strict=True) if wanted)
        return Asked(
            self.measure,
            slices,
            self.value[chosen],
            self.error[chosen],
            self.n[chosen],
            self.columns[chosen],
        )


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


def kind_of(measure: Measure) -> int:
    """The scale on which a measure is judged."""
    if measure.unit in (Unit.REQUESTS, Unit.ROWS, Unit.USERS):
        return COUNT
    if measure.unit is Unit.RATIO:
        return SHARE
    return SIZE if measure.unit in (Unit.ITEMS, Unit.FREQUENCY) else LEVEL


def judged(
    asked: Sequence[Asked],
    past: Expectation,
    chance: Mapping[Severity, F],
    value_at: Callable[[float, I64], F],
) -> list[Judged]:
    """Judge measures by each of their judgements.

    Parameters
    ----------
    past : Expectation
        Of the slices of one measure after the other.
    chance : mapping of Severity to array
        Chance of a false breach that one test may have, by slice.
    value_at : callable of (hours back, columns)
        Values and errors in an earlier window.
    """

    sizes = [len(a.slices) for a in asked]

    def of_measures(value: Callable[[Asked], Any]) -> NDArray[Any]:
        return np.repeat([value(a) for a in asked], sizes)

    found, kind = _found(asked), of_measures(lambda a: a.kind)
    size = len(found.value)
    past = beside_the_rest(kind, past, found.value, found.whole)
    verdict = np.full(size, Verdict.NO_DATA, np.uint8)
    page, conclusive, strength = np.zeros(size, bool), np.zeros(size, bool), np.zeros(size)
    expected = from_scale(kind, past.centre)
    low, high = np.full(size, np.nan), np.full(size, np.nan)
    measurable = np.isfinite(found.value)
    verdict[np.isinf(found.value)] = Verdict.ERROR
    verdict[measurable] = Verdict.TOO_FEW
    enough = found.n >= of_measures(lambda a: a.measure.least_n)
    enough = measurable & np.isfinite(found.error) & (enough | (kind == COUNT))
    at_once = of_measures(lambda a: a.measure.at_once)
    doubt = of_measures(lambda a: BEYOND_DOUBT if a.measure.windows == 1 else 1.0)
    for tests in _tests(asked):
        at, here = tests.rows, _found(tests.asked)
        if tests.sort is Floor:
            breach, sure = _beyond_floor(tests, here)
            decided, clear = enough[at], np.ones(len(at), bool)
        else:
            allowed = tests.each(lambda spec, of: chance[spec.severity][: len(of.slices)])
            if tests.sort is History:
                compared, of_past = expected[at], past.at(at)
                decided = enough[at] & np.isfinite(of_past.centre)
                limits = limits_of(tests.kind, compared, of_past, here, allowed)
                low[at], high[at] = band(tests.kind, of_past, limits, allowed)
            else:
                compared, error_there = tests.each(lambda spec, of: _compared(spec, of, value_at))
                decided = enough[at] & np.isfinite(compared) & np.isfinite(error_there)
                limits = _of_two(tests.kind, compared, here, error_there)
            chance_of_it = _by_chance(tests, here, compared, limits, decided)
            breach = chance_of_it < allowed
            clear = chance_of_it < allowed * doubt[at]
            sure = -np.log10(np.maximum(chance_of_it, 1e-300))
        breach &= decided
        verdict[at[decided & (verdict[at] == Verdict.TOO_FEW)]] = Verdict.OK
        verdict[at[breach]] = Verdict.BREACH
        np.maximum.at(strength, at[breach], sure[breach])  # a measure may have several judgements of one sort
        conclusive[at[breach & clear & at_once[at]]] = True
        page[at[breach & tests.of(lambda spec: spec.severity is Severity.PAGE)]] = True
    verdict[enough & of_measures(lambda a: not a.measure.judge)] = Verdict.OK
    out, start = [], 0
    for a in asked:
        mine = slice(start, start := start + len(a.slices))
        out.append(
            Judged(
                a.measure, a.slices, a.value, a.error, a.n, expected[mine], low[mine], high[mine],
                verdict[mine], page[mine], strength[mine], conclusive[mine],
            )
        )  # fmt: skip
    return out


def _found(asked: Sequence[Asked]) -> Found:
    """Measures below each other."""
    sizes = np.array([len(a.slices) for a in asked])
    value, error, n = (np.concatenate([getattr(a, name) for a in asked]) for name in ("value", "error", "n"))
    whole = np.repeat(np.cumsum(sizes) - sizes, sizes).astype(np.int64)
    return Found(value, error, n, whole, np.repeat([a.measure.averaged for a in asked], sizes))


@dataclass(frozen=True)
class _Tests:
    """Judgements of one sort on one scale, each in every slice of its measure; T tests.

    Parameters
    ----------
    rows : array of int, shape (T,)
        Of which row each is.
    """

    kind: int
    sort: type[Judgement]
    specs: Sequence[Any]
    asked: Sequence[Asked]
    rows: I64

    def of(self, value: Callable[[Any], Any]) -> NDArray[Any]:
        """What each judgement says, shape (T,)."""
        return np.repeat([value(spec) for spec in self.specs], self._sizes)

    @cached_property
    def _sizes(self) -> list[int]:
        return [len(of.slices) for of in self.asked]

    def each(self, values: Callable[[Any, Asked], NDArray[Any]]) -> NDArray[Any]:
        """Arrays of shape (..., slices) of each judgement, shape (..., T)."""
        return np.concatenate(
            [values(spec, of) for spec, of in zip(self.specs, self.asked, strict=True)], axis=-1
        )


def _tests(asked: Sequence[Asked]) -> Iterator[_Tests]:
    """All that is tested, by scale and sort of judgement."""
    found: dict[tuple[int, type[Judgement]], list[tuple[Any, Asked, I64]]] = {}
    start = 0
    for of in asked:
        rows = np.arange(start, start := start + len(of.slices))
        for spec in of.measure.judge:
            found.setdefault((of.kind, type(spec)), []).append((spec, of, rows))
    for (kind, sort), tests in found.items():
        specs, measures, places = zip(*tests, strict=True)
        yield _Tests(kind, sort, specs, measures, np.concatenate(places))


def _beyond_floor(tests: _Tests, found: Found) -> tuple[NDArray[np.bool_], F]:
    if tests.kind == SHARE:
        low, high = wilson(np.clip(np.nan_to_num(found.value), 0, 1), found.n, FLOOR_Z)
    else:
        low, high = found.value - FLOOR_Z * found.error, found.value + FLOOR_Z * found.error
    above = tests.of(lambda floor: np.inf if floor.above is None else floor.above)
    below = tests.of(lambda floor: -np.inf if floor.below is None else floor.below)
    return (low > above) | (high < below), np.full(len(found.value), np.inf)


def _compared(spec: Reference | OtherSlice, of: Asked, value_at: Callable[[float, I64], F]) -> F:
    """Values to compare with, and their errors, shape (2, slices)."""
    if isinstance(spec, Reference):
        return value_at(spec.back_hours, of.columns)
    if spec.slice not in of.slices:
        return np.full((2, len(of.slices)), np.nan)
    at = of.slices.index(spec.slice)
    return np.repeat([[of.value[at]], [of.error[at]]], len(of.slices), axis=1)


def _of_two(kind: int, compared: F, found: Found, error_there: F) -> Limits:
    """Variance of the difference of two values that are both known with an error, on the judged scale."""
    kinds = np.full(len(compared), kind)
    here = error_on_scale(kinds, found.value, found.error) ** 2
    there = error_on_scale(kinds, compared, error_there) ** 2
    return Limits(here + there, np.ones(len(compared)))


def _by_chance(tests: _Tests, found: Found, expected: F, limits: Limits, decided: NDArray[np.bool_]) -> F:
    """How likely a difference as large as each is by chance; 1 where it is not large enough to matter."""
    relative, direction = tests.of(lambda spec: spec.relative), tests.of(lambda spec: spec.direction)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = found.value - expected
        size = np.abs(change) / np.where(relative, np.abs(expected), 1.0)
        matters = ((change > 0) & (direction != "down")) | ((change < 0) & (direction != "up"))
        matters &= (size >= tests.of(lambda spec: spec.change)) & decided
        matters &= np.abs(change) >= tests.of(lambda spec: spec.least)
    out = np.ones(len(change))
    at = np.flatnonzero(matters)
    up, down = tails(tests.kind, found.value[at], expected[at], limits.at(at), found.n[at])
    out[at] = np.where(change[at] > 0, up, down)
    return out
