"""All recommenders at a glance: what is wrong now, and what is not being watched."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.builder.frame import CHOSEN, DAEMONS, OF_FLEET, Layout, frame, incidents_marked
from grafana.builder.panels import GREEN, ORANGE, RED, YELLOW, course, link, number, rows, timeline
from grafana.builder.queries import (
    STATES,
    TOLD,
    age_of_data,
    incidents,
    incidents_of_fleet,
    muted,
    not_watched,
    of_each,
    open_incidents,
    since_success,
    state,
)
from monitor.alerts.alert import OVERVIEW_DASHBOARD, RECOMMENDER_DASHBOARD

TO_RECOMMENDER = link(
    "Open this recommender",
    f"/d/{RECOMMENDER_DASHBOARD}?var-recommender=${{__value.raw:percentencode}}"
    "&${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}",
)


def overview() -> Dashboard:
    page = frame(
        OVERVIEW_DASHBOARD,
        "recwatch / Overview",
        "Which recommenders are in trouble, and which are not being watched.",
        "many",
    )
    layout = Layout(page.annotation(incidents_marked(CHOSEN)))
    watched = f"count(max by (recommender) (recwatch_recommender_info{{{CHOSEN}}}))"
    in_breach = (
        "count by (recommender) (max by (recommender, detector)"
        f' (recwatch_verdict{{{CHOSEN},slice="all"}}) == 1)'
        f" or 0 * {of_each('recwatch_last_success_timestamp_seconds', CHOSEN)}"
    )
    layout.line(
        [
            number("Recommenders configured", "How many recommenders are configured.", watched),
            number(
                "Pages open",
                "Open incidents that harm users now. Unknown when recwatch cannot be scraped.",
                incidents(CHOSEN, "page"),
                steps=[(1, RED)],
            ),
            number(
                "Tickets open",
                "Open incidents that can wait for the morning. Unknown when recwatch cannot be scraped.",
                incidents(CHOSEN, "ticket"),
                steps=[(1, YELLOW)],
            ),
            number(
                "Of the fleet",
                "The same trouble in three or more recommenders at once, which is told once. Unknown when recwatch"
                " cannot be scraped.",
                incidents_of_fleet(OF_FLEET, DAEMONS),
                steps=[(1, RED)],
            ),
            number(
                "Not watched",
                "Recommenders without a successful evaluation for two windows: whether they are well is unknown.",
                f"count({not_watched(CHOSEN)}) or 0 * {watched}",
                steps=[(1, ORANGE)],
            ),
            number(
                "recwatch",
                "Whether Prometheus reaches the daemon. While it does not, nothing is being watched.",
                f"min(up{{{DAEMONS}}})",
                states={0: ("down", RED), 1: ("up", GREEN)},
                base=RED,
            ),
        ],
        height=4,
    )
    layout.line(
        [
            timeline(
                "State of the recommenders",
                "The worst that is known of each: an open incident, then that it is not being watched or that its log"
                " is empty. Green only where a window was evaluated lately and could be judged, and nothing is open.",
                state(CHOSEN),
                "{{recommender}}",
                STATES,
            )
        ],
        height=10,
    )
    layout.line(
        [
            rows(
                "Open incidents",
                "What is wrong, in the words of the alert. The identifier leads to the incident with its evidence. Of"
                " (fleet): the same trouble in several recommenders, told in the stead of theirs.",
                {"A": open_incidents(CHOSEN), "B": muted(CHOSEN)},
                {
                    "recommender": "Recommender",
                    "severity": "Severity",
                    "summary": "What is wrong",
                    "slice": "Where",
                    "Value #A": "Since",
                    "Value #B": "Told",
                    "incident": "Incident",
                },
                units={"Since": "dateTimeAsLocal"},
                links={
                    "Incident": link("Open the incident", "${page:raw}/incidents/${__value.raw}"),
                    "Recommender": TO_RECOMMENDER,
                },
                states={"Told": TOLD},
                empty="no incident is open, or recwatch cannot be scraped",
            )
        ],
        height=8,
    )
    layout.line(
        [
            course(
                "Age of the data",
                "Time since the newest event in each log. It saws between evaluations; a line that only climbs is a log"
                " that stopped.",
                {"{{recommender}}": age_of_data(CHOSEN)},
                "s",
                least=0,
            ),
            course(
                "Time since the last evaluation that succeeded",
                "Beyond two windows the recommender is not being watched, whatever else this dashboard shows of it.",
                {"{{recommender}}": since_success(CHOSEN)},
                "s",
                least=0,
            ),
        ],
        height=8,
    )
    layout.line(
        [
            rows(
                "Recommenders",
                "One line each, of the last window. The name leads to the recommender's dashboard.",
                {
                    "A": state(CHOSEN),
                    "B": age_of_data(CHOSEN),
                    "C": of_each("recwatch_window_requests", CHOSEN),
                    "D": of_each("recwatch_sampling_ratio", CHOSEN),
                    "E": in_breach,
                },
                {
                    "recommender": "Recommender",
                    "Value #A": "State",
                    "Value #B": "Age of the data",
                    "Value #C": "Requests in the last window",
                    "Value #D": "Sampled",
                    "Value #E": "Detectors in breach",
                },
                units={
                    "Age of the data": "s",
                    "Sampled": "percentunit",
                    "Requests in the last window": "short",
                },
                links={"Recommender": TO_RECOMMENDER},
                states={"State": STATES},
                empty="no recommender",
            )
        ],
        height=9,
    )
    return layout.dashboard
