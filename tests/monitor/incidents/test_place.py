"""The place is the smallest part of the traffic that explains what is off."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from breaches import REQUESTS, breach, stuck
from hypothesis import given
from hypothesis import strategies as st

from monitor.incidents.place import find_place

NORMAL = 0.02  # the top item's usual share


def blamed(shares: Mapping[str, tuple[float, float]]) -> str:
    """Where the blame goes, given (share of the item, requests) by slice; slices at the usual share do not breach."""
    return find_place(
        [
            stuck(slice=s, value=v, expected=NORMAL, requests=n)
            for s, (v, n) in shares.items()
            if v > 2 * NORMAL
        ]
    ).slice


def test_everywhere() -> None:
    assert blamed({
        "all": (0.95, 2000), "surface=home": (0.951, 1500), "surface=email": (0.947, 500), "country=DE": (0.96, 700),
        "country=DE,surface=home": (0.97, 400),
    }) == "all"  # fmt: skip


def test_one_slice() -> None:
    assert blamed({
        "all": (0.11, 2000), "surface=email": (0.97, 200), "country=DE": (0.12, 700), "country=US": (0.10, 1300),
        "country=DE,surface=email": (0.98, 80), "country=US,surface=email": (0.965, 120),
    }) == "surface=email"  # fmt: skip


def test_a_pair() -> None:
    assert blamed({
        "all": (0.064, 2000), "surface=email": (0.45, 200), "country=DE": (0.14, 700),
        "country=DE,surface=email": (0.97, 90), "country=US,surface=email": (0.02, 110),
    }) == "country=DE,surface=email"  # fmt: skip


def test_a_slice_that_is_hidden_in_a_bigger_one() -> None:
    """Nine in ten of what the country shows comes from one surface of it, which others share and are healthy on."""
    assert blamed({
        "all": (0.30, 2000), "country=US": (0.60, 960), "surface=home": (0.58, 1000), "surface=cart": (0.02, 400),
        "country=US,surface=home": (0.95, 580), "country=US,surface=cart": (0.02, 200),
    }) == "country=US,surface=home"  # fmt: skip


def test_nearly_everything_in_one_slice_is_that_slice_only_when_it_shows_it_clearly_more() -> None:
    assert blamed({"all": (0.80, 1000), "surface=home": (0.86, 900)}) == "all"
    assert blamed({"all": (0.80, 1000), "surface=home": (0.97, 800)}) == "surface=home"


def test_a_thin_slice_explains_nothing() -> None:
    """Ten requests, all with the item, are no place while a thousand have it elsewhere."""
    assert (
        blamed({"all": (0.5, 2000), "country=IS": (1.0, 10), "country=IS,surface=email": (1.0, 2)}) == "all"
    )


def test_two_slices_of_three_are_everywhere() -> None:
    assert blamed({"all": (0.65, 900), "surface=home": (0.95, 300), "surface=cart": (0.95, 300)}) == "all"


def test_a_slice_that_says_the_same_as_its_pair_is_preferred() -> None:
    assert blamed({
        "all": (0.11, 2000), "surface=email": (0.97, 200), "country=DE,surface=email": (0.97, 200),
    }) == "surface=email"  # fmt: skip


def test_only_a_slice_breaches() -> None:
    assert blamed({"country=IS": (0.9, 20)}) == "country=IS"


def test_counts_are_held_against_what_is_usual_there() -> None:
    def fallen(slice: str, found: float, usual: float):  # type: ignore[no-untyped-def]  # a Breach
        return breach(REQUESTS, slice, found, expected=usual, requests=found)

    germany = [fallen("country=DE", 50, 400), fallen("country=DE,surface=home", 20, 200)]
    assert find_place(germany).slice == "country=DE"
    assert find_place([fallen("all", 1650, 2000), *germany]).slice == "country=DE"
    everywhere = [fallen("all", 0, 2000), fallen("country=DE", 0, 400), fallen("country=US", 0, 1600)]
    assert find_place(everywhere).slice == "all"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["all", "a=1", "a=2", "b=1", "a=1,b=1"]),
            st.floats(0.05, 1),
            st.integers(1, 10_000),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda row: row[0],
    )
)
def test_the_place_holds_most_of_what_is_off_and_no_order_matters(rows: list[tuple[str, float, int]]) -> None:
    breaches = [stuck(slice=s, value=v, expected=NORMAL, requests=float(n)) for s, v, n in rows]
    found = find_place(breaches)
    assert found.excess >= 0.75 * max(b.excess for b in breaches)
    assert find_place(breaches[::-1]) == found


@pytest.mark.parametrize("share", [0.2, 0.5, 0.95])
def test_a_share_of_everybody_stays_everywhere(share: float) -> None:
    assert blamed({"all": (share, 1000), "a=1": (share * 1.04, 600), "a=1,b=1": (share * 1.05, 590)}) == "all"
