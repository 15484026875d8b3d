"""Alerts on open incidents: one incident is one alert, from its opening to its close."""

from __future__ import annotations

from typing import Literal

from monitor.alerts.alert import Alert
from monitor.incidents.fleet import FLEET

# `recwatch_incident_open` is 1 from opening to close and 0 for a day after it. What is missing says nothing, so the
# last value counts: for two hours when the daemon is there without the incident, as a new pod with an empty store is,
# and for a day when no daemon is there at all. A process that died with 1 does not outweigh the next one's 0.
STAYS = "2h"
STAYS_WHILE_DOWN = "1d"

IS_OPEN = f"""\
max without (PROCESS) (
  OPEN == 1
or
  (last_over_time(OPEN[{STAYS}]) == 1)
  unless on (incident, recommender)
    (last_over_time(OPEN[{STAYS}]) == 0)
or
  (last_over_time(OPEN[{STAYS_WHILE_DOWN}]) == 1)
  unless on (incident, recommender)
    (last_over_time(OPEN[{STAYS_WHILE_DOWN}]) == 0)
  unless on (job)
    (up{{SELECTOR}} == 1)
)"""

# The sentence of now; where that is not there, as in a gap, an earlier one; else what the labels say. Parts of an
# incident of the fleet may each have a place of its own.
SENTENCE = """\
{{ $of := printf `{%s,incident=%q,recommender=%q}` `SELECTOR` $labels.incident $labels.recommender }}\
{{ $now := printf `recwatch_incident_info%s` $of | query }}\
{{ $was := printf `last_over_time(recwatch_incident_info%s[1d])` $of | query }}\
{{ with or $now $was }}{{ . | first | label "summary" }}\
{{ else }}{{ with $labels.drill }}DRILL, nothing is wrong: {{ end }}\
{{ $labels.recommender }}: {{ $labels.detector }}{{ with $labels.item }}, item {{ . }}{{ end }}.{{ end }}\
{{ if ne $labels.slice "all" }} Place: {{ $labels.slice }}.\
{{ else if ne $labels.recommender "FLEET" }} Place: all traffic.{{ end }}\
{{ with printf `last_over_time(recwatch_incident_onset_timestamp_seconds%s[1d])` $of | query }} \
Since {{ . | first | value | humanizeTimestamp }}.{{ end }}""".replace("FLEET", FLEET)


def _open(severity: Literal["page", "ticket"], summary: str) -> Alert:
    return Alert(
        f"RecwatchIncident{severity.capitalize()}",
        severity,
        IS_OPEN.replace("OPEN", f'recwatch_incident_open{{SELECTOR,severity="{severity}"}}'),
        summary,
        SENTENCE,
        page="incidents/{{ $labels.incident }}",
        runbook="{{ $labels.detector }}",
    )


# What was said last counts while nothing is said.
IS_MUTED = f"""\
max without (PROCESS) (
  recwatch_incident_muted{{SELECTOR}} == 1
or
  (last_over_time(recwatch_incident_muted{{SELECTOR}}[{STAYS_WHILE_DOWN}]) == 1)
  unless on (incident, recommender)
    recwatch_incident_muted{{SELECTOR}}
)
and on (incident, recommender)
{IS_OPEN.replace("OPEN", "recwatch_incident_open{SELECTOR}")}"""

# Before the others: when an incident closes, Alertmanager has to hear first that nothing holds its alert back any
# more, or the news of its end would be held back too.
MUTED = Alert(
    "RecwatchIncidentMuted",
    "none",
    IS_MUTED,
    "Nobody is to be told of an incident again: somebody takes care of it, or an incident of the fleet tells of it.",
    "The incident {{ $labels.incident }} of {{ $labels.recommender }} is acknowledged, or a part of an incident of the"
    " fleet. This alert is there for Alertmanager, which holds back the incident's own while it fires.",
    page="incidents/{{ $labels.incident }}",
)

INCIDENTS = (
    MUTED,
    _open("page", "What a recommender shows harms its users now."),
    _open("ticket", "What a recommender shows is not as it should be."),
)
