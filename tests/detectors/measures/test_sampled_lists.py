"""Ratios over the panel's lists against loops over users, and their errors against what sampling does."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from detectors import Summary
from detectors.core import pairs
from detectors.measures.sampled_lists import SampledLists
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import LISTS, USERS, Panel
from tests.detectors.batches import of_lists, random_batch
from tests.detectors.recommender import Shop

STATISTICS = (ItemCounts, ListTally, Panel)


def by_users(lists: SampledLists, s: int, top: np.ndarray, bottom: np.ndarray) -> tuple[float, float]:
    """Value and error of a slice, user by user."""
    panel, groups = lists.panel, np.flatnonzero(lists.members[s])
    above, below, count = defaultdict(float), defaultdict(float), 0
    for u, (user, group) in enumerate(zip(panel.user.tolist(), panel.user_group.tolist(), strict=True)):
        if group in groups:
            count += 1
            for r in np.flatnonzero(panel.request_user == u):
                above[user] += lists.weight[r] * top[r]
                below[user] += lists.weight[r] * bottom[r]
    total = sum(below.values())
    if not total:
        return float("nan"), float("nan")
    value = sum(above.values()) / total
    square = sum((above[u] - value * below[u]) ** 2 for u in above)
    n = max(count, 2)
    return value, float(np.sqrt(square * n / (n - 1)) / total)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_ratios_are_those_of_loops_over_users(
    seed: int, dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not dense:
        monkeypatch.setattr(pairs, "DENSE_CELLS", 0)
    rng = np.random.default_rng(seed)
    summary = Summary.of(random_batch(rng, requests=120, users=15), STATISTICS)
    lists = SampledLists(summary)
    top, bottom = rng.random(len(lists.length)), lists.length * (rng.random(len(lists.length)) < 0.7)
    found = lists.ratio(top, bottom)
    assert len(found.value) == len(summary.slices) > 5
    for s in range(len(summary.slices)):
        value, error = by_users(lists, s, top, bottom)
        assert found.value[s] == pytest.approx(value, nan_ok=True)
        assert found.error[s] == pytest.approx(error, nan_ok=True, abs=1e-9)


def test_a_panel_with_everybody_states_the_same_error_either_way() -> None:
    summary = Summary.of(random_batch(np.random.default_rng(5), users=20), STATISTICS)
    lists = SampledLists(summary)
    top, bottom = np.random.default_rng(1).random(len(lists.length)), np.ones(len(lists.length))
    found = lists.ratio(top, bottom)
    assert lists.error(top, bottom, found.value) == pytest.approx(found.error, nan_ok=True)


def test_lists_stand_for_all_requests_of_their_cell() -> None:
    heavy = [["a", "b"]] * (3 * LISTS)
    batch = of_lists(
        [*heavy, *([["c", "d"]] * 2), *([["e", "f"]] * (USERS + 500))],
        users=["u"] * len(heavy) + ["v", "w"] + [f"x{i}" for i in range(USERS + 500)],
        surfaces=["home"] * (len(heavy) + 2) + ["email"] * (USERS + 500),
    )
    lists = SampledLists(Summary.of(batch, STATISTICS))
    assert lists.totals(np.ones(len(lists.length))).tolist() == pytest.approx(
        [batch.n_requests, USERS + 500, len(heavy) + 2]
    )
    of_c = (lists.sums(lists.panel.item == batch.item_hash[batch.item_names.index("c")]) > 0).astype(float)
    found = lists.ratio(of_c, np.ones(len(of_c)))
    assert found.value[2] == pytest.approx(2 / (len(heavy) + 2))


def test_errors_of_thin_samples_are_larger_than_those_of_what_was_counted() -> None:
    rng = np.random.default_rng(3)
    summary = Summary.of(Shop()(rng, 9 * USERS), STATISTICS)
    lists = SampledLists(summary)
    top = lists.sums(lists.panel.item == lists.panel.item[0])
    found = lists.ratio(top, np.ones(len(top)))
    counted = lists.error(top, np.ones(len(top)), found.value)
    assert found.error[0] / counted[0] == pytest.approx(3, rel=0.02)  # a ninth of the users


def test_nothing_to_look_at() -> None:
    lists = SampledLists(Summary())
    found = lists.ratio(np.empty(0), np.empty(0))
    assert np.isnan(found.value).all()
    assert np.isnan(found.error).all()
