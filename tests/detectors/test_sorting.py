"""Orders by integer keys against numpy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.sorting import order_of

largest = st.sampled_from([1, 7, 2**20, 2**31, 2**62])


@given(n=st.integers(0, 60), first=largest, second=largest, seed=st.integers(0, 2**32))
def test_the_order_is_that_of_a_lexical_sort(n: int, first: int, second: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, first, n), rng.integers(0, second, n)
    assert order_of(a, b).tolist() == np.lexsort((b, a)).tolist()


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint16, np.uint32])
def test_narrow_keys_are_not_cut(kind: type[np.integer]) -> None:
    top = int(np.iinfo(kind).max)
    keys = np.array([top, 0, top - 1, top], kind)
    assert order_of(keys, keys[::-1]).tolist() == np.lexsort((keys[::-1], keys)).tolist()
