"""How cost grows: with rows, distinct items, slices, and files in the window."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path

from tests.bench.command import decode, once
from tests.bench.config import SLICES, recommender, write_config
from tests.bench.figures import MB, Figure
from tests.bench.hour import USUAL, Shape
from tests.bench.logs import log_of

LINEAR, MEMORY_RATIO, MEMORY_MB = 1.15, 1.5, 1000.0


@dataclass(frozen=True)
class Point:
    """Medians at one size."""

    size: int
    decode_seconds: float
    once_seconds: float
    peak_bytes: float


@dataclass(frozen=True)
class Curve:
    """Cost over one size: "rows", "items", "slices" or "files"."""

    of: str
    points: tuple[Point, ...]


def measure(
    sizes: Mapping[str, Sequence[int]], rows: int, rounds: int, cache: Path, work: Path
) -> list[Curve]:
    """One size changes at a time; the others are those of the usual hour."""
    return [
        Curve(of, tuple(_point(of, size, rows, rounds, cache, work) for size in sorted(set(of_this))))
        for of, of_this in sizes.items()
    ]


def _point(of: str, size: int, rows: int, rounds: int, cache: Path, work: Path) -> Point:
    shape, slices = USUAL, SLICES
    if of == "rows":
        rows = size
    elif of == "slices":
        shape, slices = sliced(size)
    else:
        shape = replace(USUAL, **{of: size})
    log = log_of(cache, "plain", rows, shape)
    config = write_config(work / "scaling.yaml", recommender(log, "plain", slices=slices))
    decode(log, work)
    runs = [(decode(log, work), once(config, work)) for _ in range(rounds)]
    print(f"{of}: {size:,} measured", flush=True)
    return Point(
        size,
        statistics.median(d.seconds for d, _ in runs),
        statistics.median(o.seconds for _, o in runs),
        statistics.median(o.peak_bytes for _, o in runs),
    )


def sliced(slices: int) -> tuple[Shape, tuple[str, ...]]:
    """An hour and columns that make so many slices: the whole, each value, and each pair of values.

    Two columns of a and b values make (1 + a)(1 + b); with one value in a column its pairs would say nothing new.

    >>> for n in (1, 10, 44, 100, 300):
    ...     shape, columns = sliced(n)
    ...     print(n, columns, shape.surfaces, shape.countries)
    1 () 4 8
    10 ('country',) 4 9
    44 ('country', 'surface') 3 10
    100 ('country', 'surface') 9 9
    300 ('country', 'surface') 14 19
    """
    if slices == 1:
        return USUAL, ()
    factor = next((d for d in range(isqrt(slices), 2, -1) if slices % d == 0), None)
    if factor is None:
        return replace(USUAL, countries=slices - 1), ("country",)
    return replace(USUAL, surfaces=factor - 1, countries=slices // factor - 1), ("country", "surface")


def figures(curves: Sequence[Curve]) -> list[Figure]:
    """Every point, and for rows whether cost grows as rows do."""
    return [figure for curve in curves for figure in (*_points(curve), *_growth(curve))]


def _points(curve: Curve) -> Iterator[Figure]:
    for p in curve.points:
        name = f"{curve.of}, {p.size:,}"
        yield Figure(f"{name}: once", p.once_seconds, " s", note=f"decode {p.decode_seconds:.2g} s")
        yield Figure(f"{name}: once / decode", p.once_seconds / p.decode_seconds, " x")
        yield Figure(f"{name}: peak memory", p.peak_bytes / MB, " MB")


def _growth(curve: Curve) -> Iterator[Figure]:
    if curve.of != "rows" or len(curve.points) < 3:
        return
    small, middle, large = curve.points[-3:]
    name = f"rows, {small.size:,} to {middle.size:,} to {large.size:,}"
    more = _each(middle, large) / _each(small, middle)
    yield Figure(f"{name}: seconds of a further row, above / below", more, " x", LINEAR)
    name = f"rows, {large.size:,}"
    memory = large.peak_bytes / middle.peak_bytes
    yield Figure(f"{name} / {middle.size:,}: peak memory", memory, " x", MEMORY_RATIO)
    yield Figure(f"{name}: peak memory of the largest", large.peak_bytes / MB, " MB", MEMORY_MB)


def _each(a: Point, b: Point) -> float:
    """Seconds of a further row: what it takes to start does not count."""
    return (b.once_seconds - a.once_seconds) / (b.size - a.size)
