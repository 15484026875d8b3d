"""How a measure is judged: said in one line beside the measure; a configuration may tune or replace it."""

from __future__ import annotations

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
    """

    above: float | None = None
    below: float | None = None
    severity: Severity = Severity.TICKET


@dataclass(frozen=True)
class Compared:
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


@dataclass(frozen=True)
class History(Compared):
    """What the same hours of earlier days make likely, robustly."""


@dataclass(frozen=True)
class Reference(Compared):
    """The value of one earlier window: what changed since then, whatever is usual.

    Parameters
    ----------
    back_hours : float
        How much earlier that window began.
    """

    back_hours: float = 168.0


@dataclass(frozen=True)
class OtherSlice(Compared):
    """The value of another slice of the same window, such as the old model's beside the new one's.

    Parameters
    ----------
    slice : str
        Its text, "country=DE,surface=email"; "all" for the whole.
    """

    slice: str = "all"


Judgement = Floor | History | Reference | OtherSlice
