"""Alerts on what recwatch knows of a recommender: too old, incomplete, or refused."""

from __future__ import annotations

from monitor.alerts.alert import FRESH, NOT_IN_MAINTENANCE, ONE, RECOMMENDER_DASHBOARD, Alert, of_recommender

# A gap of half an hour in the scrapes, and the rule's `for` once more, neither close nor repeat an alert.
KEEPS = "40m"
DASHBOARD = f"d/{RECOMMENDER_DASHBOARD}?var-recommender={{{{ urlquery $labels.recommender }}}}"
PAGE = """recommenders/{{ reReplaceAll "[+]" "%20" (urlquery $labels.recommender) }}"""

LATE = f"""\
time() - recwatch_last_success_timestamp_seconds{{SELECTOR}}
  > 2 * recwatch_window_length_seconds{{SELECTOR}} + 600
or
recwatch_window_length_seconds{{SELECTOR}} unless {ONE} recwatch_last_success_timestamp_seconds{{SELECTOR}}"""

# A quarter of a cadence more, for batches that are a little later every day.
STALE = f"""\
(
  time() - recwatch_newest_event_timestamp_seconds{{SELECTOR}}
    > 1.25 * recwatch_log_cadence_seconds{{SELECTOR}}
      + recwatch_window_length_seconds{{SELECTOR}} + recwatch_window_settle_seconds{{SELECTOR}}
or
  recwatch_window_length_seconds{{SELECTOR}} unless {ONE} recwatch_newest_event_timestamp_seconds{{SELECTOR}}
)
and {ONE}
  time() - recwatch_last_success_timestamp_seconds{{SELECTOR}}
    <= 2 * recwatch_window_length_seconds{{SELECTOR}} + 600
{NOT_IN_MAINTENANCE}"""

QUARANTINED = f"""\
(
  recwatch_unusable_files{{SELECTOR}} > 0
or
  recwatch_quarantined_rows{{SELECTOR}}
    > 0.01 * (recwatch_window_rows{{SELECTOR}} + recwatch_quarantined_rows{{SELECTOR}})
)
{FRESH}
{NOT_IN_MAINTENANCE}"""

FUTURE = f"""\
recwatch_window_future_rows{{SELECTOR}}
  > 0.01 * (recwatch_window_rows{{SELECTOR}} + recwatch_window_future_rows{{SELECTOR}})
{FRESH}
{NOT_IN_MAINTENANCE}"""

REFUSED = f"""\
(max without (status) (recwatch_evaluation_status{{SELECTOR,status="refused"}}) == 1)
{FRESH}"""

FAILING = f"""\
(count without (detector, slice) (recwatch_verdict{{SELECTOR,slice="all"}} == 4))
{FRESH}"""

WHICH_FAIL = """\
{{ range printf `max by (detector) (recwatch_verdict{%s,slice="all",recommender=%q}) == 4` \
`SELECTOR` $labels.recommender | query | sortByLabel "detector" }} {{ .Labels.detector }}{{ end }}"""

RECOMMENDERS = (
    Alert(
        "RecwatchEvaluationLate",
        "ticket",
        of_recommender(LATE),
        "A recommender is not being watched.",
        "No evaluation of {{ $labels.recommender }} has succeeded for two periods, or none ever has: what it shows now"
        " is unknown. The page says how the last evaluations ended.",
        PAGE,
        DASHBOARD,
        lasts="10m",
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchLogStale",
        "ticket",
        of_recommender(STALE),
        "A recommender's log has no recent events.",
        "The newest event in the log of {{ $labels.recommender }} is older than the log's cadence allows, or there is"
        " none: the recommender stopped, or its log no longer arrives.",
        PAGE,
        DASHBOARD,
        lasts="10m",
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchInputQuarantined",
        "ticket",
        of_recommender(QUARANTINED),
        "A part of a recommender's log cannot be read.",
        "Files of {{ $labels.recommender }}, or more than 1 % of its rows, could not be used in the last window. What"
        " was found there is true of the rest only.",
        PAGE,
        DASHBOARD,
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchLogClockSkewed",
        "ticket",
        of_recommender(FUTURE),
        "A recommender's log is written with a wrong clock or time unit.",
        "More than 1 % of the rows of {{ $labels.recommender }} are from the future and were left out of the last"
        " window.",
        PAGE,
        DASHBOARD,
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchBudgetExhausted",
        "ticket",
        of_recommender(REFUSED),
        "A recommender is not being watched because reading its log would cost too much.",
        "The last window of {{ $labels.recommender }} was not read: it would cost more than its budget allows.",
        PAGE,
        DASHBOARD,
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchDetectorFailing",
        "ticket",
        of_recommender(FAILING),
        "A detector fails, so that what it watches for goes unnoticed.",
        "In the last window of {{ $labels.recommender }} these detectors failed:" + WHICH_FAIL + ".",
        PAGE,
        DASHBOARD,
        keeps=KEEPS,
    ),
)
