"""Exposure by category: what the weights are, whose share has changed, and that chance alone changes nobody's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Batch, Catalog, Measurement, Summary
from detectors.core.detector import Earlier
from detectors.measures.exposure import exposure_change
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from tests.detectors.batches import HOUR, START, of_lists
from tests.detectors.recommender import Shop

STATISTICS = (ItemCounts, ListTally, Panel)
CATALOG = Catalog.of([str(i) for i in range(200)], category=[f"category-{i % 10}" for i in range(200)])


def summary(batch: Batch) -> Summary:
    return Summary.of(batch, STATISTICS)


def changed(now: Batch, before: Batch, catalog: Catalog = CATALOG) -> Measurement:
    return exposure_change("category", summary(now), catalog, [Earlier(START - 24 * HOUR, summary(before))])


def moved(batch: Batch, share: float, seed: int = 0) -> Batch:
    """A share of the items of category 0 are of category 1 instead."""
    item = batch.item.copy()
    hit = (item % 10 == 0) & (np.random.default_rng(seed).random(len(item)) < share)
    item[hit] += 1
    return replace(batch, item=item)


def test_weights_fall_with_the_position() -> None:
    now = of_lists([["0", "1", "2"]] * 200)
    before = of_lists([["3", "4", "5"]] * 200)
    found = changed(now, before)
    first = 1 / np.log2(2) / (1 / np.log2(2) + 1 / np.log2(3) + 1 / np.log2(4))
    assert found.value[0] == pytest.approx(first)
    assert found.evidence is not None
    told = found.evidence(0)
    assert told["part"] in ("category-0", "category-3")
    by_name = {c["category"]: (c["exposure"], c["exposure_before"]) for c in told["changed"]}
    assert by_name["category-0"] == (round(first, 4), 0.0)
    assert by_name["category-3"] == (0.0, round(first, 4))


def test_the_category_that_changed_is_found_and_measured() -> None:
    shop = Shop(tilt=0.2, length=8)
    before, now = (shop(np.random.default_rng(seed), 3000) for seed in (1, 2))
    of_zero = float((now.item % 10 == 0).mean())
    found = changed(moved(now, 0.9), before)
    assert found.value[0] == pytest.approx(0.9 * of_zero, abs=4 * found.error[0])
    assert found.value[0] > 4 * found.error[0]
    assert found.evidence is not None
    assert found.evidence(0)["part"] in ("category-0", "category-1")
    assert changed(now, before).value[0] < 4 * found.error[0]


@pytest.mark.parametrize("share", [0.0, 0.8])
def test_it_does_not_grow_with_fewer_users(share: float) -> None:
    shop = Shop(tilt=0.2, visits=2)
    reference = shop(np.random.default_rng(99), 8000)
    few, many = (
        [changed(moved(shop(np.random.default_rng([n, i]), n), share, i), reference) for i in range(times)]
        for n, times in ((400, 60), (4000, 10))
    )
    truth = float(np.mean([m.value[0] for m in many]))
    within = [abs(m.value[0] - truth) <= 2 * m.error[0] for m in few]
    assert np.mean(within) >= 0.9
    assert np.mean([m.value[0] for m in few]) == pytest.approx(truth, abs=0.02)


def test_slices_are_compared_with_themselves() -> None:
    lists = [[str(r % 3), str(3 + r % 2)] for r in range(300)]
    surfaces = ["home" if r % 2 else "email" for r in range(300)]
    swapped = [[str(5 + r % 3), str(3 + r % 2)] if s == "email" else shown
               for r, (shown, s) in enumerate(zip(lists, surfaces, strict=True))]  # fmt: skip
    now, before = (of_lists(shown, surfaces=surfaces) for shown in (swapped, lists))
    found = dict(zip(now.cells.slices.texts, changed(now, before).value.tolist(), strict=True))
    assert found["surface=home"] == pytest.approx(0, abs=0.02)
    assert found["surface=email"] > 0.1


def test_of_very_many_parts_those_with_most_exposure_are_looked_at() -> None:
    names = [f"i{i}" for i in range(2000)]
    catalog = Catalog.of([*names, "top"], category=[*names, "top"])
    rng = np.random.default_rng(0)
    before, now = (
        of_lists(
            [
                ["top" if rng.random() < top else names[rng.integers(2000)], names[rng.integers(2000)]]
                for _ in range(900)
            ]
        )
        for top in (0.1, 0.8)
    )
    found = changed(now, before, catalog)
    assert found.evidence is not None
    assert found.evidence(0)["part"] == "top"
    assert found.value[0] > 4 * found.error[0]


def test_a_slice_that_is_new_has_nothing_to_compare_with() -> None:
    now = of_lists([["0", "1"]] * 40, surfaces=["home", "email"] * 20)
    found = changed(now, of_lists([["0", "1"]] * 40, surfaces=["home"] * 40))
    said = dict(zip(now.cells.slices.texts, found.value.tolist(), strict=True))
    assert (said["surface=home"], np.isnan(said["surface=email"])) == (0, True)


def test_without_a_day_before_or_anything_known_it_says_nothing() -> None:
    now = of_lists([["0", "1"]] * 50)
    for found in (
        exposure_change("category", summary(now), CATALOG, []),
        changed(of_lists([["x", "y"]] * 50), of_lists([["x", "y"]] * 50)),
        changed(of_lists([]), now),
    ):
        assert np.isnan(found.value).all()
