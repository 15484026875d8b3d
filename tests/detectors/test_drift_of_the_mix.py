"""How the traffic divides: it follows the clock, so the same hours of many days judge it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from detectors import Batch, Cells, Context, Measurement, Summary, Verdict
from detectors.core.hashing import hash_integers, hash_texts
from detectors.drift import Drift
from detectors.judgement.judge import Judge
from detectors.judgement.judged import kind_of
from tests.detectors.batches import HOUR, START, in_slices, measure_summary
from tests.detectors.remembering import remember

DETECTOR = Drift()
[MIX] = [m for m in DETECTOR.measures() if m.name == "slice_mix"]
MIDNIGHT = START // (24 * HOUR) * 24 * HOUR
DAYS = 8
COUNTRIES, VERSIONS = ("DE", "IS", "US"), ("v1", "v2")
Shares = Callable[[int], tuple[float, float, float]]


def by_the_clock(hour: int) -> tuple[float, float, float]:
    """Most of the few who come at night come from the US."""
    us = 0.45 + 0.25 * (1 + np.cos(np.pi * (hour - 3) / 12)) / 2
    return 0.99 - us, 0.01, us


def traffic(
    rng: np.random.Generator,
    requests: int,
    shares: tuple[float, float, float],
    visits: int = 1,
    new: float = 0.0,
) -> Batch:
    """Requests of one item, by country and model version."""
    users = max(requests // visits, 1)
    who = np.repeat(np.arange(users), visits)
    n = len(who)
    country = rng.choice(3, users, p=shares)[who]
    version = (rng.random(n) < new).astype(int)
    cells = Cells.of(("country", "version"), [(c, v) for c in COUNTRIES for v in VERSIONS])
    number = {v: i for i, v in enumerate(cells.values)}
    code = np.array([[number[c, v] for v in VERSIONS] for c in COUNTRIES])
    return Batch(
        cells=cells,
        cell=code[country, version].astype(np.int32),
        offsets=np.arange(n + 1),
        item=np.zeros(n, np.int32),
        item_hash=hash_texts(["a"]),
        item_names=["a"],
        position=np.ones(n, np.int32),
        user=hash_integers(rng.integers(0, 2**60, users))[who],
        user_known=np.ones(n, bool),
        request=hash_integers(rng.integers(0, 2**60, n)),
        time=START + rng.integers(0, HOUR, n),
        has=frozenset({"request", "user"}),
        repeated=np.zeros(len(cells), np.int64),
    )  # fmt: skip


def measured(batch: Batch, version: str | None = "version") -> Measurement:
    found = measure_summary(
        DETECTOR,
        Summary.of(batch, DETECTOR.statistics),
        Context((START, START + HOUR), version_column=version),
    )
    return found["slice_mix"]


def told(shares: Shares, day: int, night: int, visits: int = 1) -> set[tuple[int, str]]:
    """Hours and slices that breach while a version takes over, with so many requests an hour by day and by night."""
    judge, out = Judge(), set()
    for hour in range(DAYS * 24):
        rng = np.random.default_rng([hour, day])
        requests = rng.poisson(night if hour % 24 < 8 else day)
        batch = traffic(rng, requests, shares(hour), visits, hour / (DAYS * 24))
        slices, found, at = batch.cells.slices.texts, measured(batch), MIDNIGHT + hour * HOUR
        [judged] = judge.judge(at, slices, [("drift.slice_mix", MIX, found)])
        breach = judged.verdict == Verdict.BREACH
        out |= {(hour, judged.slices[s]) for s in np.flatnonzero(breach)}
        row = (slices, found.value, found.error, breach, judged.expected)
        remember(judge, at, {("drift.slice_mix", kind_of(MIX)): row})
    return out


def fewer_of_de(begin: int, by: float) -> Shares:
    """From some hour on, so much of the traffic comes from the US that came from DE."""

    def shares(hour: int) -> tuple[float, float, float]:
        de, island, us = by_the_clock(hour)
        return (de - by, island, us + by) if hour >= begin else (de, island, us)

    return shares


def test_it_is_the_share_of_the_requests_that_each_value_of_a_column_has() -> None:
    batch = traffic(np.random.default_rng(0), 1000, (0.5, 0.1, 0.4), new=0.3)
    found = in_slices(batch, measured(batch))
    countries = np.array([batch.cells.values[c][0] for c in batch.cell])
    shares = {f"country={c}": float((countries == c).mean()) for c in COUNTRIES}
    assert {text: share for text, share in found.items() if np.isfinite(share)} == pytest.approx(shares)
    assert {"all", "country=DE,version=v1", "version=v2"} <= set(found)


def test_how_versions_divide_is_looked_at_where_they_are_a_column_like_others() -> None:
    batch = traffic(np.random.default_rng(0), 1000, (0.5, 0.1, 0.4), new=0.3)
    assert np.isfinite(in_slices(batch, measured(batch, None))["version=v1"])


@pytest.mark.parametrize("visits", [1, 5])
def test_stated_errors_hold_and_ten_times_the_rows_change_nothing(visits: int) -> None:
    shares = (0.5, 0.1, 0.4)
    s = traffic(np.random.default_rng(0), 10, shares).cells.slices.texts.index("country=US")
    runs = [measured(traffic(np.random.default_rng([i, visits]), 400, shares, visits)) for i in range(200)]
    value, error = np.array([(m.value[s], m.error[s]) for m in runs]).T
    assert value.std() == pytest.approx(error.mean(), rel=0.15)
    many = measured(traffic(np.random.default_rng(1), 40_000, shares, visits))
    assert abs(many.value[s] - 0.4) < 4 * many.error[s]
    assert many.error[s] == pytest.approx(error.mean() / 10, rel=0.1)


@pytest.mark.parametrize(("day", "night", "visits"), [(300, 60, 1), (300, 60, 2), (4000, 800, 1)])
def test_what_follows_the_clock_is_usual(day: int, night: int, visits: int) -> None:
    assert told(by_the_clock, day, night, visits) == set()


@pytest.mark.parametrize(("day", "night"), [(300, 60), (4000, 800)])
def test_a_country_that_is_mostly_gone_is_told_by_its_share_and_that_of_the_others(
    day: int, night: int
) -> None:
    begin = 6 * 24 + 14
    found = told(fewer_of_de(begin, 0.28), day, night)
    assert {(begin, "country=DE"), (begin, "country=US")} <= found
    assert min(hour for hour, _ in found) == begin


@pytest.mark.parametrize(("day", "night"), [(300, 60), (20_000, 4000)])
def test_a_small_change_is_nothing_to_tell_however_many_rows_show_it(day: int, night: int) -> None:
    assert told(fewer_of_de(6 * 24 + 14, 0.1), day, night) == set()


def test_it_is_a_ticket_that_one_window_does_not_make() -> None:
    assert not MIX.at_once
    assert [str(j) for j in MIX.judge] == ["ticket when it moves from what is usual at that hour by 0.15"]
