"""Codes of several columns as one set of codes, against looking up every row."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.hashing import hash_texts
from monitor.engine.codes import Codes, codes_of, unify

ids = st.none() | st.sampled_from(["", "a", "b", "c", "ä", "longer than eight bytes"])


def column(rows: list[str | None], others: list[str]) -> Codes:
    """A column whose dictionary also has values that do not occur, as after rows were left out."""
    every = codes_of(pa.array([*rows, *others], pa.string()).dictionary_encode())
    return every.take(slice(len(rows)))


@given(st.lists(st.tuples(st.lists(ids), st.lists(st.text(min_size=1), max_size=40)), min_size=1, max_size=4))
def test_one_set_of_codes_says_of_each_row_what_the_columns_said(
    parts: list[tuple[list[str | None], list[str]]],
) -> None:
    one = unify([column(rows, others) for rows, others in parts])
    said = [row or None for rows, _ in parts for row in rows]
    assert [None if code < 0 else one.names[code] for code in one.codes.tolist()] == said
    assert one.hashes.tolist() == sorted(set(one.hashes.tolist()))
    assert np.array_equal(one.hashes[one.codes[one.codes >= 0]], hash_texts([row for row in said if row]))


def test_names_that_are_looked_up_together_are_those_that_stand_there() -> None:
    first = unify([codes_of(pa.array(["b", "a", "c"])), codes_of(pa.array(["d", "a"]))])
    both = unify([first, codes_of(pa.array([7, 8, 7])), codes_of(pa.array(["e"]))])
    at = np.random.default_rng(0).integers(0, len(both.names), 50)
    assert both.names.texts(at) == [both.names[i] for i in at]
    assert sorted(both.names.texts(np.arange(len(both.names)))) == ["7", "8", "a", "b", "c", "d", "e"]
