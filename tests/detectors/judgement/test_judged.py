"""Measures that are judged together, against each judged by itself."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from detectors.core.measurement import Measure, Unit
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.judged import Asked, judged, kind_of
from detectors.judgement.past import Expectation
from detectors.judgement.scales import COUNT, SIZE
from detectors.judgement.spec import Floor, History, Judgement, OtherSlice, Reference

SPECS: tuple[tuple[Judgement, ...], ...] = (
    (),
    (Floor(above=0.6, severity=Severity.PAGE), History("up", 0.1)),
    (
        History("down", 0.5, relative=True, severity=Severity.PAGE),
        History("up", 1.5, relative=True, least=0.2),
    ),
    (History("both", 0.05), OtherSlice("both", 0.2), OtherSlice("up", 0.1, slice="gone")),
    (Floor(below=0.2), Floor(above=0.9, below=0.1), Reference("both", 0.2, back_hours=24.0)),
)
UNITS = (Unit.ROWS, Unit.RATIO, Unit.ITEMS, Unit.SECONDS)


@pytest.mark.parametrize("seed", range(20))
def test_together_they_are_judged_as_each_by_itself(seed: int) -> None:
    rng = np.random.default_rng(seed)
    asked, past = [], []
    for i, specs in enumerate(SPECS * len(UNITS)):
        unit = UNITS[i % len(UNITS)]
        measure = Measure(
            f"m{i}", unit, "", specs, windows=1 + i % 2, averaged=i % 3 == 0, at_once=bool(rng.random() < 0.7)
        )
        size = int(rng.integers(1, 6))
        value = rng.choice([*rng.random(20), 0.0, 1.0, np.nan, np.inf], size) * (
            100 if unit is Unit.ROWS else 1
        )
        error = rng.choice([0.0, 0.001, 0.05, 2.0, np.nan], size, p=[0.1, 0.5, 0.2, 0.1, 0.1])
        n = rng.choice([0.0, 5.0, 300.0, 1e5], size)
        columns = np.arange(size) + 10 * i
        asked.append(Asked(measure, ("all", "a=1", "a=2", "b=1", "b=2")[:size], value, error, n, columns))
        centre = rng.choice([*rng.random(6), 0.0, 1.0, np.nan], size)
        centre = np.log(100 * centre + 0.5) if kind_of(measure) in (COUNT, SIZE) else centre
        spread, together = rng.choice([0.0, 0.01, 0.2], size), rng.choice([1.0, 4.0, np.nan], size)
        answers = np.where(np.isin(centre, (0, 1)), rng.choice([0.0, 10.0, 3000.0], size), 0.0)
        odd = answers * rng.choice([0.0, 0.01], size)
        freedom = rng.uniform(0, 30, size)
        past.append(Expectation(centre, spread, freedom, together, np.ones(size, bool), answers, odd))
    chance = {Severity.PAGE: np.full(6, 1e-6), Severity.TICKET: np.array([1e-5, *np.full(5, 1e-6)])}

    def value_at(hours: float, columns: np.ndarray) -> np.ndarray:
        return np.array([(columns % 7) / 7 + hours / 100, np.full(len(columns), 0.01)])

    whole = Expectation(*(np.concatenate([getattr(p, f.name) for p in past]) for f in fields(Expectation)))
    together = judged(asked, whole, chance, value_at)
    breaches = 0
    for a, p, found in zip(asked, past, together, strict=True):
        [alone] = judged([a], p, chance, value_at)
        for f in fields(found):
            one, other = getattr(alone, f.name), getattr(found, f.name)
            if isinstance(one, np.ndarray):
                np.testing.assert_array_equal(one, other)
            else:
                assert one == other
        breaches += (found.verdict == Verdict.BREACH).sum()
    assert breaches > 5
