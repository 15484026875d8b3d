"""Measures become metrics by stated rules, and break them loudly."""

import re

import pytest

from monitor.exposition.catalogue import MeasureInfo, measure_families, metric_name


def families(*infos: MeasureInfo) -> list[str]:
    return [family.name for family in measure_families({info.name: info for info in infos}).values()]


@pytest.mark.parametrize(
    ("measure", "unit", "metric"),
    [
        ("same_item.first_place_share", "ratio", "recwatch_same_item_first_place_share_ratio"),
        ("traffic.rows", "rows", "recwatch_traffic_rows"),
        ("traffic.age", "seconds", "recwatch_traffic_age_seconds"),
        ("diversity.overlap", "", "recwatch_diversity_overlap"),
    ],
)
def test_the_unit_ends_the_name_once(measure: str, unit: str, metric: str) -> None:
    assert metric_name(MeasureInfo(measure, unit, "Help.")) == metric


@pytest.mark.parametrize(
    ("measure", "unit", "text", "message"),
    [
        (
            "Top.Share",
            "",
            "Help.",
            "measure 'Top.Share': write detector.measure in lower case letters, digits and _",
        ),
        ("top", "", "Help.", "measure 'top': write detector.measure in lower case letters, digits and _"),
        (
            "top.age",
            "minutes",
            "Help.",
            "measure 'top.age': use a base unit (ratio, seconds, bytes, or what is counted), not 'minutes'",
        ),
        (
            "top.rows_total",
            "",
            "Help.",
            "measure 'top.rows_total': metric recwatch_top_rows_total ends in a suffix that Prometheus gives a meaning",
        ),
        (
            "window.rows",
            "rows",
            "Help.",
            "measure 'window.rows': metric recwatch_window_rows is already used by recwatch itself",
        ),
        (
            "slow_ms.share",
            "ratio",
            "Help.",
            "measure 'slow_ms.share': 'ms' in its name is no base unit; measure in one (here 'ratio'), which then ends "
            "the metric's name by itself",
        ),
        ("top.share", "ratio", " ", "measure 'top.share' has no help text"),
    ],
)
def test_a_measure_that_breaks_the_conventions_is_refused(
    measure: str, unit: str, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        families(MeasureInfo(measure, unit, text))


def test_two_measures_cannot_share_a_metric() -> None:
    message = "measure 'a_b.c': metric recwatch_a_b_c is already used by measure 'a.b_c'"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        families(MeasureInfo("a.b_c", "", "One."), MeasureInfo("a_b.c", "", "Two."))


def test_a_help_text_of_several_lines_becomes_one() -> None:
    info = MeasureInfo("top.share", "ratio", "Share of requests\n    with the top item.")
    assert measure_families({info.name: info})[info.name].help == "Share of requests with the top item."
