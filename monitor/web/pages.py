"""What each page is made of, as plain values: templates only lay it out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.evaluation import CannotMeasure
from monitor.web.contribution import Contribution
from monitor.web.course import Chart
from monitor.web.finding_view import SliceView
from monitor.web.incident_view import IncidentView
from monitor.web.states import State


@dataclass(frozen=True)
class EvaluationView:
    """A window of a recommender; no `requests` where the log does not tell which rows are one."""

    recommender: str
    start: datetime
    end: datetime
    state: State
    attempt: int
    evaluated_at: datetime
    requests: int | None
    rows: int
    sampling_rate: float
    bytes_read: int
    seconds: float
    was_read: bool


@dataclass(frozen=True)
class RecommenderView:
    """A recommender on the overview, and at the head of its own page."""

    name: str
    state: State
    labels: tuple[tuple[str, str], ...]
    last: EvaluationView | None
    newest_event: datetime | None
    strip: tuple[EvaluationView, ...]
    strip_text: str
    notes: tuple[str, ...]
    cannot_measure: tuple[CannotMeasure, ...]
    detectors: tuple[str, ...]


@dataclass(frozen=True)
class FleetView:
    """An incident of the fleet with those that are its parts."""

    incident: IncidentView
    parts: tuple[IncidentView, ...]


@dataclass(frozen=True)
class Overview:
    """The first page: what is wrong, then how every recommender stands, then what could not be evaluated.

    Parameters
    ----------
    fleet : tuple of FleetView
        Open ones; what is open in single recommenders and no part of them is in `open`.
    """

    now: datetime
    headline: State
    fleet: tuple[FleetView, ...]
    open: tuple[IncidentView, ...]
    recommenders: tuple[RecommenderView, ...]
    trouble: tuple[EvaluationView, ...]
    closed: tuple[IncidentView, ...]


@dataclass(frozen=True)
class RecommenderPage:
    now: datetime
    recommender: RecommenderView
    fleet: tuple[IncidentView, ...]  # open ones of which something here is a part
    open: tuple[IncidentView, ...]
    others: tuple[IncidentView, ...]
    findings_of: EvaluationView | None
    slices: tuple[SliceView, ...]
    slices_left_out: int
    evaluations: tuple[EvaluationView, ...]
    older_trouble: tuple[EvaluationView, ...]
    parquet: bool  # whether measurements can be had as that


@dataclass(frozen=True)
class Said:
    """What somebody said of an incident."""

    what: str
    who: str
    at: datetime


@dataclass(frozen=True)
class IncidentPage:
    """An incident with its course, and where it comes from in the last window that showed it.

    Parameters
    ----------
    parts : tuple of IncidentView
        Of an incident of the fleet.
    whole : IncidentView or None
        The incident of the fleet that this one is a part of.
    """

    now: datetime
    incident: IncidentView
    recommender: RecommenderView | None
    chart: Chart | None
    contributions: tuple[Contribution, ...]
    said: tuple[Said, ...]
    cost: str
    parts: tuple[IncidentView, ...]
    whole: IncidentView | None


@dataclass(frozen=True)
class HistoryPage:
    """Evaluations, the newest first; `earlier` is where the next page begins."""

    now: datetime
    recommender: str
    evaluations: tuple[EvaluationView, ...]
    is_later_page: bool
    earlier: datetime | None
