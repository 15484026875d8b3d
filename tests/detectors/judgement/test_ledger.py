"""A ledger holds what a table would that is copied at every step."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.judgement.ledger import Ledger

steps = st.lists(st.sampled_from(["widen", "append", "append", "append", "keep"]), max_size=60)


@given(steps=steps, seed=st.integers(0, 2**32))
def test_it_grows_and_is_cut_as_a_plain_table(steps: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    ledger, tables, times = Ledger(["a", "b"]), np.empty((2, 0, 0)), np.empty(0, np.int64)
    for number, step in enumerate(steps):
        windows, series = tables.shape[1:]
        if step == "widen":
            more = int(rng.integers(1, 5))
            ledger.widen(series + more)
            tables = np.concatenate([tables, np.full((2, windows, more), np.nan)], axis=2)
        elif step == "append":
            rows = rng.random((2, series))
            ledger.append(number, rows)
            tables = np.concatenate([tables, rows[:, None]], axis=1)
            times = np.append(times, number)
        else:
            kept = rng.random(windows) < 0.5
            ledger.keep(kept)
            tables, times = tables[:, kept], times[kept]
        assert np.array_equal(ledger["a"], tables[0], equal_nan=True)
        assert np.array_equal(ledger["b"], tables[1], equal_nan=True)
        assert ledger.times.tolist() == times.tolist()
