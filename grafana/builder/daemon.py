"""recwatch itself: whether it keeps up, what it reads and costs, and what fails."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.builder.frame import CHOSEN, DAEMONS, Layout, MarkedTime, frame
from grafana.builder.panels import GREEN, ORANGE, RED, course, number
from grafana.builder.queries import of_each
from monitor.alerts.alert import DAEMON_DASHBOARD


def last_hour(counter: str, own: str, by: str) -> str:
    """How much a counter grew in an hour: windows are long, so that a rate a second would be nearly always 0."""
    return f"sum by ({by}) (increase({counter}{{{own}}}[1h]))"


def daemon() -> Dashboard:
    page = frame(
        DAEMON_DASHBOARD,
        "recwatch / Daemon",
        "recwatch itself: whether it keeps up, what it reads and costs, and what fails.",
        "many",
    )
    page = page.annotation(
        MarkedTime(
            "Restarts",
            "orange",
            f"changes(process_start_time_seconds{{{DAEMONS}}}[5m]) > 0",
            "recwatch was restarted",
            "{{instance}}",
        )
    )
    layout = Layout(page)
    _now(layout)
    _work(layout)
    _cost(layout)
    _errors(layout)
    _process(layout)
    return layout.dashboard


def _now(layout: Layout) -> None:
    layout.line(
        [
            number(
                "Scraped",
                "Whether Prometheus reaches the daemon. While it does not, nothing is being watched.",
                f"min(up{{{DAEMONS}}})",
                states={0: ("down", RED), 1: ("up", GREEN)},
                base=RED,
            ),
            number(
                "Version",
                "Version of recwatch that runs.",
                f"max by (version) (recwatch_build_info{{{DAEMONS}}})",
                text="version",
            ),
            number(
                "Configuration",
                "Whether the last reading of the configuration succeeded; if not, the one before is in force.",
                f"min(recwatch_config_last_reload_successful{{{DAEMONS}}})",
                states={0: ("refused", RED), 1: ("in force", GREEN)},
                base=RED,
            ),
            number(
                "Last look for work",
                "Time since the scheduler last looked whether a window is due. It looks every few seconds.",
                f"max(time() - recwatch_last_tick_timestamp_seconds{{{DAEMONS}}})",
                "s",
                steps=[(300, RED)],
            ),
            number(
                "Clock",
                "How far the clocks of recwatch and Prometheus are apart. A wrong clock evaluates too early or late.",
                f"max(abs(recwatch_clock_timestamp_seconds{{{DAEMONS}}}"
                f" - timestamp(recwatch_clock_timestamp_seconds{{{DAEMONS}}})))",
                "s",
                steps=[(10, ORANGE), (60, RED)],
            ),
            number(
                "Workers busy",
                "Worker processes that are evaluating a window now.",
                f"sum(recwatch_workers_busy{{{DAEMONS}}})",
            ),
        ],
        height=4,
    )


def _work(layout: Layout) -> None:
    seconds = "recwatch_evaluation_duration_seconds"
    mean = (
        f"sum by (stage) (increase({seconds}_sum{{{DAEMONS}}}[1h]))"
        f" / (sum by (stage) (increase({seconds}_count{{{DAEMONS}}}[1h])) > 0)"
    )
    slow = f"histogram_quantile(0.95, sum by (stage, le) (increase({seconds}_bucket{{{DAEMONS}}}[24h])))"
    layout.row(
        "Work",
        [
            [
                course(
                    "Time of an evaluation",
                    "Mean of the last hour, by stage: reading the log, measuring, judging.",
                    {"{{stage}}": mean},
                    "s",
                    stacked=True,
                    least=0,
                ),
                course(
                    "Slow evaluations",
                    "The time that 95 % of the last day's evaluations stayed below, by stage.",
                    {"{{stage}}": slow},
                    "s",
                    least=0,
                ),
                course(
                    "Evaluations in an hour",
                    "Evaluations begun, those that failed included.",
                    {"{{recommender}}": last_hour("recwatch_evaluations_total", CHOSEN, "recommender")},
                    "short",
                    least=0,
                ),
            ],
            [
                course(
                    "Looks for work",
                    "How often the scheduler looks whether a window is due. At 0 the daemon is stuck.",
                    {"{{instance}}": f"rate(recwatch_ticks_total{{{DAEMONS}}}[$__rate_interval])"},
                    "ops",
                    least=0,
                ),
                course(
                    "Windows behind",
                    "From the end of the last window that was looked at until now, in windows. One to two is usual.",
                    {
                        "{{recommender}}": f"(time() - {of_each('recwatch_window_end_timestamp_seconds', CHOSEN)})"
                        f" / {of_each('recwatch_window_length_seconds', CHOSEN)}"
                    },
                    "short",
                    least=0,
                ),
                course(
                    "Workers busy, over time",
                    "Worker processes that are evaluating a window.",
                    {"{{instance}}": f"recwatch_workers_busy{{{DAEMONS}}}"},
                    "short",
                    least=0,
                ),
            ],
        ],
    )


def _cost(layout: Layout) -> None:
    used = last_hour("recwatch_read_bytes_total", CHOSEN, "recommender").replace("[1h]", "[24h]")
    layout.row(
        "What is read",
        [
            [
                course(
                    "Bytes read in an hour",
                    "Bytes read from the logs.",
                    {"{{recommender}}": last_hour("recwatch_read_bytes_total", CHOSEN, "recommender")},
                    "bytes",
                    least=0,
                ),
                course(
                    "Rows read in an hour",
                    "Rows decoded from the logs.",
                    {"{{recommender}}": last_hour("recwatch_read_rows_total", CHOSEN, "recommender")},
                    "short",
                    least=0,
                ),
                course(
                    "Budget used",
                    "Bytes read in the last 24 hours over the budget of a day. Beyond 100 % windows are refused.",
                    {"{{recommender}}": f"{used} / {of_each('recwatch_daily_budget_bytes', CHOSEN)}"},
                    "percentunit",
                    least=0,
                ),
            ],
            [
                course(
                    "Sampled",
                    "Part of the users behind the sampled statistics; less than all where the budget asks for it.",
                    {"{{recommender}}": of_each("recwatch_sampling_ratio", CHOSEN)},
                    "percentunit",
                    least=0,
                    most=1,
                ),
                course(
                    "Rows left out",
                    "Rows of the last window that were late, from the future, long past, repeated or unusable.",
                    {
                        "late, {{recommender}}": of_each("recwatch_window_late_rows", CHOSEN),
                        "future, {{recommender}}": of_each("recwatch_window_future_rows", CHOSEN),
                        "past, {{recommender}}": of_each("recwatch_window_past_rows", CHOSEN),
                        "repeated, {{recommender}}": of_each("recwatch_window_repeated_rows", CHOSEN),
                        "unusable, {{recommender}}": of_each("recwatch_quarantined_rows", CHOSEN),
                    },
                    "short",
                    least=0,
                ),
                course(
                    "Series left out",
                    "Series beyond the cap daemon.series_per_recommender. The page still has what they show.",
                    {"{{recommender}}": of_each("recwatch_series_dropped", CHOSEN)},
                    "short",
                    least=0,
                ),
            ],
        ],
    )


def _errors(layout: Layout) -> None:
    layout.row(
        "What fails",
        [
            [
                course(
                    "Windows without a verdict, in an hour",
                    "Evaluations that failed or were refused for their cost, and windows left out after an outage.",
                    {
                        "failed, {{recommender}}": last_hour(
                            "recwatch_evaluation_failures_total", CHOSEN, "recommender"
                        ),
                        "refused, {{recommender}}": last_hour(
                            "recwatch_evaluations_refused_total", CHOSEN, "recommender"
                        ),
                        "skipped, {{recommender}}": last_hour(
                            "recwatch_evaluations_skipped_total", CHOSEN, "recommender"
                        ),
                    },
                    "short",
                    least=0,
                ),
                course(
                    "Detectors that failed, in an hour",
                    "Runs of a detector that raised or ran out of time; what it watches for goes unnoticed.",
                    {
                        "{{detector}}, {{recommender}}": last_hour(
                            "recwatch_detector_failures_total", CHOSEN, "detector, recommender"
                        )
                        + " > 0"
                    },
                    "short",
                    least=0,
                ),
                course(
                    "Troubles of the daemon, in an hour",
                    "Errors of the store, workers that died or were killed, jumps of the clock.",
                    {
                        "errors of the store": last_hour("recwatch_store_errors_total", DAEMONS, "job"),
                        "workers replaced": last_hour("recwatch_worker_restarts_total", DAEMONS, "job"),
                        "jumps of the clock": last_hour("recwatch_clock_jumps_total", DAEMONS, "job"),
                    },
                    "short",
                    least=0,
                ),
            ],
            [
                course(
                    "Lines of the log, in an hour",
                    "Lines of the daemon's own log, by level.",
                    {"{{level}}": last_hour("recwatch_log_messages_total", DAEMONS, "level")},
                    "short",
                    least=0,
                ),
                course(
                    "Unusable files",
                    "Files of the last window of which nothing could be used. The recommender's page names them.",
                    {"{{recommender}}": of_each("recwatch_unusable_files", CHOSEN)},
                    "short",
                    least=0,
                ),
            ],
        ],
    )


def _process(layout: Layout) -> None:
    layout.row(
        "The process",
        [
            [
                course(
                    "Memory",
                    "Resident memory of the daemon's main process. Its workers come and go and are not in it.",
                    {"{{instance}}": f"process_resident_memory_bytes{{{DAEMONS}}}"},
                    "bytes",
                    least=0,
                ),
                course(
                    "Processor",
                    "Share of one core that the daemon's main process uses.",
                    {"{{instance}}": f"rate(process_cpu_seconds_total{{{DAEMONS}}}[$__rate_interval])"},
                    "percentunit",
                    least=0,
                ),
                course(
                    "Open files",
                    "File descriptors that the daemon's main process has open.",
                    {"{{instance}}": f"process_open_fds{{{DAEMONS}}}"},
                    "short",
                    least=0,
                ),
            ],
            [
                course(
                    "Requests answered",
                    "HTTP requests, by page and status code.",
                    {
                        "{{handler}} {{code}}": "sum by (handler, code)"
                        f" (rate(recwatch_http_requests_total{{{DAEMONS}}}[$__rate_interval]))"
                    },
                    "reqps",
                    least=0,
                ),
                course(
                    "Time of a scrape",
                    "How long Prometheus waits for /metrics. Beyond its timeout (10 s by default) nothing arrives.",
                    {"{{instance}}": f"scrape_duration_seconds{{{DAEMONS}}}"},
                    "s",
                    least=0,
                ),
                course(
                    "Series scraped",
                    "Samples in one scrape, before Prometheus relabels them.",
                    {"{{instance}}": f"scrape_samples_scraped{{{DAEMONS}}}"},
                    "short",
                    least=0,
                ),
            ],
        ],
        open=False,
    )
