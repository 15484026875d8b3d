"""The smallest trouble that one window can show: what a floor needs before sampling error allows a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from detectors.core.intervals import wilson
from detectors.core.measurement import Measure, Unit
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor

FIRST_PLACE, ANYWHERE = "same_item.first_place_share", "same_item.anywhere_share"
ONE_LIST = "same_item.identical_list_share"
Z = 4.0  # how sure a floor has to be


@dataclass(frozen=True)
class FloorOf:
    """An upper limit for a share of requests.

    Parameters
    ----------
    measure : str
        Full name, "same_item.first_place_share".
    """

    measure: str
    help: str
    above: float


def smallest_share(n: float, above: float, z: float = Z) -> float | None:
    """The smallest share of n independent requests that is surely above a limit; None when not even all of them is.

    >>> round(smallest_share(1000, 0.3), 3), smallest_share(10, 0.6)
    (0.358, None)
    """
    low, high = above, 1.0
    if n <= 0 or float(wilson(1.0, n, z)[0]) <= above:
        return None
    for _ in range(50):
        middle = (low + high) / 2
        if float(wilson(middle, n, z)[0]) > above:
            high = middle
        else:
            low = middle
    return high


def page_floors(detector: str, measures: Iterable[Measure]) -> list[FloorOf]:
    """Upper limits of shares that wake somebody."""
    return [
        FloorOf(f"{detector}.{measure.name}", measure.help, judgement.above)
        for measure in measures
        if measure.unit == Unit.RATIO
        for judgement in measure.judge
        if isinstance(judgement, Floor)
        and judgement.above is not None
        and judgement.severity == Severity.PAGE
    ]


def smallest_stuck_item(
    requests: float, floors: Iterable[FloorOf], first_place: float = 1.0
) -> tuple[float, str] | None:
    """From which share of requests on one item in the place of all others is told, and by which measure.

    Parameters
    ----------
    requests : float
        Of a window; rows, where the log has no requests.
    first_place : float
        Share of them that have a position 1: less than all where each row stands alone.
    """
    found = [
        (share, floor.measure)
        for floor in floors
        if floor.measure in (FIRST_PLACE, ANYWHERE)
        and (
            share := smallest_share(
                requests * (first_place if floor.measure == FIRST_PLACE else 1), floor.above
            )
        )
    ]
    return min(found, default=None)


def smallest_same_list(requests: float, floors: Iterable[FloorOf]) -> float | None:
    """From which share of requests on with one and the same list is told; None when no window shows it."""
    found = [smallest_share(requests, floor.above) for floor in floors if floor.measure == ONE_LIST]
    return min((share for share in found if share is not None), default=None)
