"""A thin slice in which chance lifts the whole's trouble over the limit of a page wakes nobody."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from detectors.core.verdict import Severity
from monitor.incidents.breach import Breach
from monitor.incidents.loudness import as_loud_as_wider
from tests.monitor.incidents.breaches import Book, breach, healthy, strong, stuck, ticket

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


def slices(all_of_it: float, **shares: float) -> list[Breach]:
    """Pages of the whole and of some countries, of which the large one opened first."""
    found = [strong(breach(SHARE, "all", all_of_it, n=300.0, requests=300.0))]
    return found + [
        strong(breach(SHARE, f"country={c}", value, n=30.0, requests=30.0)) for c, value in shares.items()
    ]


@pytest.mark.parametrize(("elsewhere", "pages"), [(0.45, 1), (0.9, 2)])
def test_a_thin_slice_beside_it_where_chance_makes_it_larger_is_part_of_it(
    elsewhere: float, pages: int
) -> None:
    [everywhere, here] = slices(0.3, DE=0.5)
    book = Book()
    book.see([here])
    told = book.see([here, everywhere, *slices(0.3, FR=elsewhere)[1:]])
    assert len(told) == pages


def test_the_place_is_the_whole_be_it_that_the_whole_alone_would_have_to_wait() -> None:
    """What is left of a closed incident at home makes the whole wait, and the product page does not."""
    book = Book()
    stuck_at_home = stuck(slice="surface=home")
    book.see([stuck_at_home])
    for _ in range(4):
        book.see([], healthy(slice="surface=home"))
    everywhere = strong(breach(SHARE, "all", 0.3, requests=300.0))
    at_page = strong(breach(SHARE, "surface=product_page", 0.33, requests=100.0))
    opened = [i for i in book.see([everywhere, at_page]) if i.detector == "fallback"]
    assert [i.slice for i in opened] == [{}]
