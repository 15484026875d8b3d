"""Errors by the delta method, for all slices at once, against loops over the users of each."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from detectors import Summary
from detectors.measures import user_sample
from detectors.measures.sampled_lists import SampledLists
from detectors.measures.user_sample import UserSample
from detectors.statistics import panel
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from tests.detectors.batches import random_batch


@pytest.mark.parametrize(("kept", "enough"), [(4096, 1000), (4096, 7), (6, 1000), (6, 4)])
def test_errors_are_those_of_loops_over_users(
    monkeypatch: pytest.MonkeyPatch, kept: int, enough: int
) -> None:
    monkeypatch.setattr(panel, "USERS", kept)
    monkeypatch.setattr(user_sample, "ENOUGH_USERS", enough)
    rng = np.random.default_rng(3)
    summary = Summary.of(random_batch(rng, requests=150, users=60), (ItemCounts, ListTally, Panel))
    lists, whole = SampledLists.of(summary), summary[Panel]
    slices = np.arange(len(summary.slices))
    of_item = rng.normal(size=(len(slices), len(summary[ItemCounts].keys), 2))
    each, total = rng.normal(size=(len(slices), 2)), rng.uniform(100, 200, len(slices))
    sample = UserSample(lists, slices)
    found = sample.errors(of_item[sample.slice, sample.items], each, total)
    for s, cells in enumerate(summary.members(whole)):
        _, requests, _ = whole.sample_of(cells)
        by_user = defaultdict(list)
        for r in np.flatnonzero(requests & (lists.length > 0)).tolist():
            by_user[int(whole.user[whole.request_user[r]])].append(r)
        chosen = {user: by_user[user] for user in sorted(by_user)[:enough]}
        shown = {
            r: lists.item[whole.offsets[r] : whole.offsets[r + 1]] for mine in chosen.values() for r in mine
        }
        sums = {r: (of_item[s, items] - each[s]).sum(axis=0) for r, items in shown.items()}
        mean = np.mean(list(sums.values()), axis=0)
        squares = sum((sum(sums[r] - mean for r in mine)) ** 2 for mine in chosen.values())
        users, rows = len(chosen), sum(map(len, shown.values()))
        assert sample.lists[s] == len(shown)
        assert found[s] == pytest.approx(np.sqrt(squares * users / (users - 1) / total[s] / rows))


def test_slices_without_lists_have_no_error() -> None:
    summary = Summary()
    sample = UserSample(SampledLists.of(summary), np.arange(len(summary.slices)))
    assert sample.lists.tolist() == [0]
    assert np.isnan(sample.errors(np.empty((0, 1)), np.zeros((1, 1)), np.ones(1))).all()
