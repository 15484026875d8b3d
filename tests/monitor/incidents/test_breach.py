"""How many requests are off because of a breach."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from detectors.core.measurement import Measure, Unit
from detectors.core.verdict import Severity
from monitor.incidents.breach import Breach

SHARE = Breach(
    "sponsored.share", Measure("share", Unit.RATIO, "Share."), "all", {}, Severity.PAGE,
    value=0.8, expected=0.2, n=50, strength=9.0, requests=1000,
)  # fmt: skip


@pytest.mark.parametrize(
    ("breach", "off"),
    [
        ({}, 600),  # of all requests
        ({"evidence": {"requests": 40}}, 30),  # 40 of 50 that the share is of, where 10 would be usual
        ({"evidence": {"requests": 40}, "expected": float("nan")}, 40),
        ({"evidence": {"requests": 40}, "value": 0.1}, 100),  # too few of something: those that lack it
        ({"measure": Measure("requests", Unit.REQUESTS, "Requests."), "value": 3.0, "expected": 10.0}, 7),
    ],
)
def test_requests_that_are_off(breach: dict[str, Any], off: float) -> None:
    assert replace(SHARE, **breach).excess == pytest.approx(off)
