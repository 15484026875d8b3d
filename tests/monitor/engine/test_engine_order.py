"""Sorting as one word: the same order as numpy's stable sorts give, also where the word is too short."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.engine.assemble import _group, _order, _order_of_hashes

KEYS = st.integers(0, 50)


@given(st.lists(st.tuples(KEYS, KEYS, KEYS), max_size=60), st.sampled_from([0, 20, 40]))
def test_by_several_keys(rows: list[tuple[int, int, int]], shift: int) -> None:
    a, b, c = np.array(rows, np.int64).reshape(-1, 3).T << shift
    assert _order(a, b).tolist() == np.lexsort((b, a)).tolist()
    assert _order(a, b, c).tolist() == np.lexsort((c, b, a)).tolist()


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=60))
def test_by_hashes(values: list[int]) -> None:
    hashes = np.array(values, np.uint64)
    order = _order_of_hashes(hashes)
    groups = hashes[order]
    places = {h: np.flatnonzero(hashes == h).tolist() for h in hashes.tolist()}
    assert [order[groups == h].tolist() for h in places] == list(places.values())
    assert len(set(values)) == 1 + np.count_nonzero(groups[1:] != groups[:-1]) if values else True


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=60))
def test_requests_are_numbered_as_they_come(values: list[int]) -> None:
    number, first = _group(np.array(values, np.uint64), joins=True)
    seen = list(dict.fromkeys(values))
    assert number.tolist() == [seen.index(v) for v in values]
    assert first.tolist() == [values.index(v) for v in seen]
