"""One recommender: every value with what is expected of it, in one slice and in all of them."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.timeseries import Panel

from grafana.builder.frame import ONE, Layout, MarkedTime, choice, frame, incidents_marked, to_page
from grafana.builder.panels import ORANGE, RED, course, link, number, rows, timeline, within_band
from grafana.builder.queries import (
    STATES,
    TOLD,
    VERDICTS,
    age_of_data,
    incidents,
    muted,
    of_each,
    open_incidents,
    since_success,
    state,
)
from monitor.alerts.alert import RECOMMENDER_DASHBOARD
from monitor.exposition.catalogue import MeasureInfo, metric_name
from monitor.exposition.reference import installed_measures

HERE = f'{ONE},slice="$slice"'
UNITS = {"ratio": "percentunit", "seconds": "s", "bytes": "bytes", "change": "percentunit"}


@dataclass(frozen=True)
class Family:
    """A row of the dashboard: measures with their titles; the first is shown for all slices too."""

    title: str
    measures: dict[str, str]
    open: bool = False


FAMILIES = (
    Family(
        "Concentration",
        {
            "same_item.first_place_share": "Top item at the first place",
            "same_item.any_place_share": "Top item at any one place",
            "same_item.anywhere_share": "Top item anywhere in the list",
            "same_item.identical_list_share": "Identical lists",
            "same_item.users_share": "Users with the top item first",
        },
        open=True,
    ),
    Family(
        "Diversity",
        {
            "diversity.list_overlap": "Overlap between lists",
            "diversity.effective_items_q1": "Effective items, order 1",
            "diversity.effective_items_q2": "Effective items, order 2",
            "diversity.distinct_items": "Distinct items",
            "diversity.coverage": "Coverage of the catalogue",
        },
    ),
    Family(
        "Personalization",
        {
            "personalization.dependence": "Dependence of lists on their users",
            "personalization.others_list_share": "Lists that are another user's earlier list",
            "personalization.own_overlap": "Overlap with the user's own earlier list",
            "personalization.others_overlap": "Overlap with another user's earlier list",
        },
    ),
    Family(
        "Drift",
        {
            "drift.item_distance": "Distance of the items from earlier windows",
            "drift.item_jump": "Largest rise of one item",
            "drift.score_distance": "Distance of the scores from earlier windows",
            "drift.score_stability_index": "Stability index of the scores",
            "drift.numeric_feature_distance": "Distance of columns of numbers",
            "drift.categorical_feature_jump": "Largest change in columns of texts",
        },
    ),
    Family(
        "Drift over days",
        {
            "trend.same_item_first_place_share": "Trend: top item at the first place",
            "trend.diversity_effective_items_q1": "Trend: effective items",
            "trend.diversity_list_overlap": "Trend: overlap between lists",
            "trend.lists_mean_length": "Trend: length of lists",
            "trend.scores_median": "Trend: median score",
            "trend.outcome_click_rate": "Trend: click rate",
        },
    ),
    Family(
        "Lists",
        {
            "lists.mean_length": "Length of lists",
            "lists.empty_share": "Empty lists",
            "lists.short_share": "Short lists",
            "lists.repeat_share": "Lists with an item twice",
            "lists.gap_share": "Lists with a gap",
        },
    ),
    Family(
        "Scores",
        {
            "scores.median": "Median score",
            "scores.spread": "Spread of scores",
            "scores.constant_share": "Lists with constant scores",
            "scores.tied_share": "Lists with tied scores",
            "scores.unordered_share": "Lists out of order",
            "scores.reversed_share": "Lists in reverse",
            "scores.nan_share": "Scores that are not a number",
        },
    ),
    Family(
        "Traffic",
        {
            "traffic.requests": "Requests",
            "traffic.rows": "Items shown",
            "traffic.users": "Users",
            "traffic.silence": "Longest silence",
            "traffic.repeated_share": "Rows logged twice",
            "traffic.missing_user_share": "Rows without a user",
        },
    ),
    Family(
        "Outcome",
        {
            "outcome.click_rate": "Click rate",
            "outcome.request_click_rate": "Requests with a click",
            "outcome.conversion_rate": "Conversion rate",
            "outcome.value_per_row": "Value of a row",
            "outcome.calibration_error": "Calibration error",
            "outcome.calibration_in_the_large": "Promised clicks over clicks",
        },
    ),
)


def recommender() -> Dashboard:
    page = frame(
        RECOMMENDER_DASHBOARD,
        "recwatch / Recommender",
        "One recommender: every value with what is expected of it, and what was wrong when.",
        "one",
        since="now-2d",
    )
    page = page.with_variable(
        choice(
            "slice",
            "Slice",
            f"label_values(recwatch_verdict{{{ONE}}}, slice)",
            "Part of the traffic; all is everything.",
            first="all",
        )
    )
    page = page.link(
        to_page(
            "This recommender",
            "recommenders/${recommender:percentencode}",
            "The recommender on recwatch's own page: evaluations with their reasons, and what cannot be measured.",
        )
    )
    for mark in marks():
        page = page.annotation(mark)
    layout = Layout(page)
    _now(layout)
    _where(layout)
    catalogue = installed_measures()
    for family in FAMILIES:
        panels = [_measure(catalogue[name], title) for name, title in family.measures.items()]
        first, title = next(iter(family.measures.items()))
        panels.append(_by_slice(catalogue[first], title))
        lines = [panels[k : k + 3] for k in range(0, len(panels), 3)]
        layout.row(family.title, lines, open=family.open)
    layout.row("Versions of the model", [[_versions()]], open=False)
    return layout.dashboard


def marks() -> tuple[MarkedTime, ...]:
    """What happened, over every chart."""
    version = f"recwatch_model_version_share_ratio{{{ONE}}}"
    known = "on (recommender, model_version)"
    return (
        incidents_marked(ONE),
        # A version is new for an hour; at the beginning of all data nothing is.
        MarkedTime(
            "New versions of the model",
            "blue",
            f"{version} unless {known} last_over_time({version}[3d] offset 1h)"
            f" and on (recommender) recwatch_recommender_info{{{ONE}}} offset 1h",
            "model {{model_version}}",
            "appeared in the traffic",
        ),
        MarkedTime(
            "Maintenance",
            "purple",
            f"max by (recommender) (recwatch_in_maintenance{{{ONE}}}) == 1",
            "maintenance",
            "nobody is told of what is found",
        ),
    )


def _now(layout: Layout) -> None:
    layout.line(
        [
            number(
                "State",
                "The worst that is known: an open incident, that it is not being watched, that its log is empty.",
                state(ONE),
                states=STATES,
            ),
            number(
                "Pages open",
                "Open incidents that harm users now. Unknown when recwatch cannot be scraped.",
                incidents(ONE, "page"),
                steps=[(1, RED)],
            ),
            number(
                "Tickets open",
                "Open incidents that can wait for the morning. Unknown when recwatch cannot be scraped.",
                incidents(ONE, "ticket"),
                steps=[(1, ORANGE)],
            ),
            number(
                "Age of the data",
                "Time since the newest event in the log.",
                age_of_data(ONE),
                "s",
            ),
            number(
                "Last evaluation that succeeded",
                "How long ago. Beyond two windows, what is shown below is of the past.",
                since_success(ONE),
                "s",
            ),
            number(
                "Sampled",
                "Part of the users behind the sampled statistics of the last window.",
                of_each("recwatch_sampling_ratio", ONE),
                "percentunit",
            ),
        ],
        height=4,
    )
    layout.line(
        [
            rows(
                "Open incidents",
                "What is wrong, in the words of the alert. The identifier leads to the incident's page with its"
                " evidence, the detector to its runbook.",
                {"A": open_incidents(ONE), "B": muted(ONE)},
                {
                    "severity": "Severity",
                    "summary": "What is wrong",
                    "slice": "Where",
                    "Value #A": "Since",
                    "Value #B": "Told",
                    "detector": "Detector",
                    "incident": "Incident",
                },
                units={"Since": "dateTimeAsLocal"},
                links={
                    "Incident": link("Open the incident", "${page:raw}/incidents/${__value.raw}"),
                    "Detector": link("Open the runbook", "${page:raw}/runbooks/${__value.raw}"),
                },
                states={"Told": TOLD},
                empty="no incident is open, or recwatch cannot be scraped",
            )
        ],
        height=6,
    )


def _where(layout: Layout) -> None:
    layout.line(
        [
            timeline(
                "Verdicts in $slice",
                "What each detector found in the chosen slice. Only green is fine: no data, too few rows and an error"
                " say that nothing is known.",
                f"max by (detector) (recwatch_verdict{{{HERE}}})",
                "{{detector}}",
                VERDICTS,
            ),
            timeline(
                "Where something is wrong",
                "Slices in which at least one detector is in breach, while it is.",
                f"max by (slice) (recwatch_verdict{{{ONE}}} == 1)",
                "{{slice}}",
                VERDICTS,
            ),
        ],
        height=9,
    )
    layout.line(
        [
            timeline(
                "How evaluations ended",
                "The status of the last evaluation. Only evaluated says something about the recommender.",
                "\nor ".join(f"{value} * ({ended(name)} == 1)" for value, name in ENDED.items()),
                "{{recommender}}",
                {
                    1: ("evaluated", "green"),
                    2: ("no data", "purple"),
                    3: ("refused: over budget", "yellow"),
                    4: ("failed", "red"),
                    5: ("skipped", "orange"),
                },
            ),
        ],
        height=4,
    )


def ended(status: str) -> str:
    return of_each("recwatch_evaluation_status", ONE, f',status="{status}"')


ENDED = {1: "evaluated", 2: "no_data", 3: "refused", 4: "failed", 5: "skipped"}


def _measure(info: MeasureInfo, title: str) -> Panel:
    """A measure with its band, in the chosen slice."""
    own = f'{HERE},measure="{info.name}"'
    return within_band(
        title,
        f"{info.help} With the band in which it is expected; of a slice other than all, the band is known only"
        f" while the slice is not ok. Measure {info.name}.",
        f"max by (slice) ({metric_name(info)}{{{HERE}}})",
        f"max by (slice) (recwatch_expected_high{{{own}}})",
        f"max by (slice) (recwatch_expected_low{{{own}}})",
        UNITS.get(info.unit, "short"),
    )


def _by_slice(info: MeasureInfo, title: str) -> Panel:
    return course(
        f"{title}, by slice",
        f"{info.help} In every slice for which it is exported.",
        {"{{slice}}": f"max by (slice) ({metric_name(info)}{{{ONE}}})"},
        UNITS.get(info.unit, "short"),
    )


def _versions() -> Panel:
    return course(
        "Traffic by version of the model",
        "Which version answered which part of the requests. Empty unless the version is among the slices.",
        {
            "{{model_version}}": f"max by (model_version) (recwatch_model_version_share_ratio{{{ONE}}})",
        },
        "percentunit",
        stacked=True,
        least=0,
        most=1,
    )
