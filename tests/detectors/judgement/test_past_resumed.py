"""A judge that is resumed from what was remembered goes on as if it had never stopped, and nothing looks ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_series import DAY, HOUR, MONDAY, TRAFFIC, UP, a_measure, remembered

from detectors.core.measurement import Measure, Measurement, Unit
from detectors.judgement.judge import Judge
from detectors.judgement.judged import Judged
from detectors.judgement.past import DAYS
from detectors.judgement.scales import COUNT, LEVEL, SHARE, SIZE, from_scale, to_scale
from tests.detectors.remembering import remember

MEASURES = {
    "a.share": a_measure(Unit.RATIO, UP),
    "a.requests": a_measure(Unit.REQUESTS, *TRAFFIC),
    "b.score": a_measure(Unit.SCORE, UP),
    "b.items": a_measure(Unit.ITEMS, UP),
}
REMEMBERED = 15 * DAY  # how far back the store is read to go on


@dataclass(frozen=True)
class Found:
    """A window's measurements, anything that a log may give."""

    at: int
    slices: tuple[str, ...]
    measured: tuple[tuple[str, Measure, Measurement], ...]


def history(seed: int, windows: int, step: int) -> list[Found]:
    """Slices come and go, windows are missing, values are odd."""
    rng = np.random.default_rng(seed)
    every = ["all", "c=A", "c=B", "c=C"]
    out = []
    for k in range(windows):
        if rng.random() < 0.05:
            continue
        here = ("all", *(s for s in every[1:] if rng.random() < 0.9))
        size = len(here)
        measured = []
        for name, measure in MEASURES.items():
            scale = {"a.share": 0.2, "a.requests": 60.0, "b.score": 5.0, "b.items": 40.0}[name]
            value = scale * rng.lognormal(0, 0.1, size) * (4 if rng.random() < 0.1 else 1)
            value[rng.random(size) < 0.05] = np.nan
            value[rng.random(size) < 0.02] = np.inf
            n = rng.integers(0, 300, size).astype(float)
            measured.append((name, measure, Measurement(name, np.round(value, 3), 0.1 * np.abs(value), n)))
        out.append(Found(MONDAY + k * step, here, tuple(measured)))
    return out


def step_of(judge: Judge, found: Found) -> list[tuple[str, Judged]]:
    judged = judge.judge(found.at, found.slices, found.measured)
    named = [(name, j) for (name, _, _), j in zip(found.measured, judged, strict=True)]
    remember(judge, found.at, remembered(named))
    return named


def plain(named: list[tuple[str, Judged]]) -> dict[tuple[str, str], tuple[Any, ...]]:
    """By measure and slice; in which order slices that are gone come does not matter."""
    return {
        (name, text): tuple(
            float(np.asarray(getattr(j, column))[i])
            for column in ("value", "n", "verdict", "page", "expected", "low", "high", "strength")
        )
        for name, j in named
        for i, text in enumerate(j.slices)
    }


def assert_same(a: list[tuple[str, Judged]], b: list[tuple[str, Judged]]) -> None:
    left, right = plain(a), plain(b)
    assert left.keys() == right.keys()
    for key, values in left.items():
        assert values == pytest.approx(right[key], rel=1e-9, nan_ok=True), key


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    step=st.sampled_from([HOUR, 3 * HOUR, DAY]),
    stop=st.floats(0.1, 0.95),
    days=st.integers(3, 22),
)
def test_resumed_is_as_never_stopped(seed: int, step: int, stop: float, days: int) -> None:
    found = history(seed, max(days * DAY // step, 12), step)
    whole = Judge()
    told = [step_of(whole, f) for f in found]
    at = int(stop * len(found))
    resumed = Judge()
    for f, named in zip(found[:at], told[:at], strict=True):
        if f.at >= found[at].at - REMEMBERED:
            remember(resumed, f.at, remembered(named))
    for f, named in zip(found[at:], told[at:], strict=True):
        assert_same(step_of(resumed, f), named)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32), cut=st.floats(0.1, 0.9))
def test_a_log_that_is_cut_is_judged_as_the_whole_until_then(seed: int, cut: float) -> None:
    found = history(seed, 6 * 24, HOUR)
    at = int(cut * len(found))
    one, other = Judge(), Judge()
    cut_short = [plain(step_of(one, f)) for f in found[:at]]
    whole = [plain(step_of(other, f)) for f in found][:at]
    assert repr(cut_short) == repr(whole)


def test_what_is_long_ago_is_forgotten_and_not_missed() -> None:
    judge = Judge()
    for found in history(1, 40 * 24, HOUR):
        step_of(judge, found)
    kept = judge.past._ledger.times
    assert len(kept) < 1.2 * (DAYS + 1) * 24
    assert kept.min() <= kept.max() - DAYS * DAY


@given(
    kind=st.sampled_from([COUNT, SHARE, LEVEL, SIZE]),
    value=st.floats(0, 1e12),
)
def test_the_judged_scale_has_an_inverse(kind: int, value: float) -> None:
    kinds = np.array([kind])
    assert from_scale(kinds, to_scale(kinds, np.array([value])))[0] == pytest.approx(
        value, rel=1e-9, abs=1e-9
    )
