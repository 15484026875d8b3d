"""Metrics of a recommender that are not measurements: exposition and documentation both read this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Family:
    """A metric: all series of one name.

    Parameters
    ----------
    name : str
        As it stands in samples, `_total` and `_info` included.
    absent : str
        When there is no series of it; empty means it is always there.
    """

    name: str
    type: Literal["gauge", "counter", "histogram", "info"]
    help: str
    labels: tuple[str, ...] = ()
    absent: str = ""

    @property
    def unit(self) -> str:
        """Base unit, as the end of the name says it; empty for counts and states."""
        last = self.name.removesuffix("_total").rpartition("_")[2]
        return last if last in ("seconds", "bytes", "ratio") else ""

    def header(self, openmetrics: bool) -> str:
        """HELP and TYPE lines in one of the two formats.

        >>> print(Family("recwatch_x_total", "counter", "Xs.").header(openmetrics=True), end="")
        # HELP recwatch_x Xs.
        # TYPE recwatch_x counter
        """
        name, kind, text = self.name, self.type, self.help.replace("\\", r"\\")
        if openmetrics:
            name = (
                name.removesuffix("_total")
                if kind == "counter"
                else name.removesuffix("_info")
                if kind == "info"
                else name
            )
            text = text.replace('"', r"\"")
        elif kind == "info":
            kind = "gauge"
        return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def gauge(name: str, text: str, labels: tuple[str, ...] = (), absent: str = "") -> Family:
    return Family(name, "gauge", text, labels, absent)


def counter(name: str, text: str, labels: tuple[str, ...] = (), absent: str = "") -> Family:
    return Family(name, "counter", text, labels, absent)


def info(name: str, text: str, labels: tuple[str, ...], absent: str = "") -> Family:
    return Family(name, "info", text, labels, absent)


R = ("recommender",)
NEVER_EVALUATED = "before the first evaluation"
NO_CATALOG = "no catalogue is configured, or it could not be read for the last window"
NOT_READ = "the last window was not read (failed, refused or skipped)"

# Rendered once after each evaluation, from what the store holds.
RECOMMENDER = (
    info(
        "recwatch_recommender_info",
        "A recommender that is watched, with the labels its configuration gives it.",
        ("recommender", "mode", "labels of the configuration"),
    ),
    gauge("recwatch_window_length_seconds", "Length of one window of event time.", R),
    gauge("recwatch_window_settle_seconds", "Wait between a window's end and its evaluation.", R),
    gauge("recwatch_log_cadence_seconds", "How often the log is expected to get data.", R),
    gauge("recwatch_daily_budget_bytes", "Bytes that may be read from the log in one day.", R),
    gauge(
        "recwatch_in_maintenance",
        "1 in a stretch of maintenance, in which nobody is told of what is found, else 0.",
        R,
    ),
    gauge(
        "recwatch_window_start_timestamp_seconds",
        "Start of the last window that was looked at (event time).",
        R,
        absent=NEVER_EVALUATED,
    ),
    gauge(
        "recwatch_window_end_timestamp_seconds",
        "End of the last window that was looked at (event time).",
        R,
        absent=NEVER_EVALUATED,
    ),
    gauge(
        "recwatch_last_evaluation_timestamp_seconds",
        "When the last evaluation ended, however it ended.",
        R,
        absent=NEVER_EVALUATED,
    ),
    gauge(
        "recwatch_last_success_timestamp_seconds",
        "When the last evaluation ended that read its window and judged it (status evaluated or no_data).",
        R,
        absent="before the first success",
    ),
    gauge(
        "recwatch_newest_event_timestamp_seconds",
        "Newest event that was seen in the log; now minus this is the age of the data.",
        R,
        absent="before an event was seen",
    ),
    gauge(
        "recwatch_evaluation_status",
        "1 for the status in which the last evaluation ended, 0 for the others.",
        ("recommender", "status"),
        absent=NEVER_EVALUATED,
    ),
    gauge("recwatch_window_rows", "Rows of the last window, before sampling.", R, absent=NOT_READ),
    gauge("recwatch_window_requests", "Requests of the last window, before sampling.", R, absent=NOT_READ),
    gauge(
        "recwatch_window_sampled_rows",
        "Rows of the last window behind the sampled statistics.",
        R,
        absent=NOT_READ,
    ),
    gauge(
        "recwatch_window_late_rows",
        "Rows of the last window that came after its first evaluation.",
        R,
        absent=NOT_READ,
    ),
    gauge(
        "recwatch_window_future_rows",
        "Rows left out because their time is later than the clock allows.",
        R,
        absent=NOT_READ,
    ),
    gauge(
        "recwatch_window_past_rows",
        "Rows left out because their time is implausibly long ago.",
        R,
        absent=NOT_READ,
    ),
    gauge(
        "recwatch_window_repeated_rows",
        "Rows that repeat request, position and item of another row.",
        R,
        absent=NOT_READ,
    ),
    gauge(
        "recwatch_sampling_ratio",
        "Part of the users behind the sampled statistics of the last window.",
        R,
        absent=NOT_READ,
    ),
    gauge(
        "recwatch_quarantined_files",
        "Files of the last window of which something could not be used.",
        R,
        absent=NEVER_EVALUATED,
    ),
    gauge(
        "recwatch_unusable_files",
        "Files of the last window of which nothing could be used.",
        R,
        absent=NEVER_EVALUATED,
    ),
    gauge(
        "recwatch_quarantined_rows",
        "Rows or lines of the last window that could not be used, in files that otherwise could.",
        R,
        absent=NEVER_EVALUATED,
    ),
    gauge(
        "recwatch_waiting_files",
        "Files of the last window that were still being written.",
        R,
        absent=NEVER_EVALUATED,
    ),
    gauge(
        "recwatch_catalog_items", "Items in the catalogue when the last window was measured.", R, NO_CATALOG
    ),
    gauge(
        "recwatch_catalog_repeated_rows",
        "Rows of the catalogue that were left out because their item's id had come before.",
        R,
        NO_CATALOG,
    ),
    gauge(
        "recwatch_catalog_modified_timestamp_seconds",
        "When the file of the catalogue was last changed; now minus this is the catalogue's age.",
        R,
        NO_CATALOG,
    ),
    gauge(
        "recwatch_unmeasurable_measures",
        "Measures that this log does not allow; the page says which and why.",
        R,
        absent=NEVER_EVALUATED,
    ),
    gauge(
        "recwatch_verdict",
        (
            "Worst verdict of a detector in a slice of the last window: 0 ok, 1 breach, 2 no_data, 3 too_few,"
            " 4 error; the order from worst to best is breach, error, no_data, too_few, ok."
        ),
        ("recommender", "slice", "detector"),
        absent="the last window was not evaluated",
    ),
    info(
        "recwatch_measure_info",
        (
            "What the detectors looked for in the last window: each measure with its metric, and its unit if that is"
            " ratio, seconds or bytes."
        ),
        ("recommender", "detector", "measure", "metric", "unit"),
        absent="the last window was not evaluated",
    ),
    gauge(
        "recwatch_model_version_share_ratio",
        "Part of the last window's traffic that a version of the model answered; the ten largest.",
        ("recommender", "model_version"),
        absent="the column of the model version is not mapped and in `slices`, or the last window was not evaluated",
    ),
    gauge(
        "recwatch_expected_low",
        "Lower end of what is expected of a measure, in the measure's unit.",
        ("recommender", "measure", "slice"),
        absent="nothing is expected at this end, or the slice's verdict on the measure is ok",
    ),
    gauge(
        "recwatch_expected_high",
        "Upper end of what is expected of a measure, in the measure's unit.",
        ("recommender", "measure", "slice"),
        absent="nothing is expected at this end, or the slice's verdict on the measure is ok",
    ),
    gauge(
        "recwatch_incident_open",
        (
            "1 while an incident is open, 0 for 24 hours after it closed; labels are those of its opening,"
            " and in a drill drill=true. The same trouble in three or more recommenders is one more incident, of the"
            " fleet: recommender=(fleet)."
        ),
        ("incident", "recommender", "severity", "detector", "slice", "item", "labels of the configuration"),
        absent="no incident was open in the last 24 hours, or the recommender is in mode observe",
    ),
    gauge(
        "recwatch_incident_muted",
        (
            "1 while nobody is to be told of an open incident again: it is acknowledged, or an incident of the fleet"
            " tells of it; 0 otherwise."
        ),
        ("incident", "recommender"),
        absent="recwatch_incident_open is absent",
    ),
    info(
        "recwatch_incident_info",
        "The sentence that says what is wrong, for each open incident; it follows the last window.",
        ("incident", "recommender", "summary"),
        absent="no incident is open",
    ),
    gauge(
        "recwatch_incident_onset_timestamp_seconds",
        "Start of the first window that showed an open incident (event time).",
        ("incident", "recommender"),
        absent="no incident is open",
    ),
    gauge(
        "recwatch_incident_asks",
        "1 when an open incident has lasted so long that it asks whether the new level is meant, else 0.",
        ("incident", "recommender"),
        absent="no incident is open",
    ),
    gauge(
        "recwatch_series_dropped",
        "Series left out because the recommender has more than the configured cap.",
        R,
    ),
)
