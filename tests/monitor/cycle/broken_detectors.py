"""Detectors that do what detectors must not do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors import Context, Detector, Measure, Measurement, Summary, Unit
from detectors.judgement.spec import Floor, History

JUDGE = (Floor(above=1e9), History("both", change=0.0))


@dataclass(frozen=True)
class Divides(Detector):
    """Raises after it has measured something."""

    name = "divides"
    statistics = ()

    def measures(self) -> tuple[Measure, ...]:
        return (Measure("one", Unit.SCORE, "One.", JUDGE), Measure("two", Unit.SCORE, "Two.", JUDGE))

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        n = len(summary.slices)
        yield Measurement("one", np.ones(n), np.ones(n), np.full(n, 100.0))
        yield Measurement("two", np.full(n, 1 / (n - n)), np.ones(n), np.ones(n))


@dataclass(frozen=True)
class Shapeless(Detector):
    name = "shapeless"
    statistics = ()

    def measures(self) -> tuple[Measure, ...]:
        return (Measure("one", Unit.SCORE, "One.", JUDGE),)

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        yield Measurement("one", np.ones(7), np.ones(7), np.ones(7))


@dataclass(frozen=True)
class Exits(Shapeless):
    name = "exits"

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        sys.exit(0)


@dataclass(frozen=True)
class Odd(Detector):
    """Values that are no numbers."""

    name = "odd"
    statistics = ()

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("nan", Unit.SCORE, "NaN.", JUDGE),
            Measure("infinite", Unit.RATIO, "Infinite.", JUDGE),
        )

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        n = len(summary.slices)
        enough = np.full(n, 100.0)
        yield Measurement("nan", np.full(n, np.nan), np.ones(n), enough)
        yield Measurement("infinite", np.full(n, np.inf), np.ones(n), enough)
