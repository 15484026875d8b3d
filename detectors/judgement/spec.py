"""How a measure is judged: said in one line beside the measure; a configuration may tune or replace it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from detectors.core.verdict import Severity

Direction = Literal["up", "down", "both"]


@dataclass(frozen=True)
class Floor:
    """An absolute limit that needs no history: it holds from the first window on.

    Parameters
    ----------
    above, below : float or None
        Breach when the value is surely (sampling error allowed for) above, or below.
    severity : Severity

    >>> print(Floor(above=0.01, severity=Severity.PAGE))
    page above 0.01
    """

    above: float | None = None
    below: float | None = None
    severity: Severity = Severity.TICKET

    def __str__(self) -> str:
        limits = [
            f"{way} {at:g}" for way, at in (("above", self.above), ("below", self.below)) if at is not None
        ]
        return f"{Severity(self.severity).value} {' or '.join(limits)}"


@dataclass(frozen=True)
class Compared(ABC):
    """A comparison: a breach needs both a difference that chance does not explain, and one of at least `change`.

    Parameters
    ----------
    direction : {"up", "down", "both"}
        Which way is trouble; the other way is at most information.
    change : float
        Least change that matters: in the measure's own unit, or as a share of what it is compared with when `relative`.
    relative : bool
    severity : Severity
    least : float
        Least change in the measure's own unit, beside a relative one: twice almost nothing is still almost nothing.
    """

    direction: Direction
    change: float
    relative: bool = False
    severity: Severity = Severity.TICKET
    least: float = 0.0

    def __str__(self) -> str:
        way = {"up": "rises", "down": "falls", "both": "moves"}[self.direction]
        at_least = f", and by {self.least:g}" if self.least else ""
        by = f"{self.change:.4g} of it" if self.relative else f"{self.change:g}"
        return f"{Severity(self.severity).value} when it {way} from {self.compared_with} by {by}{at_least}"

    @property
    @abstractmethod
    def compared_with(self) -> str:
        """With what, in words."""


@dataclass(frozen=True)
class History(Compared):
    """What the same hours of earlier days make likely, robustly.

    >>> print(History("down", 0.3, relative=True))
    ticket when it falls from what is usual at that hour by 0.3 of it
    """

    @property
    def compared_with(self) -> str:
        return "what is usual at that hour"


@dataclass(frozen=True)
class Reference(Compared):
    """The value of one earlier window: what changed since then, whatever is usual.

    Parameters
    ----------
    back_hours : float
        How much earlier that window began.
    """

    back_hours: float = 168.0

    @property
    def compared_with(self) -> str:
        return f"its value {self.back_hours:g} hours earlier"


@dataclass(frozen=True)
class OtherSlice(Compared):
    """The value of another slice of the same window, such as the old model's beside the new one's.

    Parameters
    ----------
    slice : str
        Its text, "country=DE,surface=email"; "all" for the whole.
    """

    slice: str = "all"

    @property
    def compared_with(self) -> str:
        return f"that of {'all traffic' if self.slice == 'all' else self.slice}"


Judgement = Floor | History | Reference | OtherSlice
