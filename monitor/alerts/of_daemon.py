"""Alerts on the daemon itself: while it is down, nothing else can be told."""

from __future__ import annotations

from monitor.alerts.alert import DAEMON_DASHBOARD, Alert
from monitor.alerts.of_recommenders import KEEPS

DASHBOARD = f"d/{DAEMON_DASHBOARD}"

STALLED = """\
max without (PROCESS) (
  time() - recwatch_last_tick_timestamp_seconds{SELECTOR}
    > 300 + 5 * recwatch_tick_interval_seconds{SELECTOR}
)"""

SKEWED = """\
max without (PROCESS) (
  abs(recwatch_clock_timestamp_seconds{SELECTOR} - timestamp(recwatch_clock_timestamp_seconds{SELECTOR})) > 60
)"""

DAEMON = (
    Alert(
        "RecwatchDown",
        "page",
        "up{SELECTOR} == 0",
        "recwatch cannot be scraped: no recommender is being watched.",
        "Prometheus has not reached recwatch at {{ $labels.instance }} for ten minutes. Incidents that begin now page"
        " nobody; those that were open stay open for a day.",
        dashboard=DASHBOARD,
        lasts="10m",
    ),
    Alert(
        "RecwatchAbsent",
        "page",
        "absent(up{SELECTOR})",
        "Prometheus has no recwatch to scrape: no recommender is being watched.",
        "No target is selected by {{ `{SELECTOR}` }}. Incidents that begin now page nobody.",
        dashboard=DASHBOARD,
        lasts="10m",
    ),
    Alert(
        "RecwatchStalled",
        "page",
        STALLED,
        "recwatch runs but evaluates nothing: no recommender is being watched.",
        "The scheduler last looked whether a window is due {{ $value | humanizeDuration }} ago.",
        dashboard=DASHBOARD,
        lasts="5m",
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchConfigReloadFailed",
        "ticket",
        "max without (PROCESS) (max_over_time(recwatch_config_last_reload_successful{SELECTOR}[5m])) == 0",
        "The configuration of recwatch is wrong and was not taken over.",
        "recwatch goes on with the configuration before; its log says the key that is wrong. With the one that is in"
        " the file it would not start again.",
        dashboard=DASHBOARD,
        lasts="10m",
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchStoreFailing",
        "ticket",
        "max without (PROCESS) (increase(recwatch_store_errors_total{SELECTOR}[10m])) > 0",
        "recwatch cannot use its store: what it finds is not kept.",
        "Reads or writes of the store fail again and again; the log says which and why.",
        dashboard=DASHBOARD,
        lasts="15m",
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchClockSkewed",
        "ticket",
        SKEWED,
        "The clock of recwatch is wrong, so that windows are evaluated too early or too late.",
        "The clocks of recwatch and Prometheus are {{ $value | humanizeDuration }} apart.",
        dashboard=DASHBOARD,
        lasts="10m",
        keeps=KEEPS,
    ),
    Alert(
        "RecwatchWatchdog",
        "none",
        "vector(1)",
        "This alert always fires, to prove that alerts arrive.",
        "Let something outside complain when it no longer arrives: then Prometheus, Alertmanager or the way between"
        " them is broken.",
        dashboard=DASHBOARD,
    ),
)
