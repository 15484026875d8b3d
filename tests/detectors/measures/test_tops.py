"""The most frequent items, against a plain sort."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.sameness.tops import _largest


@given(size=st.integers(0, 4000), values=st.sampled_from([1, 2, 50, 10**6]), seed=st.integers(0, 2**32))
def test_the_largest_come_first_and_of_equals_the_earlier(size: int, values: int, seed: int) -> None:
    numbers = np.random.default_rng(seed).integers(0, values, size).astype(float)
    expected = sorted(range(size), key=lambda i: (-numbers[i], i))[:5]
    assert _largest(numbers, 5).tolist() == expected
