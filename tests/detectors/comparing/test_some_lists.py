"""Lists of some users of many slices at once, against loops over the users of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import permutations

import numpy as np
import pytest

from detectors import Summary
from detectors.comparing import some_lists
from detectors.comparing.some_lists import SomeLists
from detectors.statistics import panel
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from tests.detectors.batches import random_batch


@pytest.mark.parametrize(("kept", "some"), [(4096, 200), (4096, 7), (6, 200), (6, 4)])
def test_all_slices_at_once_are_as_loops_over_the_users_of_each(
    monkeypatch: pytest.MonkeyPatch, kept: int, some: int
) -> None:
    monkeypatch.setattr(panel, "USERS", kept)
    monkeypatch.setattr(some_lists, "SOME_USERS", some)
    rng = np.random.default_rng(3)
    summary = Summary.of(random_batch(rng, requests=150, users=60), (ListTally, Panel))
    whole = summary[Panel]
    found = SomeLists.of(whole, list(summary.samples()))
    value = {int(item): v for item, v in zip(whole.items, rng.normal(size=len(whole.items)), strict=True)}
    together = found.rows_together(np.array([value[int(found.items[i])] for i in found.item]))
    for s, cells in enumerate(summary.members(whole)):
        users, requests, _ = whole.sample_of(cells)
        last = np.sort(whole.user[users])[min(some, users.sum() - 1)]
        lists = defaultdict(list)
        for r in np.flatnonzero(requests).tolist():
            items = {int(item) for item in whole.item[whole.offsets[r] : whole.offsets[r + 1]]}
            if items and whole.user[whole.request_user[r]] <= last:
                lists[int(whole.user[whole.request_user[r]])].append(items)
        pairs = [len(a & b) for mine in lists.values() for a, b in permutations(mine, 2)]
        assert found.shared_by_one_user[s] == pytest.approx(np.mean(pairs) if pairs else 0.0)
        rows = Counter(item for mine in lists.values() for items in mine for item in items)
        mean = sum(n * value[item] for item, n in rows.items()) / rows.total()
        apart = sum(n * (value[item] - mean) ** 2 for item, n in rows.items())
        of_users = [sum(value[i] - mean for items in mine for i in items) for mine in lists.values()]
        assert together[s] == pytest.approx(max(np.square(of_users).sum() / apart, 1.0))


def test_slices_without_lists_are_worth_their_rows() -> None:
    empty = Panel.empty()
    nothing = np.zeros(0, bool)
    found = SomeLists.of(empty, [(nothing, nothing, 1.0)] * 2)
    assert found.shared_by_one_user.tolist() == [0.0, 0.0]
    assert found.rows_together(np.empty(0)).tolist() == [1.0, 1.0]
    assert SomeLists.of(empty, []).rows_together(np.empty(0)).tolist() == []
