"""Rarefied forms against all samples there are, and against the formula for what is not rarefied."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest

from detectors.measures.rarefaction import gini_index, grouped


def naive_gini(counts: list[float]) -> float:
    """The mean difference of all pairs, over twice the mean."""
    x = np.array(counts, float)
    return float(np.abs(x[:, None] - x).sum() / (2 * len(x) * x.sum()))


def frequencies(counts: list[float]) -> tuple[np.ndarray, np.ndarray]:
    shown = np.array(counts, float)
    return np.unique(shown[shown > 0], return_counts=True)


def gini(counts: list[float], to: float) -> float:
    sizes, times = frequencies(counts)
    return gini_index(sizes, times, float(sum(counts)), len(counts), to).value  # type: ignore[arg-type]  # any number will do


@pytest.mark.parametrize("counts", [[5, 3, 1, 0], [2, 2, 2, 2], [9, 0, 0], [1, 1, 0, 0, 0, 4]])
def test_of_all_rows_it_is_the_index_itself(counts: list[float]) -> None:
    assert gini(counts, sum(counts)) == pytest.approx(naive_gini(counts))


@pytest.mark.parametrize("counts", [[3, 2, 1, 0], [4, 1, 0, 0], [2, 2, 2]])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_of_fewer_rows_it_is_the_mean_over_all_samples(counts: list[int], share: float) -> None:
    """Each row is in the sample with the same chance: the sum of all differences, over what is expected of the rows."""
    expected = 0.0
    for kept in product(*(range(c + 1) for c in counts)):
        chance = np.prod(
            [comb(c, k) * share**k * (1 - share) ** (c - k) for c, k in zip(counts, kept, strict=True)]
        )
        x = np.array(kept, float)
        expected += chance * np.abs(x[:, None] - x).sum() / 2
    to = share * sum(counts)
    assert gini([float(c) for c in counts], to) == pytest.approx(expected / (len(counts) * to))


def test_it_does_not_move_with_the_rows() -> None:
    rng = np.random.default_rng(2)
    p = 1 / np.arange(1, 801) ** 0.8
    few, many = (
        np.mean([gini(rng.multinomial(n, p / p.sum()).astype(float).tolist(), 2000) for _ in range(20)])
        for n in (2500, 60_000)
    )
    assert few == pytest.approx(many, abs=0.004)
    assert naive_gini(rng.multinomial(60_000, p / p.sum()).tolist()) < few - 0.05  # more rows look more even


def test_its_slope_is_what_one_row_more_changes() -> None:
    counts = [40.0, 20.0, 20.0, 7.0, 1.0, 0.0]
    sizes, times = frequencies(counts)
    rows, to = sum(counts), 30
    slope = gini_index(sizes, times, rows, len(counts), to).slope
    # Rows stay as many: what an item gains, every row loses in part.
    for size in (40.0, 7.0):
        more = [c + 0.01 if c == size else c for c in counts]
        bigger, often = frequencies(more)
        change = gini_index(bigger, often, rows, len(counts), to).value - gini(counts, to)
        at = int(np.flatnonzero(sizes == size)[0])
        assert change * 100 * rows == pytest.approx(slope[at], rel=0.15)


def test_large_counts_that_are_nearly_alike_may_be_put_together() -> None:
    rng = np.random.default_rng(1)
    counts = (1000 * rng.pareto(1.2, 3000)).astype(int) + 1.0
    sizes, times = np.unique(counts, return_counts=True)
    means, items, group = grouped(sizes, times)
    assert len(means) < len(sizes) / 5
    assert (means * items).sum() == pytest.approx(counts.sum())
    assert means[group] == pytest.approx(sizes, rel=0.04)
    exact, close = (
        gini_index(*pair, counts.sum(), 5000, 2000).value for pair in ((sizes, times), (means, items))
    )
    assert close == pytest.approx(exact, abs=1e-4)
