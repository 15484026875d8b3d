"""Distances of histograms against scipy, and against themselves in small and large samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, wasserstein_distance

from detectors.comparing.distances import TwoHistograms

MIDDLE = np.array([0.1, 0.2, 0.35, 0.5, 0.8, 1.3, 2.0])
counts = st.lists(st.integers(0, 40), min_size=len(MIDDLE), max_size=len(MIDDLE)).filter(lambda c: sum(c) > 0)


def two(now: list[int], before: list[int], surely: float = 1e12) -> TwoHistograms:
    """With so many observations behind them that chance adds nothing."""
    return TwoHistograms(np.array([now], float), np.array([before], float), *np.full((2, 1), surely), MIDDLE)


@given(counts, counts)
def test_kolmogorov_smirnov_is_scipy_s(now: list[int], before: list[int]) -> None:
    expected = ks_2samp(np.repeat(MIDDLE, now), np.repeat(MIDDLE, before)).statistic
    assert two(now, before).kolmogorov_smirnov()[0][0] == pytest.approx(expected, abs=1e-5)


@given(counts, counts)
def test_wasserstein_is_scipy_s_in_spreads(now: list[int], before: list[int]) -> None:
    values = np.repeat(MIDDLE, before)
    low, high = np.quantile(values, [0.25, 0.75], method="inverted_cdf")
    spread = high - low if high > low else values.std()
    found = two(now, before).wasserstein()[0][0]
    if spread == 0:
        assert np.isnan(found)
    else:
        assert found * spread == pytest.approx(wasserstein_distance(np.repeat(MIDDLE, now), values), abs=1e-5)


@given(counts, counts)
def test_stability_index_is_the_formula_s(now: list[int], before: list[int]) -> None:
    p, q = np.array(now) / sum(now), np.array(before) / sum(before)
    tenth = np.minimum((q.cumsum() - q / 2) * 10, 9).astype(int)
    a, b = np.bincount(tenth, p, 10), np.bincount(tenth, q, 10)
    there = (a > 0) & (b > 0)
    found = two(now, before).stability_index()[0][0]
    if (there == ((a > 0) | (b > 0))).all():
        expected = float(((a - b)[there] * np.log(a[there] / b[there])).sum())
        assert found == pytest.approx(expected, abs=1e-6)
    else:
        assert found > 0.1  # a bin that one of them has alone


@given(counts)
def test_a_distribution_is_no_distance_from_itself(now: list[int]) -> None:
    for found in (two(now, now, sum(now)), two(now, now)):
        assert found.kolmogorov_smirnov()[0][0] == found.stability_index()[0][0] == 0
        assert found.wasserstein()[0][0] in (0, pytest.approx(np.nan, nan_ok=True))


def test_known_distances() -> None:
    """All values moved by one spread."""
    middle = np.arange(20.0)
    before = np.zeros((1, 20))
    before[0, :8] = 100
    now = np.roll(before, 4)
    found = TwoHistograms(now, before, *np.full((2, 1), 800.0), middle)
    assert found.kolmogorov_smirnov()[0][0] == pytest.approx(0.5, abs=0.01)
    assert found.wasserstein()[0][0] == pytest.approx(1.0, abs=0.01)
    assert found.medians()[0][0] - found.medians()[1][0] == 4


def samples(n: int, times: int, shift: float, seed: int = 0) -> TwoHistograms:
    rng = np.random.default_rng(seed)
    edges = np.linspace(-5, 6, 551)
    now, before = (
        np.array([np.histogram(rng.normal(s, 1, n), edges)[0] for _ in range(times)], float)
        for s in (shift, 0)
    )
    return TwoHistograms(now, before, now.sum(axis=1), before.sum(axis=1), (edges[1:] + edges[:-1]) / 2)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("name", ["kolmogorov_smirnov", "wasserstein", "stability_index"])
def test_distances_do_not_follow_from_the_number_of_rows(name: str, shift: float) -> None:
    truth = getattr(samples(200_000, 4, shift), name)()[0].mean()
    for n in (100, 1000):
        value, error = getattr(samples(n, 200, shift, seed=n), name)()
        assert np.abs(value.mean() - truth) <= 0.75 * error.mean(), (value.mean(), truth, error.mean())
        assert (np.abs(value - truth) <= 2 * error).mean() >= 0.9
        assert error.mean() <= 2.5 * value.std() if shift else value.max() <= 5 * error.mean()


def test_without_rows_there_is_nothing_to_say() -> None:
    none = TwoHistograms(
        np.zeros((2, 7)), np.array([[1.0] * 7, [0.0] * 7]), np.zeros(2), np.array([7.0, 0]), MIDDLE
    )
    for name in ("kolmogorov_smirnov", "wasserstein", "stability_index"):
        assert np.isnan(getattr(none, name)()[0]).all()
