"""Calibration of scores as chances of a click, against their true error and traffic that is drawn again and again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from detectors import Batch, Summary
from detectors.outcome import Outcome
from detectors.statistics.calibration_bins import CalibrationBins, calibration_bin
from tests.detectors.batches import measure
from tests.detectors.clicking import Clicking, forget
from tests.detectors.recommender import sample

DETECTOR = Outcome()


def _scored(rng: np.random.Generator, requests: int, shift: float = 0.0) -> Batch:
    """Scores that are the chance of a click, or off by a shift of its logit."""
    batch = Clicking()(rng, requests)
    logit = rng.normal(-2.5, 1.0, batch.n_rows)
    click = rng.random(batch.n_rows) < 1 / (1 + np.exp(shift - logit))
    return replace(batch, click=click, score=1 / (1 + np.exp(-logit)))


def _true_error(shift: float) -> float:
    """Mean distance between score and chance, over the bins."""
    logit = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000, -2.5, 1.0)
    score, chance = 1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(shift - logit))
    bins = calibration_bin(score)
    weight = np.bincount(bins)
    off = np.bincount(bins, score - chance)
    return float(np.abs(off).sum() / weight.sum())


@pytest.mark.parametrize("shift", [0.0, 0.5])
@pytest.mark.parametrize("requests", [60, 600])
def test_the_calibration_error_is_that_of_the_scores_however_many_rows(shift: float, requests: int) -> None:
    found = sample(DETECTOR, lambda rng, n: _scored(rng, n, shift), requests, 60)["calibration_error"]
    assert found.covers(_true_error(shift)) >= 0.9
    assert abs(found.value.mean() - _true_error(shift)) < found.error.mean()


def test_the_plain_calibration_error_follows_from_the_number_of_rows() -> None:
    """The form that is not used: of calibrated scores it is five times as large in a sixtieth of the rows."""
    plain = []
    for requests in (60, 3600):
        bins = CalibrationBins.from_batch(_scored(np.random.default_rng(1), requests))
        b = bins.by_bin(np.ones((1, 1), bool))
        plain.append(np.abs(b["score"] - b["clicks"]).sum() / b["rows"].sum())
    assert plain[0] > 5 * plain[1]


def test_what_chance_adds_is_the_mean_of_a_folded_normal() -> None:
    rng = np.random.default_rng(2)
    batch = _scored(rng, 300, 0.3)
    found = measure(DETECTOR, batch)
    b = CalibrationBins.from_batch(batch).by_bin(np.ones((1, 1), bool))
    users = b["rows"].sum() / found["lasting_click_rate"].n[0]
    total = 0.0
    for rows, score, clicks in zip(b["rows"][0], b["score"][0], b["clicks"][0], strict=True):
        if rows:
            off, p = abs(score - clicks) / rows, (clicks + 2 * score / rows) / (rows + 2)
            chance = np.sqrt(p * (1 - p) / rows * users)
            true = np.sqrt(max(off**2 - chance**2, 0))
            total += rows * (off - (stats.foldnorm.mean(true / chance, scale=chance) - true))
    assert found["calibration_error"].value[0] == pytest.approx(total / b["rows"].sum())


@pytest.mark.parametrize("promise", [0.5, 1.0, 2.0])
def test_calibration_in_the_large_is_what_scores_promise_over_what_there_is(promise: float) -> None:
    found = sample(DETECTOR, Clicking(promise=promise, visits=3, unlike=0.3), 1500, 60)[
        "calibration_in_the_large"
    ]
    assert found.covers(promise) >= 0.9
    assert found.width <= 2


def test_a_few_clicks_say_nothing_of_calibration_however_many_rows() -> None:
    rng = np.random.default_rng(4)
    [declared] = [m for m in DETECTOR.measures() if m.name == "calibration_error"]
    many = _scored(rng, 400)
    assert many.click is not None
    few = replace(many, click=many.click & (rng.random(many.n_rows) < 0.1))
    n = {
        name: float(measure(DETECTOR, b)["calibration_error"].n[0])
        for name, b in (("many", many), ("few", few))
    }
    assert n["few"] < declared.least_n < n["many"]
    assert n["many"] == pytest.approx(many.n_rows, rel=0.5)


def test_scores_that_are_no_probabilities_are_not_held_against_clicks() -> None:
    rng = np.random.default_rng(0)
    batch = Clicking()(rng, 300)
    assert batch.score is not None
    logits = replace(batch, score=batch.score * 100 - 1)
    found = measure(DETECTOR, logits)
    assert np.isnan(found["calibration_error"].value[0])
    assert np.isnan(found["calibration_in_the_large"].value[0])
    outside = ((logits.score < 0) | (logits.score > 1)).mean()
    why = f"scores are no probabilities: {100 * outside:.3g} % lie outside of 0 to 1"
    assert DETECTOR.unsuited(Summary.of(logits, DETECTOR.statistics)) == {
        "calibration_error": why,
        "calibration_in_the_large": why,
    }
    assert DETECTOR.unsuited(Summary.of(batch, DETECTOR.statistics)) == {}
    one_slip = replace(batch, score=np.where(np.arange(batch.n_rows) == 7, 1.5, batch.score))
    assert np.isfinite(measure(DETECTOR, one_slip)["calibration_error"].value[0])


def test_bins_are_ordered_and_as_wide_as_they_say() -> None:
    logit = np.linspace(-9, 9, 4001)
    found = calibration_bin(1 / (1 + np.exp(-logit)))
    assert (np.diff(found) >= 0).all()
    exact = np.clip(np.floor(logit / 0.5) + 16, 0, 31)
    assert np.abs(found - exact).max() <= 1
    assert (found == exact).mean() > 0.97


def test_rows_that_say_nothing_of_clicks_or_have_no_score_are_in_no_bin() -> None:
    rng = np.random.default_rng(0)
    batch = forget(Clicking()(rng, 300), rng, 0.5)
    assert batch.click_known is not None
    assert batch.score is not None
    odd = replace(batch, score=np.where(rng.random(batch.n_rows) < 0.2, np.nan, batch.score))
    counted = CalibrationBins.from_batch(odd).by_bin(np.ones((1, 1), bool))
    usable = batch.click_known & np.isfinite(odd.score)
    assert counted["rows"].sum() == usable.sum()
    assert counted["score"].sum() == pytest.approx(odd.score[usable].sum(), abs=1e-6 * usable.sum())
