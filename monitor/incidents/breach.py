"""A breach, as incidents are made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from detectors.core.measurement import Measure
from detectors.core.verdict import Severity

TRAFFIC = ("traffic.requests", "traffic.rows")  # what there is of a slice; the first that is measured


@dataclass(frozen=True)
class Breach:
    """One measure of one slice that is outside its limits.

    Parameters
    ----------
    name : str
        Full name of the measure.
    expected : float
        NaN without history.
    strength : float
        -log10 of the chance; infinite for a floor.
    conclusive : bool
        Whether one window is enough to tell of it: beyond a floor for sure, or far beyond what history allows.
    requests : float
        Requests of the slice in the window.
    error : float
        Standard error of the value.
    order : int
        Place of the measure among all that are declared.
    """

    name: str
    measure: Measure
    slice: str
    where: Mapping[str, str]
    severity: Severity
    value: float
    expected: float
    n: float
    strength: float
    requests: float
    conclusive: bool = True
    error: float = 0.0
    order: int = 0
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def detector(self) -> str:
        return self.name.partition(".")[0]

    @property
    def item(self) -> str | None:
        return self.evidence.get("item")

    @property
    def by_floor(self) -> bool:
        """Whether it is beyond an absolute limit, which needs no history."""
        return math.isinf(self.strength)

    @property
    def silence(self) -> bool:
        """Whether there is no traffic at all: the log stopped."""
        return self.name in TRAFFIC and not self.where and self.value == 0

    @property
    def usual(self) -> float:
        """What is expected; zero where nothing is."""
        return 0.0 if math.isnan(self.expected) else self.expected

    @property
    def rises(self) -> bool:
        """Whether it is above what is usual."""
        return self.value > self.usual

    @property
    def effect(self) -> float:
        """How far off the value is: relative for what has no upper end, else in its own unit."""
        change = abs(self.value - self.usual)
        return change if self.measure.unit == "ratio" else change / max(abs(self.usual), 1e-9)

    @property
    def excess(self) -> float:
        """Requests that are off because of it."""
        change = abs(self.value - self.usual)
        if self.measure.unit.counts_traffic:
            return change
        counted = self.evidence.get("requests")
        if (
            counted is not None and self.value > self.usual >= 0
        ):  # what is a share of need not be all requests
            return float(counted) * change / self.value
        return change * self.requests
