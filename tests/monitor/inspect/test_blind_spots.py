"""The smallest share that one window shows, against a search by hand and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.core.measurement import Measure, Unit
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from monitor.inspect.blind_spots import (
    ANYWHERE,
    FIRST_PLACE,
    FloorOf,
    page_floors,
    smallest_share,
    smallest_stuck_item,
)


def wilson_low(p: float, n: float, z: float) -> float:
    """Written down anew from Wilson's equation: the smaller root of (p - x)^2 = z^2 x (1 - x) / n."""
    roots = np.roots([1 + z * z / n, -(2 * p + z * z / n), p * p])
    return float(roots.real.min())


@pytest.mark.parametrize(("n", "above"), [(20, 0.3), (58, 0.3), (300, 0.4), (10_000, 0.6)])
def test_against_every_share(n: int, above: float) -> None:
    shares = np.linspace(0, 1, 20_001)
    first = next(s for s in shares if wilson_low(s, n, 4.0) > above)
    assert smallest_share(n, above) == pytest.approx(first, abs=1e-4)


@given(st.floats(1, 1e6), st.floats(0.01, 0.95))
@settings(derandomize=True, deadline=None)
def test_it_is_above_the_limit_and_more_requests_show_smaller_trouble(n: float, above: float) -> None:
    share = smallest_share(n, above)
    if share is not None:
        assert above < share <= 1
        more = smallest_share(2 * n, above)
        assert more is not None
        assert more <= share


def test_nothing_is_shown_by_nothing() -> None:
    assert smallest_share(0, 0.3) is None
    assert smallest_share(5, 0.3) is None


def test_the_better_of_two_places() -> None:
    floors = [
        FloorOf(FIRST_PLACE, "", 0.3),
        FloorOf(ANYWHERE, "", 0.6),
        FloorOf("lists.empty_share", "", 0.01),
    ]
    whole = smallest_stuck_item(60, floors)
    assert whole == (smallest_share(60, 0.3), FIRST_PLACE)
    tenth = smallest_stuck_item(60, floors, first_place=0.1)
    assert tenth == (smallest_share(60, 0.6), ANYWHERE)
    assert smallest_stuck_item(2, floors) is None


def test_only_floors_that_page() -> None:
    measures = [
        Measure("a", Unit.RATIO, "", (Floor(above=0.3, severity=Severity.PAGE), History("up", 0.1))),
        Measure("b", Unit.RATIO, "", (Floor(above=0.3),)),
        Measure("c", Unit.ROWS, "", (Floor(above=9, severity=Severity.PAGE),)),
        Measure("d", Unit.RATIO, "", (Floor(below=0.3, severity=Severity.PAGE),)),
    ]
    assert page_floors("x", measures) == [FloorOf("x.a", "", 0.3)]
