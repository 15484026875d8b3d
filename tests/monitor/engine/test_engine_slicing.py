"""Slice columns with more values than can be watched apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from detectors.core.hashing import hash_texts
from monitor.engine import slicing
from monitor.engine.chunk import Chunk, read_chunk
from monitor.engine.slicing import SliceValues
from tests.monitor.engine.engine_logs import HOUR, Row, Shape, by_engine, set_limits, simple_rows


def rows(countries: str) -> list[Row]:
    """A request of one row for each letter."""
    return [
        {**simple_rows(1, items=1)[0], "country": c, "request": f"r{i}", "timestamp": HOUR.start + timedelta(seconds=i)}
        for i, c in enumerate(countries)
    ]  # fmt: skip


def by_country(found: list[Row], shape: Shape) -> dict[str, int]:
    out: Counter[str] = Counter()
    for (cell, *_), n in by_engine(found, shape).requests.items():
        out[cell[0]] += n
    return dict(out)


def test_rare_values_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "SLICE_VALUES", 2)
    assert by_country(rows("aabbbcde"), Shape()) == {"b": 3, "a": 2, "(other)": 3}


def test_as_many_values_as_are_watched_apart_are_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "SLICE_VALUES", 3)
    found = [*rows("aabbc"), {**rows("x")[0], "request": "none", "country": None}]
    assert by_country(found, Shape()) == {"a": 2, "b": 2, "c": 1, "(none)": 1}


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 5, 100])
def test_a_value_is_never_in_part_under_its_name(monkeypatch: pytest.MonkeyPatch, batch_rows: int) -> None:
    monkeypatch.setattr(slicing, "SLICE_VALUES", 3)
    set_limits(monkeypatch, batch_rows)
    countries = "abacddddbbaceeeeffffab"
    found = by_country(rows(countries), Shape(row_group=2))
    told = Counter(countries)
    assert sum(found.values()) == len(countries)
    assert len(found) == 4
    assert all(n == told[c] for c, n in found.items() if c != "(other)")


def test_each_column_has_values_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicing, "SLICE_VALUES", 1)
    found = [{**row, "surface": "xxy"[i % 3]} for i, row in enumerate(rows("aabaab"))]
    told = by_engine(found, Shape(slices=("surface", "country")))
    assert Counter(cell for cell, *_ in told.requests.elements()) == {
        ("a", "x"): 4,
        ("(other)", "(other)"): 2,
    }


def test_integers_and_text_of_one_name_are_one_value() -> None:
    values = SliceValues.of(["country"])
    chunks = [chunk(pa.array(["7", "8"]).dictionary_encode()), chunk(pa.array([7, None]))]
    values = values.admit(chunks)
    cell, cells = values.cells_of(chunks, slice(None))
    assert [cells.values[c] for c in cell] == [("7",), ("8",), ("7",), ("(none)",)]


def test_a_value_of_which_the_configuration_speaks_is_watched_apart_however_rare(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slicing, "SLICE_VALUES", 2)
    found = [chunk(pa.array(["a", "a", "b", "b", "c"])), chunk(pa.array([7, 7, 7, 8]))]
    values = SliceValues.of(["country"], [("country", "c"), ("country", "8"), ("surface", "a")]).admit(found)
    cell, cells = values.cells_of(found, slice(None))
    assert [cells.values[c][0] for c in cell] == ["(other)"] * 4 + ["c"] + ["(other)"] * 3 + ["8"]


def test_many_combinations_are_found_by_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [chunk(pa.array(["b", "a", "b"]))]
    values = SliceValues.of(["country"]).admit(found)
    counted = values.cells_of(found, slice(None))
    monkeypatch.setattr(slicing, "TABLE", 0)
    by_sorting = values.cells_of(found, slice(None))
    assert (by_sorting[0].tolist(), by_sorting[1]) == (counted[0].tolist(), counted[1])


def test_a_chunk_without_the_column_has_no_value() -> None:
    found = [chunk(pa.array(["a"])), replace(chunk(pa.array(["a"])), slices={})]
    cell, cells = SliceValues.of(["country"]).admit(found).cells_of(found, slice(None))
    assert [cells.values[c] for c in cell] == [("a",), ("(none)",)]


def chunk(country: pa.Array) -> Chunk:
    n = len(country)
    columns = {"timestamp": pa.array([HOUR.start_us] * n), "item": pa.array(["a"] * n), "country": country}
    return read_chunk(pa.table(columns), ("country",), hash_texts(()))
