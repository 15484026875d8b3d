"""Run the detectors over a summary: one that fails is named, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from detectors.core.detector import Context, Detector
from detectors.core.expected import POPULAR
from detectors.core.measurement import Evidence, Measure, Measurement
from detectors.core.summary import Summary
from monitor.engine.raised import what_was_raised
from monitor.engine.summarise import WindowSummary
from monitor.measurable import is_measurable

F = NDArray[np.float64]


def measure(
    window: WindowSummary,
    detectors: Mapping[str, Detector],
    context: Context,
    has: Collection[str],
    leave_out: Collection[str],
    announce: Callable[[str], None],
    failed: Mapping[str, str] = MappingProxyType({}),
) -> tuple[tuple[tuple[str, Measurement], ...], dict[str, str]]:
    """Measurements by full name, and failures by detector.

    Parameters
    ----------
    has : collection of str
        What there is to measure with, in the words of `Measure.needs`.
    leave_out : collection of str
        Detectors that hung or crashed before.
    announce : callable
        Told the name of each detector before it runs.
    failed : mapping of detector to text
        Detectors whose statistics could not be made, and why.
    """
    for summary in _summaries(window):
        _make_read_only(summary)
    found: list[tuple[str, Measurement]] = []
    failures: dict[str, str] = {}
    for name, detector in detectors.items():
        if name in leave_out:
            failures[name] = "stopped: it ran out of time or ended the worker before"
            continue
        if name in failed:
            failures[name] = failed[name]
            continue
        announce(name)
        try:
            declared = {m.name: m for m in detector.measures()}
            measured = _measured(detector, declared, window, context)
        except (
            Exception,
            SystemExit,
        ) as error:  # a detector may raise anything: it is told, and the others go on
            failures[name] = what_was_raised(error, detector)
            continue
        kinds = context.expected.all_kinds
        found += [
            (f"{name}.{m.measure}", m) for m in measured if is_measurable(declared[m.measure], has, kinds)
        ]
    return tuple(found), failures


def _summaries(window: WindowSummary) -> list[Summary]:
    boosted = [window.boosted] if window.boosted else []
    return [window.summary, *boosted, *(part for part, _ in window.replicates)]


def _make_read_only(summary: Summary) -> None:
    """All detectors get the same arrays: one that writes into them fails, instead of misleading the next."""
    owners: list[Any] = [*summary.statistics.values(), summary.slices]
    arrays = [getattr(o, f.name) for o in owners if is_dataclass(o) for f in fields(o)]
    for array in [*arrays, summary.cells.keys, summary.clustering]:
        if isinstance(array, np.ndarray):
            array.setflags(write=False)


def _measured(
    detector: Detector, declared: Mapping[str, Measure], window: WindowSummary, context: Context
) -> list[Measurement]:
    """A detector's measurements, with what lower and higher rates of reading change."""

    def of(summary: Summary) -> dict[str, Measurement]:
        made = _checked(detector.measure(summary, context), declared, len(summary.slices))
        rest = summary.without(POPULAR)
        if rest is not summary and any(declared[name].of_sameness for name in made):
            without = _checked(detector.measure(rest, context), declared, len(rest.slices))
            of_sameness = {name: m for name, m in without.items() if declared[name].of_sameness}
            made |= {name: _where_there_is_traffic(m, rest) for name, m in of_sameness.items()}
            rest.workings.clear()
        return made

    whole = of(window.summary)
    if window.boosted is not None and window.small is not None:
        boosted = of(window.boosted)
        return [_with_boosted(m, boosted.get(name), window.small) for name, m in whole.items()]
    if window.replicates:
        parts = [(_values_of_part(part, of, window.summary), scale) for part, scale in window.replicates]
        out = []
        for name, m in whole.items():
            counts = declared[name].unit.counts_traffic
            values = [found[name] * (scale if counts else 1) for found, scale in parts if name in found]
            out.append(_widened(m, values, window.scale, counts))
        return out
    return list(whole.values())


def _checked(
    measured: Iterable[Measurement], declared: Mapping[str, Measure], slices: int
) -> dict[str, Measurement]:
    """By name. Refuses what was not declared, and what is not one number for each slice."""
    out: dict[str, Measurement] = {}
    for m in measured:
        if not isinstance(m, Measurement):
            raise TypeError(f"measure() must yield measurements, not {type(m).__name__}")
        if m.measure not in declared:
            raise ValueError(f"measurement {m.measure} is not among those that measures() declares")
        if m.measure in out:
            raise ValueError(f"measurement {m.measure} was made twice")
        columns = {name: np.asarray(getattr(m, name)) for name in ("value", "error", "n")}
        for name, array in columns.items():
            if array.shape != (slices,) or array.dtype.kind not in "fiub":
                raise TypeError(
                    f"measurement {m.measure}: {name} must be {slices} numbers, one for each slice, "
                    f"not an array of shape {array.shape} and type {array.dtype}"
                )
        value, error, n = (array.astype(float) for array in columns.values())
        out[m.measure] = Measurement(m.measure, value, error, n, m.evidence and _safe(m.evidence))
    return out


def _where_there_is_traffic(m: Measurement, summary: Summary) -> Measurement:
    """The measurement without slices of which nothing was left in: the same for everyone is meant there."""
    there = summary.slices.members.any(axis=1)
    value, error = (np.where(there, column, np.nan) for column in (m.value, m.error))
    return replace(m, value=value, error=error, n=np.where(there, m.n, 0.0))


def _safe(evidence: Evidence) -> Evidence:
    """Evidence is asked for after its detector ran: what it raises then must not end the judgement of others."""

    def told(s: int) -> Mapping[str, Any]:
        try:
            return evidence(s)
        except (Exception, SystemExit) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    return told


def _with_boosted(m: Measurement, boosted: Measurement | None, small: NDArray[np.bool_]) -> Measurement:
    """The measurement with what the higher rate says of small slices."""
    if boosted is None:
        return m

    def evidence(s: int) -> Mapping[str, Any]:
        chosen = boosted if small[s] else m
        return chosen.evidence(s) if chosen.evidence else {}

    value, error, n = (np.where(small, getattr(boosted, c), getattr(m, c)) for c in ("value", "error", "n"))
    return Measurement(m.measure, value, error, n, evidence)


def _values_of_part(
    part: Summary, of: Callable[[Summary], Mapping[str, Measurement]], whole: Summary
) -> dict[str, F]:
    """The values of a part in the slices of the whole; NaN where the part has no such slice.

    What a detector works out of a part does not stay in memory: of eight parts it would be more than the window.
    """
    bare = part.lean()
    place = {text: i for i, text in enumerate(part.slices.texts)}
    at = np.array([place.get(text, -1) for text in whole.slices.texts])
    out = {name: np.append(m.value, np.nan)[at] for name, m in of(bare).items()}
    bare.workings.clear()  # they know the summary, so that both would wait for the garbage collector
    bare.memo.clear()
    return out


def _widened(m: Measurement, parts: Sequence[F], scale: float, counts: bool) -> Measurement:
    """Scaled to the whole window where it counts traffic, with the error that leaving row groups out costs.

    What row groups differ by is that of a mean over clusters, made larger since it is known from a few parts: twice it
    holds as many as twice the error of a normal estimate. A measure that moves with how much is read, as distinct users
    do, shows it by parts that are all on one side of the whole: the difference counts as error, so that it decides
    nothing.

    References
    ----------
    W. G. Cochran, "Sampling Techniques", 1977, section 9A (single-stage cluster sampling).
    Student, "The probable error of a mean", Biometrika 6(1), 1908.
    """
    value = m.value * scale if counts else m.value
    replicates = np.array(parts).reshape(len(parts), len(value))
    if counts:
        replicates = np.nan_to_num(replicates)
    n = np.isfinite(replicates).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(replicates, axis=0) / n
        variance = np.nansum((replicates - mean) ** 2, axis=0) / (n - 1) / n
        between = np.sqrt(variance * (1 - 1 / scale)) * stdtrit(n - 1, ndtr(2.0)) / 2.0
        drift = np.maximum(np.abs(mean - value) - 2 * np.sqrt(variance), 0) * scale
        error = np.sqrt(m.error**2 + between**2 + drift**2)
    return replace(m, value=value, error=np.where((n >= 2) | np.isnan(value), error, np.inf))
