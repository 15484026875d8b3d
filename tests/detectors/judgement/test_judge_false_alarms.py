"""Nobody cries wolf: 200 series of each kind on which nothing ever happens, 14 days of hours, in which nothing is told.

The measures look for any change (least change 0), so that only what is likely decides. Every value carries
its true sampling error, as a detector states it; beyond it, half of the series wander from window to window.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from watched_series import HOUR, MONDAY, a_measure, remembered

from detectors.core.measurement import Measurement, Unit
from detectors.core.verdict import Verdict
from detectors.judgement.judge import Judge
from detectors.judgement.spec import History
from tests.detectors.remembering import remember

SERIES, SLICES, HOURS = 200, 5, 14 * 24
EITHER = History("both", change=0.0)
TEXTS = ("all", "surface=cart", "surface=email", "surface=home", "surface=search")
Column = NDArray[np.float64]
Draw = Callable[
    [np.random.Generator, Column], tuple[Column, Column, Column]
]  # seed, cycle -> value, error, n

# What is stated of each kind, in false alarms among 200 series x 12 judged days x 24 hours = 57,600 judgements.
MOST_FALSE = {"share": 2, "count": 2, "clumped count": 2, "level": 2, "size": 2}


def shares(rng: np.random.Generator, cycle: Column) -> tuple[Column, Column, Column]:
    n = SIZE_OF
    p = 1 / (1 + np.exp(-(np.log(P_OF / (1 - P_OF)) + 0.3 * cycle + WANDERS * rng.normal(size=SERIES))))
    hits = rng.binomial(n.astype(int), p)
    centre = (hits + 2) / (n + 4)
    return hits / n, np.sqrt(centre * (1 - centre) / n), n


def counts(rng: np.random.Generator, cycle: Column) -> tuple[Column, Column, Column]:
    n = rng.poisson(MEAN_OF * np.exp(0.8 * cycle + WANDERS * rng.normal(size=SERIES))).astype(float)
    return added_up((n, np.sqrt(n), n))


def clumped_counts(rng: np.random.Generator, cycle: Column) -> tuple[Column, Column, Column]:
    """Rows of lists of ten, and their errors as the detector of traffic states them."""
    n = 10 * rng.poisson(MEAN_OF / 10 * np.exp(0.8 * cycle)).astype(float)
    return added_up((n, np.sqrt(10 * n), n / 10))


def levels(rng: np.random.Generator, cycle: Column) -> tuple[Column, Column, Column]:
    error = 0.02 + 0.2 * SERIES_NUMBER / SERIES
    return 5 + 0.5 * cycle + (error + 0.1 * WANDERS) * rng.normal(size=SERIES), error, np.full(SERIES, 1000.0)


def sizes(rng: np.random.Generator, cycle: Column) -> tuple[Column, Column, Column]:
    relative = 0.01 + 0.1 * SERIES_NUMBER / SERIES
    value = MEAN_OF * np.exp(0.3 * cycle + np.hypot(relative, WANDERS) * rng.normal(size=SERIES)) + 1
    return value, relative * value, np.full(SERIES, 1000.0)


def added_up(values: tuple[Column, Column, Column]) -> tuple[Column, Column, Column]:
    """With the sum of the slices of a measure as its whole."""
    value, error, n = (v.reshape(-1, SLICES).copy() for v in values)
    value[:, 0], n[:, 0] = value[:, 1:].sum(axis=1), n[:, 1:].sum(axis=1)
    error[:, 0] = np.sqrt((error[:, 1:] ** 2).sum(axis=1))
    return value.ravel(), error.ravel(), n.ravel()


SERIES_NUMBER = np.arange(SERIES)
WANDERS = np.where(SERIES_NUMBER % 2, 0.1, 0.0)
P_OF = np.resize([0.002, 0.02, 0.1, 0.3, 0.6], SERIES)
SIZE_OF = np.repeat([20.0, 60.0, 300.0, 1500.0], SERIES // 4)
MEAN_OF = np.repeat([0.3, 2.0, 8.0, 40.0, 200.0, 1000.0, 5000.0, 20_000.0], SERIES // 8)


@pytest.mark.parametrize(
    ("kind", "unit", "draw"),
    [
        ("share", Unit.RATIO, shares),
        ("count", Unit.USERS, counts),
        ("clumped count", Unit.ROWS, clumped_counts),
        ("level", Unit.SCORE, levels),
        ("size", Unit.ITEMS, sizes),
    ],
)
def test_nothing_is_told_of_quiet_series(kind: str, unit: Unit, draw: Draw) -> None:
    rng = np.random.default_rng([7, *kind.encode()])
    measure = a_measure(unit, EITHER)
    names = [f"detector.m{i}" for i in range(SERIES // SLICES)]
    judge = Judge()
    decided = false = 0
    for k in range(HOURS):
        at = MONDAY + k * HOUR
        value, error, n = draw(rng, np.sin(math.tau * (k / 24 + SERIES_NUMBER / SERIES)))
        parts = [slice(i * SLICES, (i + 1) * SLICES) for i in range(len(names))]
        found = [
            (name, measure, Measurement("m", value[p], error[p], n[p]))
            for name, p in zip(names, parts, strict=True)
        ]
        judged = judge.judge(at, TEXTS, found)
        remember(judge, at, remembered(list(zip(names, judged, strict=True))))
        verdicts = np.concatenate([j.verdict for j in judged])
        decided += int((verdicts <= Verdict.BREACH).sum())
        false += int((verdicts == Verdict.BREACH).sum())
    assert decided >= 0.8 * SERIES * (HOURS - 48)
    assert false <= MOST_FALSE[kind]
