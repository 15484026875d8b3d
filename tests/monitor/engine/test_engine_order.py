"""Requests are put together again in the order in which they came."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.engine.assemble import _group


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=60))
def test_requests_are_numbered_as_they_come(values: list[int]) -> None:
    number, first = _group(np.array(values, np.uint64), joins=True)
    seen = list(dict.fromkeys(values))
    assert number.tolist() == [seen.index(v) for v in values]
    assert first.tolist() == [values.index(v) for v in seen]
