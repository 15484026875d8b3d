"""A thin slice in which chance lifts the whole's trouble over the limit of a page wakes nobody."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from detectors.core.verdict import Severity
from monitor.incidents.breach import Breach
from monitor.incidents.loudness import as_loud_as_wider
from tests.monitor.incidents.breaches import breach, strong, ticket

SHARE = "fallback.learned_share"


def page(value: float, n: float, slice: str = "country=FR", **fields: Any) -> Breach:
    return strong(breach(SHARE, slice, value, n=n, **fields))


def whole(value: float = 0.15) -> Breach:
    return ticket(SHARE, value=value)


def severity(*breaches: Breach) -> list[Severity]:
    return [b.severity for b in as_loud_as_wider(breaches)]


PAGE, TICKET = Severity.PAGE, Severity.TICKET


def test_a_slice_that_shows_what_all_do_but_for_chance_is_as_severe_as_all() -> None:
    assert severity(whole(), page(0.29, 35)) == [TICKET, TICKET]
    assert severity(whole(), page(0.29, 3500)) == [TICKET, PAGE]
    assert severity(whole(), page(0.6, 35)) == [TICKET, PAGE]
    assert severity(page(0.29, 35)) == [PAGE]  # nothing is wrong with all


def test_a_part_that_alone_is_hit_stays_a_page_be_it_thin() -> None:
    """Two fifths of the requests of one surface in three get one list."""
    assert severity(whole(0.14), page(0.4, 30, "surface=product_page")) == [TICKET, PAGE]


def test_only_a_wider_place_and_the_same_measure_explain_it() -> None:
    beside = ticket(SHARE, "surface=home", 0.27)
    other = ticket("fallback.degenerate_share", value=0.27)
    assert severity(beside, other, page(0.29, 35)) == [TICKET, TICKET, PAGE]
    pair = page(0.33, 35, "country=FR,surface=home")
    assert severity(beside, pair) == [TICKET, TICKET]
    assert severity(page(0.3, 900, "all"), pair) == [PAGE, PAGE]


@pytest.mark.parametrize("name", [SHARE, "traffic.requests"])
def test_absolute_limits_and_counts_stay_as_they_are(name: str) -> None:
    strength = math.inf if name == SHARE else 30.0
    by_itself = breach(name, "country=FR", 0.29, n=35.0, strength=strength)
    assert severity(ticket(name, value=0.15), by_itself) == [TICKET, PAGE]


def test_chance_alone_makes_few_pages() -> None:
    rng = np.random.default_rng(0)
    hits = rng.binomial(50, 0.15, 20_000)
    pages = [page(k / 50, 50) for k in hits[hits > 0.27 * 50]]  # worth a page by itself
    assert len(pages) > 100
    assert severity(whole(), *pages).count(PAGE) < 0.25 * len(pages)
