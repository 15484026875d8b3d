"""One detector in every slice: of whatever name, since all is asked by the values of labels."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana.builder.frame import DETECTORS_DASHBOARD, ONE, Layout, choice, frame, incidents_marked, to_page
from grafana.builder.panels import GRAY, ORANGE, RED, course, number, rows, timeline
from grafana.builder.queries import VERDICTS

MINE = f'{ONE},detector="$detector"'
IN_SLICES = f'{ONE},slice=~"$slice"'


def values(measure: str, unit: str) -> str:
    """Values of the measures chosen, in all slices, by measure.

    A detector's metrics begin with its name, and so may another's; which of them is which measure is said by
    `recwatch_measure_info`.
    """
    named = f'{{__name__=~"recwatch_${{detector}}_.+",{IN_SLICES}}}'
    return f"""\
max by (slice) (
  label_replace({named}, "metric", "$1", "__name__", "(.+)")
  and on (metric) recwatch_measure_info{{{MINE},measure="{measure}",unit{unit}}}
)"""


def band(metric: str) -> str:
    return f'max(recwatch_expected_{metric}{{{ONE},measure="$measure",slice="all"}})'


def detectors() -> Dashboard:
    page = frame(
        DETECTORS_DASHBOARD,
        "recwatch / Detectors",
        "One detector, also one of your own, in every slice: what it found, and what it measured.",
        "one",
        since="now-2d",
    )
    for variable in (
        choice(
            "detector",
            "Detector",
            f"label_values(recwatch_verdict{{{ONE}}}, detector)",
            "Detector, by its name in the configuration.",
        ),
        choice(
            "measure",
            "Measure",
            f"label_values(recwatch_measure_info{{{MINE}}}, measure)",
            "What the detector measures: a chart each.",
            many=True,
        ).all_value(""),
        choice(
            "slice",
            "Slice",
            f"label_values(recwatch_verdict{{{MINE}}}, slice)",
            "Parts of the traffic; all is everything.",
            many=True,
        ),
    ):
        page = page.with_variable(variable)
    page = page.link(
        to_page("Runbook", "runbooks/${detector}", "What the detector means, how to confirm it, what to do.")
    )
    layout = Layout(page.annotation(incidents_marked(MINE)))
    judged = f'recwatch_verdict{{{MINE},slice=~"$slice"}}'
    known = f"0 * count(max by (slice) ({judged}))"
    layout.line(
        [
            number(
                "Slices",
                "Slices of the last window in which this detector was judged.",
                f"count(max by (slice) ({judged}))",
            ),
            number(
                "In breach",
                "Slices in which something is not as expected.",
                f"count(max by (slice) ({judged}) == 1) or {known}",
                steps=[(1, RED)],
            ),
            number(
                "Unknown",
                "Slices without data, with too few rows, or with an error: whether they are well is not known.",
                f"count(max by (slice) ({judged}) >= 2) or {known}",
                steps=[(1, ORANGE)],
            ),
            number(
                "Failures in a day",
                "Runs of this detector that raised or ran out of time in the last 24 hours.",
                f"sum(increase(recwatch_detector_failures_total{{{MINE}}}[24h]))",
                steps=[(1, RED)],
            ),
        ],
        height=4,
    )
    layout.line(
        [
            timeline(
                "Verdicts by slice",
                "What was found where. Only green is fine: the other colours but red say that nothing is known.",
                f"max by (slice) ({judged})",
                "{{slice}}",
                VERDICTS,
            )
        ],
        height=10,
    )
    layout.line(
        [
            rows(
                "Measures, for everything",
                "The last window with all of the traffic: each measure's value and the band in which it is expected.",
                {
                    "A": _whole(),
                    "B": f'max by (measure) (recwatch_expected_low{{{ONE},measure=~"$detector[.].+",slice="all"}})',
                    "C": f'max by (measure) (recwatch_expected_high{{{ONE},measure=~"$detector[.].+",slice="all"}})',
                },
                {
                    "measure": "Measure",
                    "Value #A": "Measured",
                    "Value #B": "Expected at least",
                    "Value #C": "Expected at most",
                },
                units={"Measured": "short", "Expected at least": "short", "Expected at most": "short"},
                empty="nothing was measured",
            )
        ],
        height=8,
    )
    ratio = course(
        "$measure",
        "The measure in each slice, and the band in which it is expected for everything.",
        {
            "{{slice}}": values("$measure", '="ratio"'),
            "{{slice}} ": values("$measure", '!="ratio"'),
            "expected at most": band("high"),
            "expected at least": band("low"),
        },
        "short",
    )
    faint = [
        DynamicConfigValue("color", {"mode": "fixed", "fixedColor": GRAY}),
        DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}),
    ]
    ratio = (
        ratio.override_by_query("A", [DynamicConfigValue("unit", "percentunit")])
        .override_by_query("C", faint)
        .override_by_query("D", faint)
        .repeat("measure")
        .repeat_direction("h")
        .max_per_row(2)
    )
    layout.row("Each measure", [[ratio]], height=9)
    return layout.dashboard


def _whole() -> str:
    named = f'{{__name__=~"recwatch_${{detector}}_.+",{ONE},slice="all"}}'
    return f"""\
max by (measure) (
  label_replace({named}, "metric", "$1", "__name__", "(.+)")
  * on (recommender, metric) group_left (measure)
    max by (recommender, metric, measure) (recwatch_measure_info{{{MINE}}})
)"""
