"""One recommender as sample lines: done once after each evaluation, in a fixed number of series."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from detectors.core.cells import slice_text
from detectors.core.verdict import Verdict
from monitor.evaluation import Evaluation, Status
from monitor.exposition.families import Family
from monitor.exposition.labels import escaped, labels_text, printable, quoted
from monitor.exposition.state import FleetState, RecommenderState
from monitor.findings import Findings
from monitor.incidents.incident import Incident
from monitor.incidents.memory import version_shares

# A breach is certain. An error may hide one, so may missing data; with too few rows at least some came.
WORST_FIRST = (Verdict.BREACH, Verdict.ERROR, Verdict.NO_DATA, Verdict.TOO_FEW, Verdict.OK)
RANK = {verdict: rank for rank, verdict in enumerate(WORST_FIRST)}
WHOLE = "all"
LONGEST_SENTENCE = 400  # characters of what is said of an incident
MOST_VERSIONS = 10  # of the model

Lines = list[tuple[str, str]]  # (family, sample line)


@dataclass
class Place:
    """The series of one slice, and what decides whether they are kept."""

    name: str
    observations: float = 0
    values: Lines = field(default_factory=list)
    bands: Lines = field(default_factory=list)

    @property
    def dropped_first(self) -> tuple[int, float, str]:
        """Sort key: most columns first, then fewest observations."""
        return (-self.name.count("="), self.observations, self.name)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that stands for all of them.

    >>> worst([Verdict.OK, Verdict.TOO_FEW, Verdict.ERROR]).name
    'ERROR'
    """
    return min(verdicts, key=RANK.__getitem__)


def render(state: RecommenderState, families: Mapping[str, Family], most_series: int) -> dict[str, str]:
    """Sample lines of a recommender, by metric name.

    Over `most_series`, series are left out in this order: bands of slices, then everything of slices. In
    both steps slices of most columns go first, and among these the one with the fewest observations. All else
    (the whole, its verdicts, incidents, the state of the recommender) always stays.

    Parameters
    ----------
    families : mapping of full measure name to Family
        From `measure_families`. A measure that is not in it has no metric; its verdict is exported.
    """
    lines = list(_recommender(state))
    places: list[Place] = []
    if state.latest:
        lines += _evaluation(state, state.latest)
        whole, places = _findings(state.config.name, state.latest.findings, families)
        lines += whole
        lines += _measures(state.config.name, state.latest.findings, families)
        lines += _versions(state, state.latest.findings)
    for incident in state.incidents:
        lines += _incident(incident, incident.id in state.muted)
    kept, dropped = _keep(places, most_series - len(lines) - 1)
    lines += kept
    lines.append(_sample("recwatch_series_dropped", labels_text({"recommender": state.config.name}), dropped))
    return _grouped(lines)


def render_fleet(state: FleetState) -> dict[str, str]:
    """Sample lines of the incidents of the fleet, by metric name."""
    return _grouped([line for i in state.incidents for line in _incident(i, i.id in state.muted)])


def _grouped(lines: Lines) -> dict[str, str]:
    grouped: dict[str, dict[str, str]] = defaultdict(dict)
    for family, line in lines:  # one line a series: a duplicate would fail the whole scrape
        grouped[family].setdefault(line.rpartition(" ")[0], line)
    return {family: "".join(series.values()) for family, series in grouped.items()}


def _keep(places: list[Place], room: int) -> tuple[Lines, int]:
    order = sorted(places, key=lambda place: place.dropped_first)
    total = sum(len(place.values) + len(place.bands) for place in places)
    dropped = 0
    for part in ("bands", "values"):
        for place in order:
            if total - dropped <= room:
                break
            dropped += len(getattr(place, part))
            setattr(place, part, [])
    return [line for place in places for line in (*place.values, *place.bands)], dropped


def _sample(family: str, labels: str, value: float) -> tuple[str, str]:
    return family, f"{family}{{{labels}}} {number(value)}\n"


def number(value: float) -> str:
    """A sample's value as both formats write it.

    >>> number(3.0), number(0.25), number(float("-inf"))
    ('3', '0.25', '-Inf')
    """
    if math.isfinite(value):
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def _recommender(state: RecommenderState) -> Iterable[tuple[str, str]]:
    config, own = state.config, labels_text({"recommender": state.config.name})
    info = {"recommender": config.name, "mode": config.mode.value}
    yield _sample("recwatch_recommender_info", labels_text(_with_own(info, config.labels)), 1)
    window = config.window
    yield _sample("recwatch_window_length_seconds", own, window.length.total_seconds())
    yield _sample("recwatch_window_settle_seconds", own, window.settle.total_seconds())
    yield _sample("recwatch_log_cadence_seconds", own, (window.cadence or window.length).total_seconds())
    yield _sample("recwatch_daily_budget_bytes", own, config.budget.bytes_per_day)
    yield _sample("recwatch_in_maintenance", own, state.maintenance)
    if state.last_success_at:
        yield _sample("recwatch_last_success_timestamp_seconds", own, state.last_success_at.timestamp())
    if state.newest_event:
        yield _sample("recwatch_newest_event_timestamp_seconds", own, state.newest_event.timestamp())


def _with_own(labels: dict[str, str], configured: Mapping[str, str]) -> dict[str, str]:
    """Labels with those of the configuration behind them; ours are never replaced."""
    return labels | {name: value for name, value in configured.items() if name not in labels}


def _evaluation(state: RecommenderState, latest: Evaluation) -> Iterable[tuple[str, str]]:
    own, read = labels_text({"recommender": state.config.name}), latest.read
    moments: dict[str, datetime] = {
        "recwatch_window_start_timestamp_seconds": latest.window.start,
        "recwatch_window_end_timestamp_seconds": latest.window.end,
        "recwatch_last_evaluation_timestamp_seconds": latest.evaluated_at,
    }
    for family, moment in moments.items():
        yield _sample(family, own, moment.timestamp())
    for status in Status:
        yield _sample("recwatch_evaluation_status", f'{own},status="{status.value}"', status is latest.status)
    yield _sample("recwatch_unmeasurable_measures", own, len(latest.cannot_measure))
    yield _sample("recwatch_quarantined_files", own, len({entry.path for entry in read.quarantined}))
    whole_files = {entry.path for entry in read.quarantined if not entry.rows}
    yield _sample("recwatch_unusable_files", own, len(whole_files))
    yield _sample("recwatch_quarantined_rows", own, sum(entry.rows for entry in read.quarantined))
    yield _sample("recwatch_waiting_files", own, len(read.waiting))
    if read.catalog:
        yield _sample("recwatch_catalog_items", own, read.catalog.items)
        yield _sample("recwatch_catalog_repeated_rows", own, read.catalog.repeated)
        if modified := read.catalog.modified:
            yield _sample("recwatch_catalog_modified_timestamp_seconds", own, modified.timestamp())
    if latest.status not in (Status.EVALUATED, Status.NO_DATA):
        return
    counts: dict[str, float] = {
        "recwatch_window_rows": read.rows,
        "recwatch_window_requests": read.requests,
        "recwatch_window_sampled_rows": read.rows_sampled,
        "recwatch_window_late_rows": read.rows_late,
        "recwatch_window_future_rows": read.rows_future,
        "recwatch_window_past_rows": read.rows_past,
        "recwatch_window_repeated_rows": read.rows_repeated,
        "recwatch_sampling_ratio": read.sampling_rate,
    }
    for family, count in counts.items():
        yield _sample(family, own, count)


def _findings(
    recommender: str, findings: Findings, families: Mapping[str, Family]
) -> tuple[Lines, list[Place]]:
    """Lines of the whole, and those of the slices apart."""
    own = labels_text({"recommender": recommender})
    places = [Place(name) for name in findings.slices]
    slices = ["slice=" + quoted(name) for name in findings.slices]
    verdicts: dict[tuple[int, str], list[Verdict]] = defaultdict(list)
    columns = (
        findings.columns[name].tolist()
        for name in ("slice", "measure", "value", "n", "low", "high", "verdict")
    )
    for at, code, value, n, low, high, judged in zip(*columns, strict=True):
        measure, place, verdict = findings.measures[code], places[at], Verdict(judged)
        verdicts[at, measure.partition(".")[0]].append(verdict)
        place.observations = max(place.observations, n if math.isfinite(n) else 0)
        if measure in families and not math.isnan(value):
            place.values.append(_sample(families[measure].name, f"{own},{slices[at]}", value))
        if place.name == WHOLE or verdict is not Verdict.OK:
            labels = f"{own},measure={quoted(measure)},{slices[at]}"
            for family, limit in (("recwatch_expected_low", low), ("recwatch_expected_high", high)):
                if math.isfinite(limit):
                    place.bands.append(_sample(family, labels, float(f"{limit:.7g}")))  # single precision
    for (at, detector), judgements in verdicts.items():
        labels = f"{own},{slices[at]},detector={quoted(detector)}"
        places[at].values.append(_sample("recwatch_verdict", labels, worst(judgements)))
    whole = [line for place in places if place.name == WHOLE for line in (*place.values, *place.bands)]
    return whole, [place for place in places if place.name != WHOLE]


def _measures(recommender: str, findings: Findings, families: Mapping[str, Family]) -> Lines:
    """Which metric is which measure: so that a dashboard needs to know no detector by name."""
    lines = []
    for measure in findings.measures:
        if family := families.get(measure):
            detector = measure.partition(".")[0]
            labels = {"recommender": recommender, "detector": detector, "measure": measure}
            labels |= {"metric": family.name} | ({"unit": family.unit} if family.unit else {})
            lines.append(_sample("recwatch_measure_info", labels_text(labels), 1))
    return lines


def _versions(state: RecommenderState, findings: Findings) -> Lines:
    shares = version_shares(findings, state.config.log.columns.model_version)
    largest = sorted(shares, key=lambda version: (-shares[version], version))[:MOST_VERSIONS]
    return [
        _sample(
            "recwatch_model_version_share_ratio",
            labels_text({"recommender": state.config.name, "model_version": version}),
            shares[version],
        )
        for version in largest
    ]


def _incident(incident: Incident, muted: bool) -> Iterable[tuple[str, str]]:
    labels = {
        "incident": incident.id,
        "recommender": incident.recommender,
        "severity": incident.severity.value,
        "detector": incident.detector,
        "slice": slice_text(incident.slice),
        "item": incident.culprit.get("item", ""),
    }
    yield _sample("recwatch_incident_open", labels_text(_with_own(labels, incident.labels)), incident.open)
    # What may change from window to window stays out of the labels that an alert has.
    own = labels_text({"incident": incident.id, "recommender": incident.recommender})
    yield _sample("recwatch_incident_muted", own, incident.open and muted)
    if incident.open:
        sentence = f"{own},summary={escaped(printable(incident.summary, LONGEST_SENTENCE))}"
        yield _sample("recwatch_incident_info", sentence, 1)
        yield _sample("recwatch_incident_onset_timestamp_seconds", own, incident.onset_at.timestamp())
        yield _sample("recwatch_incident_asks", own, incident.asks)
