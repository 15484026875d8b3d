"""What is meant to be the same is left out row by row, in its place only, whatever the split of the batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import Batch, Cells, Expected, Summary
from detectors.core.expected import in_place
from detectors.core.hashing import hash_texts
from detectors.statistics.item_counts import FIRST, ItemCounts, MeantItems
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from tests.detectors.batches import batches, of_lists, parts_of, split

PLACES: list[Mapping[str, str]] = [
    {},
    {"surface": "S0"},
    {"country": "C1", "surface": "S0"},
    {"surface": "gone"},
]
HOUR = 3_600_000_000


@st.composite
def expectations(draw: st.DrawFn) -> Expected:
    where = st.sampled_from(PLACES)
    items = st.integers(0, 6).map(lambda i: frozenset(hash_texts([f"item-{i}"]).tolist()))
    return Expected(
        positions=tuple(draw(st.lists(st.tuples(where, st.integers(1, 4)), max_size=4))),
        items=tuple(draw(st.lists(st.tuples(where, items), max_size=4))),
    )


def rows_left(batch: Batch, expected: Expected) -> list[tuple[list[tuple[str, int]], int]]:
    """For each request what is left of it, item and position, and its first place: row by row, as one would by hand."""
    out = []
    for r in range(batch.n_requests):
        cell = dict(zip(batch.cells.columns, batch.cells.values[batch.cell[r]], strict=True))
        pins = {p for where, p in expected.positions if where.items() <= cell.items()}
        meant = {h for where, hashes in expected.items if where.items() <= cell.items() for h in hashes}
        kept, taken = [], set()
        for row in range(batch.offsets[r], batch.offsets[r + 1]):
            code, position = int(batch.item[row]), int(batch.position[row])
            if int(batch.item_hash[code]) in meant:
                taken.add(position)
            elif position not in pins:
                kept.append((str(batch.item_names[code]), position))
        first = next(p for p in range(1, 1000) if p not in pins and p not in taken)
        out.append((kept, first))
    return out


@given(batches(), expectations())
@settings(derandomize=True, deadline=None, max_examples=200)
def test_the_rows_that_are_left_are_those_that_one_would_leave(batch: Batch, expected: Expected) -> None:
    left = expected.organic(batch)
    by_hand = rows_left(batch, expected)
    for r, (kept, first) in enumerate(by_hand):
        rows = range(left.offsets[r], left.offsets[r + 1])
        assert [(str(left.item_names[left.item[i]]), int(left.position[i])) for i in rows] == kept
        assert (1 if left.first is None else left.first[r]) == first
    assert left.n_requests == batch.n_requests
    for column in (left.score, left.click):
        assert column is None or len(column) == left.n_rows


@given(batches(), expectations())
@settings(derandomize=True, deadline=None, max_examples=100)
def test_what_is_meant_is_all_the_rest(batch: Batch, expected: Expected) -> None:
    parts = expected.organic(batch), expected.meant(batch)
    for r in range(batch.n_requests):
        rows = sorted(
            (int(part.item[i]), int(part.position[i]))
            for part in parts
            for i in range(part.offsets[r], part.offsets[r + 1])
        )
        a, b = batch.offsets[r : r + 2]
        assert rows == sorted(zip(batch.item[a:b].tolist(), batch.position[a:b].tolist(), strict=True))
    for column in (parts[1].score, parts[1].click):
        assert column is None or len(column) == parts[1].n_rows


@given(batches(), expectations(), st.integers(0, 2**32))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_parts_merge_to_the_whole(batch: Batch, expected: Expected, seed: int) -> None:
    kinds = (ItemCounts, MeantItems, Panel, ListTally)
    whole = Summary.of(batch, kinds, expected=expected)
    for part, n in parts_of(np.random.default_rng(seed), batch.n_requests):
        made = Summary.merge_all([Summary.of(p, kinds, expected=expected) for p in split(batch, part, n)])
        assert all(made[kind].equals(whole[kind]) for kind in kinds)


def test_where_nothing_is_expected_the_batch_is_passed_on_as_it_is() -> None:
    batch = of_lists([["a", "b"], ["c", "d"]], surfaces=["home", "email"])
    nowhere = Expected(positions=(({"surface": "cart"}, 1),), items=(({}, frozenset({1})),))
    for expected in (Expected(), nowhere, Expected(kind="popular", batches=(({}, frozenset({3})),))):
        assert expected.organic(batch) is batch


def test_only_what_speaks_of_sameness_is_made_without_the_rows() -> None:
    batch = of_lists([["AD", "b", "c"]] * 4)
    made = Summary.of(batch, (ItemCounts, Panel, ListTally), expected=Expected(positions=(({}, 1),)))
    assert made[ListTally].counts[0, 3] == 4  # lists of three
    counts = made[ItemCounts]
    assert counts.keys.tolist() == sorted(hash_texts(["b", "c"]).tolist())
    firsts = counts.counts[counts.counts[:, FIRST] > 0]
    assert firsts[:, FIRST].tolist() == [4]
    assert made[Panel].first.tolist() == [2] * 4
    assert made[Panel].position.tolist() == [2, 3] * 4


def test_a_first_place_that_was_lost_is_no_expected_one() -> None:
    batch = of_lists([["b", "c"], ["a", "b"]], positions=[[2, 3], [1, 2]])
    gift = Expected(items=(({}, frozenset(hash_texts(["x"]).tolist())),))
    assert gift.organic(batch) is batch
    left = Expected(items=(({}, frozenset(hash_texts(["a"]).tolist())),)).organic(batch)
    assert left.first is not None
    assert left.first.tolist() == [1, 2]
    assert left.at_first.tolist() == [False, False, True]


def test_of_several_kinds_the_most_particular_counts_and_then_the_last() -> None:
    cells = Cells.of(("country", "surface"), [("DE", "cart"), ("US", "cart"), ("US", "home")])
    expected = Expected(
        "popular",
        (
            ({"country": "DE", "surface": "cart"}, "personalised"),
            ({"surface": "cart"}, "popular"),
            ({"surface": "cart"}, "contextual"),
        ),
    )
    kinds = dict(zip(cells.values, expected.kind_of_cells(cells), strict=True))
    assert kinds == {("DE", "cart"): "personalised", ("US", "cart"): "contextual", ("US", "home"): "popular"}
    assert expected.all_kinds == {"popular", "personalised", "contextual"}


def test_the_kind_of_a_slice_is_that_of_all_its_traffic() -> None:
    batch = of_lists([["a"]] * 3, surfaces=["home", "cart", "cart"])
    summary = Summary.of(batch, (), expected=Expected(kinds=(({"surface": "cart"}, "contextual"),)))
    kinds = dict(zip(summary.slices.texts, summary.kind_of_slices, strict=True))
    assert kinds == {"all": "mixed", "surface=cart": "contextual", "surface=home": "personalised"}
    assert Summary.of(batch, ()).kind_of_slices == ("personalised",) * 3


def test_slices_without_a_kind_keep_their_names_and_count_the_rest() -> None:
    batch = of_lists([["a"], ["b"], ["b"]], surfaces=["home", "cart", "cart"])
    summary = Summary.of(batch, (ItemCounts,), expected=Expected(kinds=(({"surface": "cart"}, "popular"),)))
    rest = summary.without("popular")
    assert rest.slices.texts == summary.slices.texts
    totals = dict(zip(rest.slices.texts, [t.sum() for t in rest.totals(ItemCounts)], strict=True))
    assert totals == {"all": 1, "surface=cart": 0, "surface=home": 1}
    assert summary.without("contextual") is summary


def test_no_place_has_a_column_that_is_not_sliced_by() -> None:
    cells = Cells.of(("surface",), [("home",)])
    assert in_place(cells, {"country": "DE"}).tolist() == [False]
    assert in_place(cells, {}).tolist() == [True]


@pytest.mark.parametrize(
    ("begin", "hours", "idle"),
    [(3, 1, False), (4, 1, True), (2, 1, True), (0, 24, False), (4, 3, True), (1, 3, False)],
)
def test_a_batch_is_absent_from_windows_without_its_hours(begin: int, hours: int, idle: bool) -> None:
    nightly = Expected(batches=(({"surface": "email"}, frozenset({3})),))
    window = ((24 * 20_000 + begin) * HOUR, (24 * 20_000 + begin + hours) * HOUR)
    wheres = [{}, {"surface": "email"}, {"surface": "email", "country": "DE"}, {"surface": "home"}]
    assert nightly.absent(wheres, window).tolist() == [False, idle, idle, False]
