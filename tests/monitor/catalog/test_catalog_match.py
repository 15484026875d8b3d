"""Ids of a catalogue and of a log: of another type, of another catalogue, and of a log that is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors import Catalog, Summary
from detectors.core.detector import Earlier
from detectors.core.hashing import hash_integers, hash_texts
from detectors.statistics.item_counts import ItemCounts
from monitor.catalog import CatalogRead, KnownItems, known_items
from tests.detectors.batches import HOUR, START, of_lists
from tests.monitor.catalog.catalogues import parquet, read

NUMBERS = [7, 8, 2**40, -3]


def shown(ids: Sequence[Any], troubled: bool = False, hours_ago: int = 1) -> Earlier:
    """A window in which these items were shown; numbers are hashed as the log's reader hashes numbers."""
    batch = of_lists([[str(i)] for i in ids])
    if not isinstance(ids[0], str):
        numbers = np.array([int(name) for name in batch.item_names], np.int64)
        batch = replace(batch, item_hash=hash_integers(numbers))
    return Earlier(START - hours_ago * HOUR, Summary.of(batch, [ItemCounts]), troubled)


def matched(found: CatalogRead, now: Sequence[Any], *earlier: Earlier) -> KnownItems:
    return known_items(found, shown(now).summary, lambda: earlier, START)


def catalog_of(known: KnownItems) -> Catalog:
    assert known.catalog is not None
    return known.catalog


def test_the_same_form(tmp_path: Path) -> None:
    found = read(parquet(tmp_path / "items.parquet", item_id=NUMBERS))
    known = matched(found, [7, 99])
    assert known.catalog is found.catalog
    assert known.lacks == {}
    assert known.seen is not None
    assert (known.seen.items, known.seen.repeated, known.seen.remarks) == (4, 0, ())


def test_numbers_in_the_catalogue_texts_in_the_log(tmp_path: Path) -> None:
    found = read(
        parquet(tmp_path / "items.parquet", item_id=NUMBERS, off=[True, False, False, True]), blocked="off"
    )
    known = matched(found, ["-3", "8", "new"])
    catalog = catalog_of(known)
    at = catalog.find(hash_texts([str(n) for n in NUMBERS]))
    assert (at >= 0).all()
    assert catalog.blocked is not None
    assert catalog.blocked[at].tolist() == [True, False, False, True]
    assert known.seen is not None
    assert known.seen.remarks == ("its ids are matched as texts, which the log has",)


def test_texts_in_the_catalogue_numbers_in_the_log(tmp_path: Path) -> None:
    ids = [str(n) for n in NUMBERS] + ["007", "x"]
    found = read(parquet(tmp_path / "items.parquet", item_id=ids, kind=list("abcdef")), category="kind")
    known = matched(found, [7, 2**40, 5])
    catalog = catalog_of(known)
    at = catalog.find(hash_integers(np.array(NUMBERS, np.int64)))
    assert catalog.category is not None
    assert [catalog.category.names[c] for c in catalog.category.codes[at]] == list("abcd")
    assert known.seen is not None
    assert known.seen.remarks == (
        "its ids are matched as numbers, which the log has",
        "2 items are not known: their ids are not numbers",
    )


def test_another_catalogue_says_so_and_nothing_else(tmp_path: Path) -> None:
    found = read(parquet(tmp_path / "items.parquet", item_id=["m-1", "m-2"]))
    why = (
        'no item of the window is in the catalogue (the log has "sku-1", the catalogue "m-1"): '
        "is it the catalogue of these items?"
    )
    for earlier in ((), (shown(["sku-1"]),), (shown(["sku-1"], troubled=True),)):
        known = matched(found, ["sku-1"], *earlier)
        assert known.catalog is None
        assert known.lacks["catalog"] == known.lacks["catalog.blocked"] == why
        assert known.seen is not None
        assert known.seen.remarks == (why,)


def test_a_log_whose_ids_have_changed_is_measured(tmp_path: Path) -> None:
    found = read(parquet(tmp_path / "items.parquet", item_id=["sku-1", "sku-2"]))
    known = matched(found, ["SKU/1"], shown(["SKU/1"], troubled=True), shown(["sku-1"], hours_ago=2))
    assert known.catalog is found.catalog
    assert known.lacks == {}


def test_and_the_same_where_ids_had_been_of_the_other_form(tmp_path: Path) -> None:
    found = read(parquet(tmp_path / "items.parquet", item_id=["1", "2"]))
    known = matched(found, [5_000_000_001], shown([1]))
    assert known.catalog is found.in_other_form


@pytest.mark.parametrize(("hours", "goes_on"), [(3, False), (22, True)])
def test_what_has_gone_on_for_a_day_goes_on(tmp_path: Path, hours: int, goes_on: bool) -> None:
    found = read(parquet(tmp_path / "items.parquet", item_id=["sku-1", "sku-2"]))
    earlier = [shown(["SKU/1"], troubled=True, hours_ago=h + 1) for h in range(hours)]
    assert (matched(found, ["SKU/1"], *earlier).catalog is not None) == goes_on


def test_a_window_without_rows_needs_no_match(tmp_path: Path) -> None:
    found = read(parquet(tmp_path / "items.parquet", item_id=["a"]))
    assert known_items(found, Summary(), tuple, START).catalog is found.catalog
