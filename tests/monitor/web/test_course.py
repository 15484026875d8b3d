"""The chart of an incident, and the slices that it comes from, against numbers worked out by hand."""

import math
import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.verdict import Verdict
from monitor.web.contribution import read_contributions
from monitor.web.course import HEIGHT, WIDTH, Point, draw, read_course
from tests.monitor.factories import (
    HOUR,
    NAN,
    NOON,
    evaluation,
    failed_evaluation,
    finding,
    findings,
    healthy_findings,
    stuck_evaluation,
)

FIRST_PLACE = "same_item.first_place_share"


def points(*values: float, **fields: object) -> list[Point]:
    return [
        Point(NOON + i * HOUR, NOON + (i + 1) * HOUR, value, **fields)  # type: ignore[arg-type]
        for i, value in enumerate(values)
    ]


def numbers(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]?([-\d.]+) ([-\d.]+)", path)]


def test_values_lie_between_zero_and_the_largest_and_a_gap_is_a_gap() -> None:
    chart = draw(points(0.1, 0.4, NAN, 0.2), "ratio", onset=NOON + HOUR)
    assert chart is not None
    assert chart.line == "M125.0 75.00h0L375.0 0.00M875.0 50.00h0"
    assert (chart.top.replace("\u00a0", " "), chart.bottom.replace("\u00a0", " ")) == ("40 %", "0 %")
    assert chart.onset == WIDTH / 4
    assert [row.value for row in chart.rows][1] == "–"


def test_an_open_band_reaches_to_the_end() -> None:
    chart = draw(points(0.5, 1.0, low=-math.inf, high=0.25, expected=0.1), "ratio")
    assert chart is not None
    assert chart.band == "M250.0 75.00L750.0 75.00L750.0 100.00L250.0 100.00Z"
    assert chart.usual == "M250.0 90.00h0L750.0 90.00"
    assert chart.breaches == ""


def test_nothing_measured_is_no_chart() -> None:
    assert draw(points(NAN, NAN), "ratio") is None
    assert draw([], "ratio") is None


def test_a_course_says_what_was_not_measured() -> None:
    read = read_course(
        [evaluation(end=NOON), failed_evaluation(end=NOON + HOUR), stuck_evaluation(end=NOON + 2 * HOUR)],
        FIRST_PLACE,
        "all",
    )
    assert [(p.value, p.verdict) for p in read[::2]] == [(0.031, Verdict.OK), (0.9694, Verdict.BREACH)]
    assert math.isnan(read[1].value)
    assert read[1].verdict is Verdict.NO_DATA
    chart = draw(read, "ratio")
    assert chart is not None
    assert chart.sentence.replace("\u00a0", " ") == (
        "Values from 3.1 % to 96.9 %, 96.9 % in the window from 2026-03-14 13:00 UTC; expected there: at most 9 %."
        " 1 of 3 windows are a breach."
    )


real = st.one_of(st.floats(-1e12, 1e12), st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))


@given(st.lists(st.tuples(real, real, real, real, st.sampled_from(Verdict)), max_size=12))
def test_whatever_was_measured_stays_inside_the_drawing(
    rows: list[tuple[float, float, float, float, Verdict]],
) -> None:
    course = [Point(NOON + i * HOUR, NOON + (i + 1) * HOUR, *row) for i, row in enumerate(rows)]
    chart = draw(course, "ratio", onset=NOON - timedelta(days=1))
    if chart is not None:
        assert chart.onset is None
        for path in (chart.line, chart.breaches, chart.usual, chart.band):
            assert "nan" not in path
            assert "inf" not in path
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in numbers(path))


def test_slices_are_ranked_by_the_requests_that_are_off() -> None:
    rows = findings(
        [
            finding("traffic.requests", 1000),
            finding("traffic.requests", 900, slice="surface=web"),
            finding("traffic.requests", 100, slice="surface=email"),
            finding("shop.share", 0.2, Verdict.BREACH, expected=0.1),
            finding("shop.share", 0.11, slice="surface=web", expected=0.1),
            finding("shop.share", 0.95, Verdict.BREACH, slice="surface=email"),
            finding("shop.share", NAN, Verdict.TOO_FEW, slice="surface=app"),
        ]
    )
    found = read_contributions(rows, "shop.share", "ratio", {"value": 0.05})
    assert [(c.where, c.off, c.part) for c in found] == [
        ("everything", "100", 1.0),
        ("surface=email", "90", pytest.approx(0.9)),
        ("surface=web", "9", pytest.approx(0.09)),
    ]


def test_a_measure_that_is_no_share_is_off_by_its_own_amount() -> None:
    [whole, email] = read_contributions(healthy_findings(), "traffic.requests", "requests", {})
    assert (whole.off, whole.part) == ("31", 1.0)
    assert (email.where, email.off) == ("surface=email", "320")
    assert read_contributions(healthy_findings(), "shop.unknown", "", {}) == ()
