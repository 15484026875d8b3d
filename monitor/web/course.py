"""The course of one measurement in one place: what the chart of an incident shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from detectors.core.verdict import Verdict
from monitor.evaluation import Evaluation
from monitor.findings import Finding, Findings
from monitor.web.states import VERDICTS, State
from monitor.web.wording import band, moment, quantity

WIDTH, HEIGHT = 1000.0, 100.0  # of the drawing; it is stretched to the place that there is
MOST_LISTED = 60  # rows of the table under a chart


@dataclass(frozen=True)
class Point:
    """One window's measurement; NaN where there is none."""

    start: datetime
    end: datetime
    value: float = math.nan
    expected: float = math.nan
    low: float = math.nan
    high: float = math.nan
    verdict: Verdict = Verdict.NO_DATA


@dataclass(frozen=True)
class Row:
    """A point in words."""

    start: datetime
    end: datetime
    value: str
    expected: str
    band: str
    verdict: State


@dataclass(frozen=True)
class Chart:
    """A drawing as SVG paths within WIDTH x HEIGHT, with what stands around it.

    Parameters
    ----------
    line, breaches, usual : str
        Paths: the values, a dot for each breach, what history makes likely.
    band : str
        The area that is expected.
    onset : float or None
        Where the incident begins, from 0 to WIDTH.
    top, bottom : str
        What the upper and the lower end stand for.
    sentence : str
        The same for people who do not see it.
    """

    line: str
    breaches: str
    usual: str
    band: str
    onset: float | None
    top: str
    bottom: str
    start: datetime
    end: datetime
    sentence: str
    rows: tuple[Row, ...]


def finding_of(findings: Findings, measure: str, slice: str) -> Finding | None:
    """The finding of a measure in a slice; None when there is none."""
    if measure not in findings.measures or slice not in findings.slices:
        return None
    c = findings.columns
    at = (c["measure"] == findings.measures.index(measure)) & (c["slice"] == findings.slices.index(slice))
    rows = np.flatnonzero(at)
    return findings[int(rows[0])] if len(rows) else None


def read_course(evaluations: Iterable[Evaluation], measure: str, slice: str) -> list[Point]:
    """The points of evaluations in window order."""
    points = []
    for evaluation in evaluations:
        start, end = evaluation.window.start, evaluation.window.end
        found = finding_of(evaluation.findings, measure, slice)
        if found is None:
            points.append(Point(start, end))
        else:
            points.append(
                Point(start, end, found.value, found.expected, found.low, found.high, found.verdict)
            )
    return points


def draw(points: Sequence[Point], unit: str, onset: datetime | None = None) -> Chart | None:
    """The chart of a course; None when there is nothing to draw.

    The lower end is zero where no value is negative; a share ends at its own largest value, so that small ones are
    seen too.
    """
    values = [p.value for p in points if math.isfinite(p.value)]
    if not values:
        return None
    ends = [e for p in points for e in (p.low, p.high, p.expected) if math.isfinite(e)]
    high = max(max(values), min(max(ends, default=0.0), 2 * max(max(values), 0.0)))
    low = min(0.0, *values)
    if high <= low:
        high = low + 1.0
    began, over = points[0].start, points[-1].end
    length = (over - began).total_seconds()

    def x(at: datetime) -> float:
        return WIDTH * (at - began).total_seconds() / length

    def y(value: float) -> float:
        return HEIGHT * (1 - (min(max(value, low), high) - low) / (high - low))

    middle = [x(p.start + (p.end - p.start) / 2) for p in points]
    breaches = [
        f"M{at:.1f} {y(p.value):.2f}h0"
        for at, p in zip(middle, points, strict=True)
        if p.verdict is Verdict.BREACH and math.isfinite(p.value)
    ]
    last = next(p for p in reversed(points) if math.isfinite(p.value))
    said = f"Values from {quantity(min(values), unit)} to {quantity(max(values), unit)}"
    said += f", {quantity(last.value, unit)} in the window from {moment(last.start)}"
    said += f"; expected there: {band(last.low, last.high, unit)}" if _has_band(last) else ""
    said += f". {len(breaches)} of {len(points)} windows are a breach."
    return Chart(
        _path(middle, [y(p.value) if math.isfinite(p.value) else math.nan for p in points]),
        "".join(breaches),
        _path(middle, [y(p.expected) if math.isfinite(p.expected) else math.nan for p in points]),
        "".join(_area(middle, points, y(high), y(low), y)),
        x(onset) if onset is not None and began <= onset <= over else None,
        quantity(high, unit),
        quantity(low, unit),
        began,
        over,
        said,
        tuple(_row(p, unit) for p in reversed(points[-MOST_LISTED:])),
    )


def _path(xs: Sequence[float], ys: Sequence[float]) -> str:
    """A line with gaps where values are missing; a lonely value is a dot."""
    out, drawing = [], False
    for at, value in zip(xs, ys, strict=True):
        if math.isfinite(value):
            out.append(f"{'L' if drawing else 'M'}{at:.1f} {value:.2f}" + ("" if drawing else "h0"))
        drawing = math.isfinite(value)
    return "".join(out)


def _area(
    xs: Sequence[float],
    points: Sequence[Point],
    top: float,
    bottom: float,
    y: Callable[[float], float],
) -> Iterable[str]:
    """The band, in one piece for each stretch of windows that have one."""
    stretch: list[tuple[float, float, float]] = []
    course: list[tuple[float, Point | None]] = [*zip(xs, points, strict=True), (0.0, None)]
    for at, point in course:
        if point is not None and _has_band(point):
            upper = y(point.high) if math.isfinite(point.high) else top
            lower = y(point.low) if math.isfinite(point.low) else bottom
            stretch.append((at, upper, lower))
        elif stretch:
            there = "L".join(f"{at:.1f} {upper:.2f}" for at, upper, _ in stretch)
            back = "L".join(f"{at:.1f} {lower:.2f}" for at, _, lower in reversed(stretch))
            yield f"M{there}L{back}Z"
            stretch = []


def _has_band(point: Point) -> bool:
    return math.isfinite(point.low) or math.isfinite(point.high)


def _row(point: Point, unit: str) -> Row:
    return Row(
        point.start,
        point.end,
        quantity(point.value, unit),
        quantity(point.expected, unit),
        band(point.low, point.high, unit),
        VERDICTS[point.verdict],
    )
