"""What a catalogue says of its items, in all the ways in which files say it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from detectors.core.catalog import UNKNOWN_TIME
from detectors.core.hashing import hash_texts
from monitor.catalog import CatalogRead
from tests.monitor.catalog.catalogues import parquet, read, written

IDS = ["a", "b", "c", "d"]
MARCH = datetime(2026, 3, 2, tzinfo=UTC)
MARCH_US = int(MARCH.timestamp()) * 1_000_000


def in_order(found: CatalogRead, values: Any) -> list[Any]:
    """Values of the items a, b, c, d."""
    return [values[i] for i in found.catalog.find(hash_texts(IDS)).tolist()]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([True, False, None, True]),
        pa.array([1, 0, None, 7]),
        pa.array([1.0, 0.0, float("nan"), 1.0]),
        pa.array(["yes", "No", None, " TRUE "]),
        pa.array(["1", "0", "", "y"]),
        pa.array(["t", "f", None, "1.0"]).dictionary_encode(),
    ],
    ids=["bool", "integer", "float", "words", "digits", "dictionary"],
)
def test_flags(tmp_path: Path, values: pa.Array) -> None:
    path = parquet(tmp_path / "items.parquet", item_id=IDS, off=values)
    found = read(path, blocked="off")
    assert found.catalog.blocked is not None
    assert in_order(found, found.catalog.blocked) == [True, False, False, True]
    assert found.lacks == {}
    assert found.remarks == ()


def test_flags_of_a_csv_file(tmp_path: Path) -> None:
    path = written(tmp_path / "items.csv", "item_id,off,sold_out\na,yes,0\nb,no,1\nc,,0\nd,YES,\n")
    found = read(path, blocked="off", out_of_stock="sold_out")
    assert found.catalog.blocked is not None
    assert found.catalog.out_of_stock is not None
    assert in_order(found, found.catalog.blocked) == [True, False, False, True]
    assert in_order(found, found.catalog.out_of_stock) == [False, True, False, False]
    assert found.remarks == ()


def test_flags_in_words_that_mean_nothing_here_are_not_taken_for_no(tmp_path: Path) -> None:
    path = parquet(tmp_path / "items.parquet", item_id=IDS, off=["ja", "nein", "nein", "yes"])
    found = read(path, blocked="off")
    assert found.catalog.blocked is None
    assert found.catalog.parts == frozenset()
    assert found.lacks == {"blocked": 'column "off" of the catalogue does not hold yes or no'}


def test_a_few_flags_in_other_words_are_told(tmp_path: Path) -> None:
    path = parquet(tmp_path / "items.parquet", item_id=IDS, off=["maybe", "no", "yes", "yes"])
    found = read(path, blocked="off")
    assert found.catalog.blocked is not None
    assert in_order(found, found.catalog.blocked) == [False, False, True, True]
    assert found.remarks == ('1 values of column "off" are not yes or no and count as none',)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([MARCH] * 4, pa.timestamp("ms", "UTC")),
        pa.array([date(2026, 3, 2)] * 4),
        pa.array([MARCH_US // 10**6] * 4),
        pa.array([MARCH_US // 10**3] * 4),
        pa.array([MARCH_US * 1000] * 4),
        pa.array([MARCH_US / 1e6] * 4),
        pa.array([20260302] * 4),
        pa.array(["2026-03-02", "2026/03/02", "20260302", "2026-03-02T01:00:00+01:00"]),
        pa.array([str(MARCH_US // 10**6), "2026-03-02 00:00:00", "2026-03-02T00:00:00Z", "2026-03-02"]),
    ],
    ids=[
        "ms",
        "day",
        "s as number",
        "ms as number",
        "ns as number",
        "float",
        "day as number",
        "text",
        "texts",
    ],
)
def test_times(tmp_path: Path, values: pa.Array) -> None:
    path = parquet(tmp_path / "items.parquet", item_id=IDS, added=values)
    found = read(path, created_at="added")
    assert found.catalog.created_us is not None
    assert found.catalog.created_us.tolist() == [MARCH_US] * 4
    assert found.remarks == ()


def test_days_as_numbers_of_a_csv_file(tmp_path: Path) -> None:
    path = written(tmp_path / "items.csv", "item_id,added\na,20260302\nb,20260302\nc,\nd,20261399\n")
    found = read(path, created_at="added")
    assert found.catalog.created_us is not None
    assert in_order(found, found.catalog.created_us) == [MARCH_US, MARCH_US, UNKNOWN_TIME, UNKNOWN_TIME]


def test_times_that_are_none(tmp_path: Path) -> None:
    path = parquet(tmp_path / "items.parquet", item_id=IDS, added=["soon", "02.03.2026", "2026-03-02", "?"])
    assert read(path, created_at="added").lacks == {
        "created_at": 'column "added" of the catalogue does not hold times'
    }


def test_a_column_that_can_be_no_time(tmp_path: Path) -> None:
    path = parquet(tmp_path / "items.parquet", item_id=IDS, added=pa.array([b"\x00"] * 4, pa.binary()))
    assert read(path, created_at="added").lacks == {
        "created_at": 'column "added" of the catalogue does not hold times'
    }


def test_labels_and_values(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "items.parquet", item_id=IDS, kind=["x", None, "", "y"], price=["1.5", "free", None, "2"]
    )
    found = read(path, category="kind", value="price")
    assert found.catalog.category is not None
    names = [
        None if c < 0 else found.catalog.category.names[c] for c in found.catalog.category.codes.tolist()
    ]
    assert in_order(found, names) == ["x", None, None, "y"]
    assert found.catalog.value is not None
    np.testing.assert_array_equal(in_order(found, found.catalog.value), [1.5, np.nan, np.nan, 2.0])
    assert found.remarks == ('1 values of column "price" are not numbers and count as none',)


def test_columns_that_are_empty_or_missing_or_no_single_values(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "items.parquet",
        item_id=IDS,
        kind=pa.nulls(4, pa.string()),
        off=pa.nulls(4, pa.bool_()),
        tags=[["x"]] * 4,
        maker=[{"name": "m"}] * 4,
    )
    found = read(path, category="kind", blocked="off", family="tags", provider="maker", value="price")
    assert found.lacks == {
        "category": 'column "kind" of the catalogue is empty',
        "blocked": 'column "off" of the catalogue is empty',
        "family": 'column "tags" of the catalogue holds lists',
        "provider": 'column "maker" of the catalogue holds records',
        "value": 'the catalogue has no column "price"',
    }
    assert found.catalog.parts == frozenset()
    assert len(found.catalog) == 4


def test_of_an_id_that_stands_twice_the_first_row_counts_and_it_is_told(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "items.parquet",
        item_id=["a", "b", "a", "a", "", None],
        off=[True, False, False, False, True, True],
    )
    found = read(path, blocked="off")
    assert found.catalog.repeated == 2
    assert found.catalog.blocked is not None
    assert found.catalog.blocked[found.catalog.find(hash_texts(["a", "b"]))].tolist() == [True, False]
    assert found.remarks == (
        "2 rows are left out: their ids came before",
        "2 rows are left out: they have no id",
    )
