"""What traffic made in some hours of the day means for an hour in which none is made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from detectors.core.verdict import Severity
from monitor.batches import Batches
from monitor.evaluator import is_troubled
from tests.monitor.factories import NOON, config, evaluation, incident

EMAIL = {"surface": "email"}
HOURLY = timedelta(hours=1)


def nightly(hour: int = 3, **fields: Any) -> Batches:
    """E-mails are made at three."""
    entry = {"where": EMAIL, "hours": [hour], **fields}
    return Batches(config(slices=("surface", "country"), expected={"batches": [entry]}))


def troubled(batches: Batches, where: dict[str, str], end: datetime, **fields: Any) -> bool:
    shown = incident(end=NOON, slice=where, **fields)
    return is_troubled(evaluation(end=end, open_incidents=(shown,)), batches)


THREE = NOON.replace(hour=3)


@pytest.mark.parametrize(
    ("where", "begin", "found"),
    [
        (EMAIL, THREE, True),
        (EMAIL, THREE + HOURLY, False),
        ({**EMAIL, "country": "DE"}, THREE + HOURLY, False),
        ({}, THREE + HOURLY, True),
        ({"surface": "home"}, THREE + HOURLY, True),
        ({"country": "DE"}, THREE + HOURLY, True),
    ],
)
def test_an_incident_of_a_nightly_batch_troubles_no_hour_in_which_none_is_made(
    where: dict[str, str], begin: datetime, found: bool
) -> None:
    assert troubled(nightly(), where, begin + HOURLY) is found


def test_what_is_expected_no_more_is_no_excuse() -> None:
    over = nightly(until=NOON.date() - timedelta(days=1))
    assert troubled(over, EMAIL, NOON)
    assert troubled(Batches(config()), EMAIL, NOON)


def test_tickets_and_what_is_over_trouble_nothing() -> None:
    assert not troubled(nightly(), {}, NOON, severity=Severity.TICKET)
    assert not troubled(nightly(), {}, NOON, resolved_at=NOON)


def test_a_batch_is_known_from_the_day_on_which_it_is_expected() -> None:
    batches = nightly(until=NOON.date())
    [made] = batches.on(NOON.date())
    assert batches.on(NOON.date() + timedelta(days=1)) == ()
    assert (made.hours, made.covers("country=DE"), made.covers("surface=home")) == ({3}, True, False)
    assert batches.on(NOON.date())[0].window_us == 3_600_000_000
