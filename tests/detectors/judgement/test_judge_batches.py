"""Hours in which a batch is made are held against hours that have it, and hours without against those without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_series import DAY, HOUR, MONDAY, TRAFFIC, UP, Watch, a_count, a_measure, a_share, verdict

from detectors.core.measurement import Unit
from detectors.core.verdict import Verdict
from detectors.judgement.batches import MadeInHours

AT = 3  # o'clock
BATCH = MadeInHours(lambda slice: slice != "surface=home", frozenset({AT}), HOUR)
VOLUME = a_measure(Unit.REQUESTS, *TRAFFIC)
OK, BREACH, TOO_FEW = Verdict.OK, Verdict.BREACH, Verdict.TOO_FEW


def nights(watch: Watch, batch: int, beside: int, days: int, sizes: dict[int, int] | None = None) -> None:
    """Days on which a part of the traffic has so many more requests at `AT`, or `sizes` by day."""
    for k in range(days * 24):
        at_night = (sizes or {}).get(k // 24, batch)
        watch.see(a_count(beside + at_night if k % 24 == AT else beside))


@pytest.mark.parametrize(("batches", "found"), [((BATCH,), OK), ((), BREACH)])
def test_a_thin_part_of_a_batch_is_no_surge_while_few_nights_are_known(
    batches: tuple[MadeInHours, ...], found: Verdict
) -> None:
    watch = Watch(VOLUME, batches=batches)
    nights(watch, 0, 50, 5, sizes={0: 40, 1: 150, 2: 5, 3: 130, 4: 80})
    for _ in range(AT):
        watch.see(a_count(50))
    judged = watch.see(a_count(180))
    assert verdict(judged) is found
    # Without the batch: the mean of three hours, 70, and a little of the hour's own 81.
    assert judged.expected[0] == pytest.approx(130 if batches else 70.8, rel=0.01)


def test_before_four_nights_are_known_nothing_is_said_of_the_hour_and_then_its_absence_is_found() -> None:
    watch = Watch(VOLUME, batches=(BATCH,))
    nights(watch, 300, 50, 4)
    for _ in range(AT):
        assert verdict(watch.see(a_count(50))) is OK
    judged = watch.see(a_count(50))
    assert (verdict(judged), bool(judged.page[0]), judged.expected[0]) == (BREACH, True, pytest.approx(350))
    young = Watch(VOLUME, batches=(BATCH,))
    nights(young, 300, 50, 3)
    young.see_all([a_count(50)] * AT)
    assert verdict(young.see(a_count(0))) is TOO_FEW
    assert verdict(young.see(a_count(0))) is BREACH  # the hour after it has its own neighbours


def test_what_shares_no_traffic_with_the_batch_is_held_against_all_hours_beside() -> None:
    known, unknown = Watch(VOLUME, batches=(BATCH,)), Watch(VOLUME)
    rng = np.random.default_rng(1)
    for _ in range(3 * 24 + AT):
        home = rng.poisson(40)
        found = {"all": a_count(home + rng.poisson(50)), "surface=home": a_count(home)}
        known.see(found), unknown.see(found)
    told = [watch.see({"all": a_count(50), "surface=home": a_count(0)}) for watch in (known, unknown)]
    assert [verdict(judged, "surface=home") for judged in told] == [BREACH, BREACH]
    # Of the whole, and so of the rest beside the slice, nothing is known without the batch.
    assert told[0].expected[1] == pytest.approx(told[1].expected[1], rel=0.05)


def test_a_measurement_of_a_mixed_slice_is_held_against_the_same_mixture() -> None:
    """Half of the lists at night are e-mails, which are alike by nature."""
    watch = Watch(a_measure(Unit.RATIO, UP), batches=(BATCH,))
    for k in range(4 * 24 + AT):
        watch.see(a_share(500 if k % 24 == AT else 100, 1000))
    judged = watch.see(a_share(500, 1000))
    assert (verdict(judged), judged.expected[0]) == (OK, pytest.approx(0.5))
    assert verdict(watch.see(a_share(500, 1000))) is BREACH


@given(
    hours=st.frozensets(st.integers(0, 23), min_size=1, max_size=4),
    length=st.sampled_from([HOUR // 4, HOUR, 5 * HOUR // 2, 6 * HOUR, DAY, 2 * DAY]),
    start=st.integers(0, 3 * DAY // HOUR * 4),
)
def test_a_batch_is_made_in_a_window_that_has_a_minute_of_its_hours(
    hours: frozenset[int], length: int, start: int
) -> None:
    begin = MONDAY + start * (HOUR // 4)
    minutes = range(begin, begin + length, HOUR // 60)
    [made] = MadeInHours(lambda _: True, hours, length).made(np.array([begin]))
    assert made == any(at // HOUR % 24 in hours for at in minutes)
