"""Distance inside a list against loops over its pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Catalog, Summary
from detectors.core.measurement import Measurement
from detectors.measures.sampled_lists import SampledLists
from detectors.measures.variety import category_distance, distances
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from tests.detectors.batches import in_slices, of_lists, random_batch

lists_of_labels = st.lists(st.lists(st.integers(-1, 3), max_size=7), max_size=8)


def by_pairs(labels: list[int]) -> float:
    pairs = list(combinations([label for label in labels if label >= 0], 2))
    return float(np.mean([a != b for a, b in pairs])) if pairs else float("nan")


@given(lists_of_labels)
def test_it_is_the_share_of_unlike_pairs(labels: list[list[int]]) -> None:
    flat = np.array([x for shown in labels for x in shown], np.int64)
    owner = np.repeat(np.arange(len(labels)), [len(shown) for shown in labels]).astype(np.int64)
    found = distances(flat, owner, len(labels))
    assert found.tolist() == pytest.approx([by_pairs(shown) for shown in labels], nan_ok=True)


def test_lists_count_once_each_however_long_they_are() -> None:
    batch = of_lists([["a1", "b1"], ["a1", "a2", "a3", "a4", "a5", "a6"], ["a1"], ["a1", "?"]])
    names = [n for n in batch.item_names if n != "?"]
    catalog = Catalog.of(names, category=[n[0] for n in names])
    assert catalog.category is not None
    summary = Summary.of(batch, (ItemCounts, ListTally, Panel))
    lists = SampledLists(summary)
    found = category_distance(lists, summary[ItemCounts].keys, catalog, catalog.category)
    assert found.value[0] == pytest.approx((1 + 0) / 2)


def test_in_every_slice() -> None:
    batch = random_batch(np.random.default_rng(4), requests=200, users=80)
    catalog = Catalog.of([f"item-{i}" for i in range(15)], category=[f"c{i % 4}" for i in range(15)])
    assert catalog.category is not None
    summary = Summary.of(batch, (ItemCounts, ListTally, Panel))
    found = category_distance(SampledLists(summary), summary[ItemCounts].keys, catalog, catalog.category)
    by_slice = in_slices(batch, Measurement("x", *found, found.value))
    label = np.array([i % 4 if i < 15 else -1 for i in range(20)])
    for s, text in enumerate(batch.cells.slices.texts):
        here = batch.cells.slices.members[s][batch.cell]
        each = [
            by_pairs(label[batch.item[a:b]].tolist())
            for a, b, mine in zip(batch.offsets[:-1], batch.offsets[1:], here, strict=True)
            if mine
        ]
        assert by_slice[text] == pytest.approx(np.nanmean(each))
