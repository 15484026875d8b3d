"""Trouble of everybody is one thing, told once: chance in a thin slice adds no page, and does not tell the place."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.core.cells import parse_slice
from detectors.core.verdict import Severity
from monitor.incidents.breach import Breach
from monitor.incidents.loudness import as_loud_as_parts, as_loud_as_wider
from tests.monitor.incidents.breaches import FIRST, Book, breach, healthy, strong, stuck, ticket, weak

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


OVERLAP = "diversity.list_overlap"


@pytest.mark.parametrize(
    ("value", "expected", "severity"),
    [
        (0.024, 0.009, TICKET),
        (0.035, 0.009, PAGE),  # worse off for sure
        (0.024, 0.050, PAGE),  # off to the other side
    ],
)
def test_what_is_off_everywhere_by_too_little_to_be_told_is_no_page_where_a_slice_shows_it_by_chance(
    value: float, expected: float, severity: Severity
) -> None:
    everywhere = strong(ticket(OVERLAP, value=0.018, expected=0.009, error=0.0016))
    here = strong(breach(OVERLAP, "surface=home", value, expected=expected, error=0.0028))
    assert [b.severity for b in as_loud_as_wider([here], [everywhere])] == [severity]
    assert [b.severity for b in as_loud_as_wider([here])] == [PAGE]


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


def of_many_lists(everywhere: float = 0.2, here: float = 0.6) -> list[Breach]:
    """Several lists that many get: a ticket everywhere, and one item in too many lists of a thin slice."""
    return [
        strong(ticket(SHARE, value=everywhere, expected=0.0, requests=300.0)),
        stuck("sku-1", "country=FR,surface=home", here, requests=17.0),
    ]


def severities(
    *breaches: Breach, may_page: frozenset[str] = frozenset({"fallback", "same_item"})
) -> list[Severity]:
    return [b.severity for b in as_loud_as_parts(breaches, may_page)]


def test_what_is_a_page_in_some_thin_slice_is_one_where_all_of_it_shows() -> None:
    assert severities(*of_many_lists()) == [PAGE, PAGE]
    book = Book()
    for slice in ("country=FR,surface=home", "country=IN", "country=FR,surface=home", "surface=cart"):
        everywhere, here = of_many_lists()
        part = replace(here, slice=slice, where=parse_slice(slice), evidence={"item": slice})
        told = book.see(as_loud_as_parts([everywhere, part], {"fallback", "same_item"}))
    assert [(i.detector, i.slice) for i in told] == [("fallback", {})]


def test_the_slice_that_alone_is_hit_is_the_place() -> None:
    [everywhere, here] = of_many_lists(everywhere=0.04)  # 12 requests of 300, 10 of them here
    assert severities(everywhere, here) == [TICKET, PAGE]
    all_lists_here = strong(ticket(SHARE, here.slice, 0.8, expected=0.0, requests=17.0))
    assert severities(everywhere, here, all_lists_here)[0] is TICKET


def test_only_what_tells_the_same_for_sure_and_may_wake_somebody_becomes_a_page() -> None:
    [everywhere, here] = of_many_lists()
    assert severities(everywhere) == [TICKET]
    assert severities(weak(everywhere), here) == [TICKET, PAGE]
    assert severities(everywhere, here, may_page=frozenset({"same_item"})) == [TICKET, PAGE]
    other_item = ticket(FIRST, value=0.2, requests=300.0, evidence={"item": "sku-2"})
    assert severities(strong(other_item), here) == [TICKET, PAGE]
    assert severities(strong(replace(other_item, evidence=here.evidence)), here) == [PAGE, PAGE]
    traffic = strong(ticket("traffic.requests", value=900.0, expected=1200.0))
    gone = breach("traffic.requests", "country=DE", 10.0, expected=110.0)
    assert severities(traffic, gone) == [TICKET, PAGE]


def test_the_list_itself_is_told_rather_than_that_any_two_lists_are_alike() -> None:
    one_list = strong(ticket("same_item.identical_list_share", value=0.19, evidence={"item": "sku-1"}))
    alike = strong(breach("diversity.list_overlap", "all", 0.04, expected=0.01))
    assert severities(one_list, alike) == [PAGE, PAGE]
    [told] = Book().see(as_loud_as_parts([one_list, alike], {"same_item", "diversity"}))
    assert (told.detector, told.culprit) == ("same_item", {"item": "sku-1"})


def test_a_list_that_many_get_is_known_after_a_while_and_no_second_page() -> None:
    one_list = strong(breach("same_item.identical_list_share", "all", 0.25, evidence={"item": "sku-1"}))
    known = strong(breach(SHARE, "all", 0.25, expected=0.0))
    book = Book()
    for _ in range(3):
        book.see([one_list])
    assert len(book.see([one_list, known])) == 1
