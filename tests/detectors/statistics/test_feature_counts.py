"""Counts of columns that detectors asked for, against counting one row after the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors import Batch
from detectors.core.hashing import hash_texts
from detectors.core.texts import Texts
from detectors.statistics.feature_counts import (
    MISSING,
    VALUE,
    FeatureCounts,
    bin_of_key,
    first_key,
    is_number,
    is_text,
)
from detectors.statistics.score_histogram import bin_of
from tests.detectors.batches import batches, of_lists, random_batch


def counted(counts: FeatureCounts, column: str) -> dict[tuple[int, str], int]:
    """By cell and value: a number's bin, a text, or "missing"."""
    out = {}
    for cell, key, n in zip(counts.group, counts.keys[counts.key], counts.counts[:, 0], strict=True):
        if key & ~VALUE == first_key(column):
            number, text = bool(is_number(key[None])[0]), bool(is_text(key[None])[0])
            value = str(bin_of_key(key)) if number else counts.text_of(int(key)) if text else "missing"
            out[int(cell), value] = int(n)
    return out


@given(batches(least=1), st.sampled_from(["number:price", "text:segment"]))
def test_every_row_is_counted_once_by_cell_and_value(batch: Batch, column: str) -> None:
    values = batch.columns[column]
    if isinstance(values, Texts):
        texts = ["missing" if c < 0 else values.names[c] for c in values.codes]
    else:
        texts = ["missing" if np.isnan(v) else str(bin_of(np.array([v]))[0]) for v in values]
    order = np.argsort(batch.cells.keys).argsort()
    expected = Counter((int(order[cell]), text) for cell, text in zip(batch.row_cell, texts, strict=True))
    assert counted(FeatureCounts.from_batch(batch), column) == expected


def test_only_numbers_and_texts_of_the_log_are_counted() -> None:
    batch = of_lists([["a", "b"]], users=["Ada"])
    columns = {
        "number:price": np.array([1.0, 2.0]),
        "flag:adult": np.array([True, False]),
        "number:catalog.price": np.array([3.0, 4.0]),
    }
    assert FeatureCounts.from_batch(replace(batch, columns=columns)).column.tolist() == ["number:price"]


def test_the_same_path_as_number_and_as_text_is_two_columns() -> None:
    batch = of_lists([["a", "b"]], users=["Ada"])
    columns = {"number:age": np.array([1.0, np.nan]), "text:age": Texts.of(["1", "old"])}
    counts = FeatureCounts.from_batch(replace(batch, columns=columns))
    assert sum(counted(counts, "number:age").values()) == 2
    assert set(counted(counts, "text:age")) == {(0, "1"), (0, "old")}


def test_a_column_of_different_texts_stays_bounded() -> None:
    rows = 120_000
    batch = random_batch(np.random.default_rng(0), requests=1, longest=1)
    texts = [f"t{i}" for i in range(rows)]
    wide = replace(
        batch,
        offsets=np.array([0, rows]),
        item=np.zeros(rows, np.int32),
        position=np.arange(1, rows + 1, dtype=np.int32),
        columns={"text:id": Texts(np.arange(rows, dtype=np.int32), hash_texts(texts), texts)},
    )
    counts = FeatureCounts.from_batch(wide)
    assert len(counts.keys) <= 2**16 + 1
    assert counts.counts.sum() == rows
    assert not len(counts.name_text)  # none is frequent enough to be named


def test_extreme_numbers_have_a_bin_and_missing_ones_a_key_of_their_own() -> None:
    batch = of_lists([["a", "b", "c", "d"]], users=["Ada"])
    values = np.array([np.inf, -np.inf, 1e300, np.nan])
    counts = FeatureCounts.from_batch(replace(batch, columns={"number:x": values}))
    by_value = counted(counts, "number:x")
    assert by_value[0, "missing"] == 1
    assert sum(by_value.values()) == 4
    assert MISSING in counts.keys & VALUE
