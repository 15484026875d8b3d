"""Expressions that more than one dashboard asks; `own` are the matchers of the recommenders that are meant."""

from __future__ import annotations

from grafana.builder.panels import BLUE, GRAY, GREEN, ORANGE, RED, YELLOW, States
from monitor.incidents.fleet import FLEET

PURPLE = "purple"

# The numbers of `recwatch_verdict`.
VERDICTS: States = {
    0: ("ok", GREEN),
    1: ("breach", RED),
    2: ("no data", ORANGE),
    3: ("too few rows", GRAY),
    4: ("error", PURPLE),
}
STATES: States = {
    0: ("ok", GREEN),
    1: ("page", RED),
    2: ("ticket", YELLOW),
    3: ("not watched", ORANGE),
    4: ("no data", PURPLE),
    5: ("maintenance", BLUE),
    6: ("last window not evaluated", ORANGE),
    7: ("only observed", BLUE),
    8: ("too little to judge", GRAY),
}
# Whether people are still told of an open incident.
TOLD: States = {0: ("yes", RED), 1: ("no: acknowledged, or the fleet's", BLUE)}
NOT_THE_FLEETS = f'recommender!="{FLEET}"'


def of_each(metric: str, own: str, more: str = "") -> str:
    """One value a recommender: that of the daemon which replaced another counts as the same."""
    return f"max by (recommender) ({metric}{{{own}{more}}})"


def age_of_data(own: str) -> str:
    return f"time() - {of_each('recwatch_newest_event_timestamp_seconds', own)}"


def since_success(own: str) -> str:
    return f"time() - {of_each('recwatch_last_success_timestamp_seconds', own)}"


def not_watched(own: str) -> str:
    """Recommenders without a success for two windows: the bounds of the alert RecwatchEvaluationLate."""
    return f"""\
(
  {since_success(own)} > 2 * {of_each("recwatch_window_length_seconds", own)} + 600
or
  {of_each("recwatch_recommender_info", own)} unless {of_each("recwatch_last_success_timestamp_seconds", own)}
)"""


def state(own: str) -> str:
    """What is known of each recommender, as a number of `STATES`: the first that holds counts.

    Fine is what is left: a window was evaluated lately, a detector could judge, nothing is open, and incidents would
    be told.
    """

    def is_open(severity: str) -> str:
        return (
            f"""({of_each("recwatch_incident_open", own, f',{NOT_THE_FLEETS},severity="{severity}"')} == 1)"""
        )

    def ended(how: str) -> str:
        return f"""({of_each("recwatch_evaluation_status", own, f',status=~"{how}"')} == 1)"""

    observed = of_each("recwatch_recommender_info", own, ',mode="observe"')
    judged = f"""(max by (recommender) (recwatch_verdict{{{own},slice="all"}} < 2))"""
    return f"""\
{is_open("page")}
or 2 * {is_open("ticket")}
or 3 + 0 * {not_watched(own)}
or 4 * {ended("no_data")}
or 6 * {ended("failed|refused|skipped")}
or 5 * ({of_each("recwatch_in_maintenance", own)} == 1)
or 7 * {observed}
or 0 * {judged}
or 8 * {of_each("recwatch_recommender_info", own)}"""


def incidents(own: str, severity: str) -> str:
    """How many are open in recommenders; nothing where nothing is known."""
    asked = f'{own},{NOT_THE_FLEETS},severity="{severity}"'
    return _counted(asked, own)


def incidents_of_fleet(own: str, all_of: str) -> str:
    """How many of the fleet are open; nothing where nothing is known of any recommender."""
    return _counted(own, all_of)


def _counted(asked: str, known: str) -> str:
    is_open = f"max by (incident) (recwatch_incident_open{{{asked}}}) == 1"
    return f"count({is_open}) or 0 * count(recwatch_recommender_info{{{known}}})"


def open_incidents(own: str) -> str:
    """Each open incident with its sentence; the value is its onset in milliseconds, as Grafana has times."""
    labels = "incident, recommender, severity, detector, slice, item"
    return f"""\
1000
* max by (incident, recommender) (recwatch_incident_onset_timestamp_seconds{{{own}}})
* on (incident, recommender) group_right ()
  (max by ({labels}) (recwatch_incident_open{{{own}}}) == 1)
* on (incident, recommender) group_left (summary)
  max by (incident, recommender, summary) (recwatch_incident_info{{{own}}})"""


def muted(own: str) -> str:
    """Of each open incident, whether people are told of it no more."""
    return f"""\
max by (incident, recommender) (recwatch_incident_muted{{{own}}})
and on (incident, recommender)
  (recwatch_incident_open{{{own}}} == 1)"""
