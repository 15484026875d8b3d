"""Popularity by the day before, against plain counting; which windows are the day before."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from detectors import Catalog, Context, Summary
from detectors.core.detector import Earlier
from detectors.core.hashing import hash_texts
from detectors.measures import popularity
from detectors.measures.popularity import of_popularity
from detectors.measures.reference import Popularity, untroubled
from detectors.measures.sampled_lists import SampledLists
from detectors.measures.shown_items import ShownItems
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from tests.detectors.batches import HOUR, START, of_lists

STATISTICS = (ItemCounts, ListTally, Panel)


def window(lists: list[list[str]], hours_ago: int = 24, troubled: bool = False) -> Earlier:
    return Earlier(START - hours_ago * HOUR, Summary.of(of_lists(lists), STATISTICS), troubled)


def test_the_oldest_windows_without_trouble_until_there_is_enough() -> None:
    day = [window([["a", "b"]] * 3, hours, troubled=hours == 23) for hours in range(1, 25)]
    context = Context(earlier=lambda: day)

    def hours(rows: int) -> list[int]:
        return [(START - w.start_us) // HOUR for w in untroubled(context, rows)]

    assert hours(1) == [24]
    assert hours(7) == [24, 22]
    assert hours(10**6) == [24, *range(22, 0, -1)]
    assert list(untroubled(Context(), 10)) == []


def test_shares_are_of_all_windows_together() -> None:
    found = Popularity([window([["a", "b"], ["a", "c"]]), window([["c", "d"]] * 3)])
    assert found.rows == 10
    assert found.of(hash_texts(["a", "b", "c", "d", "e"])).tolist() == [0.2, 0.1, 0.4, 0.3, 0]


def test_what_it_says_of_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(popularity, "LEAST_ROWS", 20)
    rng = np.random.default_rng(0)
    p = 0.6 ** np.arange(12)
    before = [[f"i{i}" for i in rng.choice(12, 4, replace=False, p=p / p.sum())] for _ in range(30)]
    now = [[f"i{i}" for i in rng.choice(15, 4, replace=False)] for _ in range(50)]
    summary = Summary.of(of_lists(now, surfaces=["home", "cart"] * 25), STATISTICS)
    catalog = Catalog.of([f"i{i}" for i in range(15)])
    found = of_popularity(Popularity([window(before)]), ShownItems(summary), SampledLists(summary), catalog)
    times = Counter(item for shown in before for item in shown)
    head = {name for name, _ in times.most_common(3)}  # a fifth of the catalogue
    assert times.most_common(4)[2][1] > times.most_common(4)[3][1]
    for s, mine in enumerate([now, now[1::2], now[::2]]):
        rows = [item for shown in mine for item in shown]
        assert found.average.value[s] == pytest.approx(20 * np.mean([times[i] / 120 for i in rows]))
        surprise = [-np.log2(max(times[i] / 120, 1 / 20)) for i in rows]
        assert found.novelty.value[s] == pytest.approx(np.mean(surprise))
        assert found.long_tail.value[s] == pytest.approx(np.mean([i not in head for i in rows]))


def test_too_little_before_says_nothing() -> None:
    summary = Summary.of(of_lists([["a", "b"]] * 5), STATISTICS)
    found = of_popularity(
        Popularity([window([["a", "b"]] * 10)]), ShownItems(summary), SampledLists(summary), Catalog.of(["a"])
    )
    assert all(np.isnan(part.value).all() and np.isnan(part.error).all() for part in found)
