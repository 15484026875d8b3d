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
class History:
    """What the same hours of earlier days make likely, robustly.

    A breach needs both: outside what noise and history explain, and changed by at least `change`.

    Parameters
    ----------
    direction : {"up", "down", "both"}
        Which way is trouble; the other way is at most information.
    change : float
        Least change that matters: in the measure's own unit, or as a share of what was expected when `relative`.
    relative : bool
    severity : Severity
    """

    direction: Direction
    change: float
    relative: bool = False
    severity: Severity = Severity.TICKET


Judgement = Floor | History
