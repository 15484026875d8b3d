"""Sorting as one word: the same order as numpy's stable sorts give, also where the word is too short."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.sorting import number_hashes, order_by_hash, order_of, sort_hashes

KEYS = st.integers(0, 50)


@given(st.lists(st.tuples(KEYS, KEYS, KEYS), max_size=60), st.sampled_from([0, 20, 40]))
def test_by_several_keys(rows: list[tuple[int, int, int]], shift: int) -> None:
    a, b, c = np.array(rows, np.int64).reshape(-1, 3).T << shift
    assert order_of(a, b).tolist() == np.lexsort((b, a)).tolist()
    assert order_of(a, b, c).tolist() == np.lexsort((c, b, a)).tolist()


@given(st.lists(st.tuples(KEYS, st.integers(0, 2**64 - 1) | st.integers(0, 9)), max_size=60))
def test_by_number_and_hash(rows: list[tuple[int, int]]) -> None:
    number = np.array([n for n, _ in rows], np.int32)
    hashes = np.array([h for _, h in rows], np.uint64)
    assert order_by_hash(number, hashes).tolist() == np.lexsort((hashes, number)).tolist()


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint16, np.uint32])
def test_narrow_keys_are_not_cut(kind: type[np.integer]) -> None:
    top = int(np.iinfo(kind).max)
    keys = np.array([top, 0, top - 1, top], kind)
    assert order_of(keys, keys[::-1]).tolist() == np.lexsort((keys[::-1], keys)).tolist()


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=60))
def test_by_hashes(values: list[int]) -> None:
    hashes = np.array(values, np.uint64)
    order, groups = sort_hashes(hashes)
    assert groups.tolist() == hashes[order].tolist()
    places = {h: np.flatnonzero(hashes == h).tolist() for h in hashes.tolist()}
    assert [order[groups == h].tolist() for h in places] == list(places.values())
    assert len(set(values)) == 1 + np.count_nonzero(groups[1:] != groups[:-1]) if values else True
    found, number = number_hashes(hashes)
    assert found.tolist() == sorted(set(values))
    assert found[number].tolist() == values
