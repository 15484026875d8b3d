"""Detectors as somebody else would write them, for `module:Class`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from detectors import Context, Detector, Measure, Measurement, Severity, Summary, Unit

NAME = "no detector"


@dataclass(frozen=True)
class Freshness(Detector):
    name = "freshness"
    statistics = ()

    items: tuple[str, ...]
    most: int = 3
    kind: Severity = Severity.TICKET

    def __post_init__(self) -> None:
        if self.most < 0:
            raise ValueError("most must not be negative")

    def measures(self) -> tuple[Measure, ...]:
        return (Measure("age", Unit.SECONDS, "Age."),)

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        yield from ()


class SecondScores(Freshness):
    name = "scores"
