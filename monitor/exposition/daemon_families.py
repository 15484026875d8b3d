"""Metrics of the daemon itself, declared once: `Health` and the documentation read this."""

from __future__ import annotations

from monitor.exposition.families import Family, counter, gauge, info

R = ("recommender",)

DAEMON = (
    info("recwatch_build_info", "Version of recwatch and of the Python it runs on.", ("version", "python")),
    info(
        "recwatch_page_info",
        "Where people reach the page: `--web.external-url`, else the address that it listens on.",
        ("url",),
    ),
    gauge(
        "recwatch_config_last_reload_successful", "Whether the last reading of the configuration succeeded."
    ),
    gauge(
        "recwatch_config_last_reload_success_timestamp_seconds",
        "When the configuration was last read with success.",
    ),
    counter(
        "recwatch_evaluations_total",
        "Evaluations begun since the daemon started, those that failed included.",
        R,
    ),
    counter("recwatch_evaluation_failures_total", "Evaluations that could not be carried out.", R),
    counter("recwatch_evaluations_skipped_total", "Windows left out by bounded catch-up.", R),
    counter(
        "recwatch_evaluations_refused_total",
        "Evaluations refused because they would cost more than the budget allows.",
        R,
    ),
    Family(
        "recwatch_evaluation_duration_seconds",
        "histogram",
        "Time that the stages of evaluations took.",
        ("stage",),
    ),
    counter(
        "recwatch_detector_failures_total",
        "Runs of a detector that raised or ran out of time.",
        ("recommender", "detector"),
    ),
    counter("recwatch_read_rows_total", "Rows decoded from the log.", R),
    counter("recwatch_read_bytes_total", "Bytes read from the log.", R),
    counter("recwatch_ticks_total", "Times the daemon looked whether a window is due."),
    gauge(
        "recwatch_last_tick_timestamp_seconds",
        "When the daemon last looked whether a window is due.",
        absent="before the first tick",
    ),
    gauge("recwatch_tick_interval_seconds", "Time between two ticks."),
    gauge(
        "recwatch_clock_timestamp_seconds",
        "What the daemon's clock says at the scrape; Prometheus's own time of the sample is to compare it with.",
    ),
    gauge("recwatch_workers_busy", "Worker processes that are evaluating a window now."),
    counter("recwatch_worker_restarts_total", "Worker processes that were killed or died and were replaced."),
    counter("recwatch_log_messages_total", "Lines of the daemon's own log.", ("level",)),
    counter("recwatch_store_errors_total", "Reads and writes of the store that failed."),
    counter("recwatch_clock_jumps_total", "Times the clock was seen to jump."),
    counter(
        "recwatch_http_requests_total",
        "HTTP requests answered, by page and status code.",
        ("handler", "code"),
        absent="a page was not asked for",
    ),
)
