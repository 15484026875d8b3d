"""What is learned once a day holds for series that come later in the day, too."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors.judgement.strays import Strays, median


@given(seed=st.integers(0, 2**32), windows=st.integers(0, 40), late=st.integers(0, 4))
def test_series_that_come_later_are_as_series_of_which_nothing_is_known(
    seed: int, windows: int, late: int
) -> None:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, 8 + late)  # some of the late ones may be of measures that are late, too
    residual, variance = rng.normal(size=(windows, 8 + late)), rng.random((windows, 8 + late))
    residual[rng.random(residual.shape) < 0.2] = np.nan
    residual[:, 8:] = variance[:, 8:] = np.nan
    series = rng.permutation(8 + late)
    learned = Strays.of(residual[:, :8], variance[:, :8], group[:8]).spread(series, group[series])
    again = Strays.of(residual, variance, group).spread(series, group[series])
    assert np.array_equal(learned, again)


@given(seed=st.integers(0, 2**32), windows=st.integers(0, 9))
def test_median_of_what_is_known(seed: int, windows: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(windows, 6))
    values[rng.random(values.shape) < 0.3] = np.nan
    middle, points = median(values)
    known = [column[np.isfinite(column)] for column in values.T]
    assert points.tolist() == [len(column) for column in known]
    expected = [np.median(column) if len(column) else np.nan for column in known]
    assert np.allclose(middle, expected, rtol=1e-15, equal_nan=True)
