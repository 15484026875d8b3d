"""The smallest share that one window shows, against a search by hand and a simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.core.measurement import Measure, Unit
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.judge import Judge
from detectors.judgement.spec import Floor, History
from detectors.same_item import SameItem
from monitor.inspect.blind_spots import (
    ANYWHERE,
    FIRST_PLACE,
    FloorOf,
    page_floors,
    smallest_same_list,
    smallest_share,
    smallest_stuck_item,
)
from monitor.inspect.sameness import Expectation, Learned
from tests.detectors.batches import START, measure, of_lists


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


@pytest.mark.parametrize("n", [40, 150, 1000])
def test_one_window_shows_what_is_said_and_not_half_of_it(n: int) -> None:
    measures = {m.name: m for m in SameItem().measures()}
    floors = page_floors("same_item", measures.values())
    stuck, one_list = smallest_stuck_item(n, floors), smallest_same_list(n, floors)
    assert stuck is not None
    assert one_list is not None
    rng = np.random.default_rng(n)
    healthy = [[f"i{i}" for i in rng.choice(5000, 5, replace=False)] for _ in range(n)]

    def breaches(broken: list[str], k: int, share: float) -> set[str]:
        hits = int(np.ceil(share * n))
        lists = [broken[:k] + shown[k:] if r < hits else shown for r, shown in enumerate(healthy)]
        found = measure(SameItem(), of_lists(lists, users=[f"u{r}" for r in range(n)]))
        given = [
            (name, measures[name], replace(m, value=m.value[:1], error=m.error[:1], n=m.n[:1]))
            for name, m in found.items()
        ]
        judged = Judge().judge(START, ("all",), given)
        return {j.measure.name for j in judged if j.verdict[0] == Verdict.BREACH}

    broken = ["STUCK", "a", "b", "c", "d"]
    assert "first_place_share" in breaches(broken, 1, stuck[0])
    assert breaches(broken, 1, stuck[0] / 2) == set()
    assert "identical_list_share" in breaches(broken, 5, one_list)
    assert breaches(broken, 5, one_list / 2) == set()


def test_a_batch_brings_the_traffic_of_a_day_in_its_hours() -> None:
    nightly = Expectation("batches", {"surface": "email"}, {"hours": "[3, 15]"}, "")
    learned = Learned((nightly,))
    assert learned.hours_in_one({"surface": "email"}) == 12
    assert learned.hours_in_one({"surface": "home"}) == 1


def test_only_floors_that_page() -> None:
    measures = [
        Measure("a", Unit.RATIO, "", (Floor(above=0.3, severity=Severity.PAGE), History("up", 0.1))),
        Measure("b", Unit.RATIO, "", (Floor(above=0.3),)),
        Measure("c", Unit.ROWS, "", (Floor(above=9, severity=Severity.PAGE),)),
        Measure("d", Unit.RATIO, "", (Floor(below=0.3, severity=Severity.PAGE),)),
    ]
    assert page_floors("x", measures) == [FloorOf("x.a", "", 0.3)]
