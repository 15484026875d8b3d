"""Cells and slices."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Cells
from detectors.core.cells import cell_key, parse_slice, slice_text

texts = st.text(st.characters(exclude_categories=[]), max_size=3)
some_cells = st.lists(st.tuples(texts, texts), max_size=12).map(lambda v: Cells.of(("country", "surface"), v))

DE_EMAIL, NOTHING = 10443126798774230956, 13020603013274838756


def test_cells_are_in_the_order_of_their_keys() -> None:
    cells = Cells.of(("a", "b"), [("x", str(i)) for i in range(50)] * 2)
    assert len(cells) == 50
    assert cells.keys.tolist() == sorted(cells.keys.tolist())
    assert [cell_key(v) for v in cells.values] == cells.keys.tolist()


def test_keys_never_change() -> None:
    """Stored summaries are keyed by them."""
    assert cell_key(("DE", "email")) == DE_EMAIL
    assert cell_key(()) == NOTHING


def test_values_cannot_forge_the_border_between_columns() -> None:
    assert len({cell_key(v) for v in [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""), ("abc",)]}) == 5


@given(some_cells, some_cells, some_cells)
def test_merging_is_a_union(a: Cells, b: Cells, c: Cells) -> None:
    assert set(a.merge(b).values) == set(a.values) | set(b.values)
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(Cells()) == Cells().merge(a) == a


def test_traffic_without_slice_columns_is_not_lost_beside_none() -> None:
    whole = Cells.of((), [()])
    assert whole.merge(Cells()) == Cells().merge(whole) == whole


def test_cells_of_other_columns_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^cells of \('a',\) cannot be merged with cells of \('b',\)$"):
        Cells.of(("a",), [("x",)]).merge(Cells.of(("b",), [("x",)]))


def test_slices_are_the_whole_values_and_pairs() -> None:
    cells = Cells.of(("country", "surface"), [("DE", "email"), ("DE", "home"), ("US", "home")])
    members = dict(zip(cells.slices.texts, cells.slices.members.sum(axis=1).tolist(), strict=True))
    assert members == {
        "all": 3, "country=DE": 2, "country=US": 1, "surface=email": 1, "surface=home": 2,
        "country=DE,surface=home": 1,  # the other two pairs hold just the rows of one of their values
    }  # fmt: skip


@given(st.dictionaries(texts, texts))
def test_a_slice_s_text_says_which_it_is(where: dict[str, str]) -> None:
    assert parse_slice(slice_text(where)) == where


@given(some_cells)
def test_a_slice_holds_the_cells_that_have_its_values(cells: Cells) -> None:
    slices = cells.slices
    assert slices.texts[0] == "all"
    assert len(slices) == len(slices.wheres) == len(slices.members)
    for text, where, members in zip(slices.texts, slices.wheres, slices.members, strict=True):
        assert text == slice_text(where)
        for values, member in zip(cells.values, members.tolist(), strict=True):
            assert member == all(values[cells.columns.index(c)] == v for c, v in where.items())
    found = [tuple(m.tolist()) for m, w in zip(slices.members, slices.wheres, strict=True) if len(w) == 2]
    singles = {tuple(m.tolist()) for m, w in zip(slices.members, slices.wheres, strict=True) if len(w) == 1}
    assert not singles & set(found)  # nothing is said twice


def test_pairs_of_three_columns() -> None:
    cells = Cells.of(("a", "b", "c"), [(x, y, z) for x in "12" for y in "12" for z in "12"])
    assert len(cells.slices) == 1 + 3 * 2 + len(list(combinations("abc", 2))) * 4


def test_no_cells_have_one_slice_the_whole() -> None:
    assert Cells().slices.texts == ("all",)
    assert Cells().slices.members.shape == (1, 0)
