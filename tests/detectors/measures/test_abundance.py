"""Counts of many samples side by side, against each sample by itself."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.measures.abundance import Abundances, Histogram
from detectors.measures.entropy import chao_wang_jost_entropy, entropy_of
from detectors.measures.rarefaction import distinct_items

tables = st.tuples(st.integers(1, 4), st.integers(0, 6)).flatmap(
    lambda shape: st.lists(
        st.lists(st.integers(0, 5), min_size=shape[1], max_size=shape[1]),
        min_size=shape[0],
        max_size=shape[0],
    ).map(lambda rows: np.array(rows, np.int64).reshape(shape))
)


@given(counts=tables, seed=st.integers(0, 2**16))
def test_each_sample_has_the_counts_of_its_items(counts: np.ndarray, seed: int) -> None:
    histogram = Histogram(counts)
    found = histogram.abundances
    marked = np.random.default_rng(seed).random(counts.shape[1]) < 0.5
    among = histogram.times_among(marked)
    for s, row in enumerate(counts.tolist()):
        mine = found.sample == s
        expected = sorted(Counter(c for c in row if c).items())
        assert list(zip(found.sizes[mine].tolist(), found.times[mine].tolist(), strict=True)) == expected
        chosen = Counter(c for c, m in zip(row, marked.tolist(), strict=True) if m)
        assert among[mine].tolist() == [chosen[size] for size, _ in expected]
    sample, item = np.nonzero(counts)
    assert found.sizes[histogram.find(sample, item)].tolist() == counts[sample, item].tolist()
    assert found.rows.tolist() == counts.sum(axis=1).tolist()


@given(counts=tables, to=st.integers(1, 12))
def test_samples_do_not_see_one_another(counts: np.ndarray, to: int) -> None:
    found = Histogram(counts).abundances
    entropy, (distinct, slope) = entropy_of(found), distinct_items(found, found.rows, to)
    for s, row in enumerate(counts.astype(float)):
        alone = Abundances.of(row)
        mine = found.sample == s
        one, (few, of_few) = entropy_of(alone), distinct_items(alone, alone.rows, to)
        assert entropy.value[s] == pytest.approx(chao_wang_jost_entropy(row), nan_ok=True)
        assert entropy.unseen[s] == pytest.approx(one.unseen[0])
        assert entropy.slope[mine] == pytest.approx(one.slope)
        assert distinct[s] == pytest.approx(few[0], nan_ok=True)
        assert slope[mine] == pytest.approx(of_few)
        assert np.isnan(distinct[s]) == (row.sum() < to)


def test_the_slope_of_distinct_items_is_what_one_row_more_changes() -> None:
    counts = np.array([400.0, 200.0, 70.0, 30.0])
    rows = np.array([counts.sum()])
    value, slope = distinct_items(Abundances.of(counts), rows, 20)
    for i, size in enumerate(np.sort(counts)):
        more, _ = distinct_items(Abundances.of(np.where(counts == size, counts + 0.5, counts)), rows, 20)
        assert (more - value)[0] * 2 * rows[0] == pytest.approx(slope[i], rel=0.1, abs=0.1)


def test_the_slope_of_the_entropy_is_what_one_row_more_changes() -> None:
    """Of frequent species; of the unseen it is what one more species seen once would add, not a derivative."""
    counts = np.array([400.0, 200.0, 70.0, 30.0])
    rows, found = counts.sum(), entropy_of(Abundances.of(counts))
    mean = float((np.sort(counts) / rows) @ found.slope)
    for i, size in enumerate(np.sort(counts)):
        more = chao_wang_jost_entropy(np.where(counts == size, counts + 1, counts))
        assert (more - found.value[0]) * rows == pytest.approx(found.slope[i] - mean, abs=0.03)


def test_entropy_moves_little_with_the_share_of_lists_that_users_get_again() -> None:
    """Where a third of the lists are repeats, two rows of an item come to one and a half: neither one nor two."""
    rng = np.random.default_rng(3)
    lists, drawn = rng.integers(0, 20_000, (600, 10)), rng.random(600)
    effective = []
    for share in np.linspace(0.1, 0.7, 25):
        times = 1 + (drawn < share)
        shown = Abundances.of(np.bincount(np.repeat(lists, times, axis=0).ravel()).astype(float))
        effective.append(np.exp(entropy_of(shown.divided(np.array([times.mean()]))).value[0]))
    assert np.abs(np.diff(np.log(effective))).max() < 0.06
    assert max(effective) < 1.5 * min(effective)
