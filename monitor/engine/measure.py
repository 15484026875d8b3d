"""Run the detectors over a summary: one that fails is named, the others go on."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np

from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement
from detectors.core.summary import Summary
from monitor.engine.summarise import WindowSummary


def measure(
    window: WindowSummary,
    detectors: Mapping[str, Detector],
    context: Context,
    has: Collection[str],
    leave_out: Collection[str],
    announce: Callable[[str], None],
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
    """
    found: list[tuple[str, Measurement]] = []
    failures: dict[str, str] = {}
    for name, detector in detectors.items():
        if name in leave_out:
            failures[name] = "stopped: it ran out of time or ended the worker before"
            continue
        announce(name)
        try:
            possible = {m.name: m for m in detector.measures() if m.needs <= set(has)}
            for m in _measured(detector, window, context):
                if m.measure in possible:
                    found.append(
                        (f"{name}.{m.measure}", _checked(m, possible[m.measure], len(window.summary.slices)))
                    )
        except Exception as error:
            failures[name] = _what_was_raised(error)
            found = [(full, m) for full, m in found if not full.startswith(f"{name}.")]
    return tuple(found), failures


def _measured(detector: Detector, window: WindowSummary, context: Context) -> list[Measurement]:
    """A detector's measurements; where row groups were left out, scaled and with the error that this costs."""
    whole = list(detector.measure(window.summary, context))
    if not window.replicates:
        return whole
    parts = [
        {m.measure: _on(m, part, window.summary) for m in detector.measure(part, context)}
        for part in window.replicates
    ]
    units = {m.name: m.unit for m in detector.measures()}
    return [
        _widened(
            m, [p[m.measure] for p in parts if m.measure in p], units[m.measure].counts_traffic, window.scale
        )
        for m in whole
    ]


def _on(measurement: Measurement, part: Summary, whole: Summary) -> np.ndarray:
    """The values of a part in the slices of the whole; NaN where the part has no such slice."""
    value = np.full(len(whole.slices), np.nan)
    index = {text: i for i, text in enumerate(whole.slices.texts)}
    for text, v in zip(part.slices.texts, measurement.value, strict=True):
        if text in index:
            value[index[text]] = v
    return value


def _widened(m: Measurement, parts: list[np.ndarray], counts: bool, scale: float) -> Measurement:
    """Add what row groups differ by: the standard error of a mean over clusters.

    References
    ----------
    W. G. Cochran, "Sampling Techniques", 1977, section 9A (single-stage cluster sampling).
    """
    value = m.value * scale if counts else m.value
    replicates = np.array(parts)
    if counts:
        replicates = np.nan_to_num(replicates) * scale * len(parts)
    n = np.isfinite(replicates).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.nansum(replicates, axis=0) / n
        between = np.sqrt(np.nansum((replicates - mean) ** 2, axis=0) / (n - 1) / n * max(0.0, 1 - 1 / scale))
    error = np.where(n >= 2, np.hypot(np.nan_to_num(m.error), np.nan_to_num(between)), np.inf)
    return replace(m, value=value, error=error)


def _checked(m: Measurement, declared: Measure, slices: int) -> Measurement:
    """Refuse what is not one number for each slice."""
    for name in ("value", "error", "n"):
        array = np.asarray(getattr(m, name))
        if array.shape != (slices,) or array.dtype.kind not in "fiub":
            raise TypeError(
                f"measurement {declared.name}: {name} must be {slices} numbers, one for each slice, "
                f"not an array of shape {array.shape} and type {array.dtype}"
            )
    return replace(m, value=m.value.astype(float), error=m.error.astype(float), n=m.n.astype(float))


def _what_was_raised(error: Exception) -> str:
    """The error and where in the detector's own code it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
