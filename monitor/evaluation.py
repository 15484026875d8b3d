"""An evaluation: one window of one recommender, judged. The row that the store keeps, and what its readers show."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from monitor.findings import Findings
from monitor.incidents.incident import Incident
from monitor.windows import Window


class Status(StrEnum):
    """How an evaluation ended. Only `EVALUATED` says anything about the recommender."""

    EVALUATED = "evaluated"
    NO_DATA = "no_data"  # the log has no rows of this window
    REFUSED = "refused"  # over budget
    FAILED = "failed"  # could not be read or evaluated
    SKIPPED = "skipped"  # left out by bounded catch-up


@dataclass(frozen=True)
class Quarantined:
    """A file, or lines of one, that could not be used."""

    path: str
    reason: str
    rows: int  # lines or rows left out; 0 when the whole file was


@dataclass(frozen=True)
class FileSeen:
    """A file of the window as it was when read: later looks notice late rows by it."""

    path: str
    size: int
    modified_us: int


@dataclass(frozen=True)
class CatalogSeen:
    """The catalogue as it was when the window was measured; `remarks` are sentences without a stop."""

    items: int
    repeated: int = 0  # rows left out because their id had come before
    modified: datetime | None = None
    remarks: tuple[str, ...] = ()


class OutcomesState(StrEnum):
    """What became of the outcomes' own log in a window."""

    READ = "read"
    LATE = "late"  # it ends before the outcomes that are waited for: late, or stopped
    MISSING = "missing"  # it cannot be read
    REFUSED = "refused"  # over budget


@dataclass(frozen=True)
class OutcomesSeen:
    """The outcomes' own log, as it was when the window was measured.

    Parameters
    ----------
    why : str
        Empty when it was read.
    start, end : datetime
        Of the requests whose outcomes these are.
    rows : int
        Outcomes that were kept, of these requests and others.
    logged : mapping of kind to int
        Outcomes that happened from `start` to `end`.
    sampling_rate : float
        Share of the requests whose outcomes were kept.
    """

    state: OutcomesState
    why: str
    start: datetime
    end: datetime
    rows: int = 0
    logged: dict[str, int] = field(default_factory=dict)
    files: tuple[FileSeen, ...] = ()
    bytes_read: int = 0
    sampling_rate: float = 1.0


@dataclass(frozen=True)
class ReadReport:
    """What reading the window took and left out. Counts are of the window, before sampling, unless they say so."""

    files: tuple[FileSeen, ...] = ()
    bytes_read: int = 0
    rows_read: int = 0  # decoded, of any time
    rows: int = 0  # of this window
    requests: int = 0
    rows_sampled: int = 0  # rows behind the sampled statistics
    sampling_rate: float = 1.0
    rows_late: int = 0  # more than at the evaluation before
    rows_future: int = 0  # later than the clock allows
    rows_past: int = 0  # implausibly long ago
    rows_repeated: int = 0  # the same request, position and item once more
    quarantined: tuple[Quarantined, ...] = ()
    waiting: tuple[str, ...] = ()  # files that are still being written
    newest_event: datetime | None = None
    catalog: CatalogSeen | None = None
    outcomes: OutcomesSeen | None = None


@dataclass(frozen=True)
class CannotMeasure:
    """A measure that this log does not allow, and why."""

    measure: str
    why: str


@dataclass(frozen=True)
class Evaluation:
    """One window of one recommender, judged.

    Parameters
    ----------
    told_at : datetime
        When what was found could first be told: the window's end plus `settle`.
    evaluated_at : datetime
        When the work was done, by the daemon's clock.
    seconds : mapping of stage to float
        How long reading, measuring and judging took.
    failures : mapping of detector to text
        Detectors that raised or ran out of time, with what they said.
    open_incidents : tuple of Incident
        Incidents open after this window, and those closed in it: the state from which the next window goes on.
    summary : bytes or None
        The window's statistics, kept for the last windows only.
    rebaselines : int
        How many changes that are meant it was judged by; not kept.
    """

    recommender: str
    window: Window
    status: Status
    told_at: datetime
    evaluated_at: datetime
    reason: str = ""
    attempt: int = 1
    read: ReadReport = field(default_factory=ReadReport)
    findings: Findings = field(default_factory=Findings)
    seconds: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    cannot_measure: tuple[CannotMeasure, ...] = ()
    open_incidents: tuple[Incident, ...] = ()
    summary: bytes | None = None
    rebaselines: int = 0


def read_report_to_json(report: ReadReport) -> dict[str, Any]:
    """JSON types only; `read_report_from_json` reads it back."""
    out = asdict(report)
    out["newest_event"] = report.newest_event.isoformat() if report.newest_event else None
    if report.catalog and report.catalog.modified:
        out["catalog"]["modified"] = report.catalog.modified.isoformat()
    if report.outcomes:
        out["outcomes"] |= {name: getattr(report.outcomes, name).isoformat() for name in ("start", "end")}
    return out


def read_report_from_json(data: dict[str, Any]) -> ReadReport:
    """Read what `read_report_to_json` wrote."""
    return ReadReport(
        **{
            **data,
            "files": tuple(FileSeen(**f) for f in data["files"]),
            "quarantined": tuple(Quarantined(**q) for q in data["quarantined"]),
            "waiting": tuple(data["waiting"]),
            "newest_event": datetime.fromisoformat(data["newest_event"]) if data["newest_event"] else None,
            "catalog": _catalog_from_json(data.get("catalog")),
            "outcomes": _outcomes_from_json(data.get("outcomes")),
        }
    )


def _catalog_from_json(data: dict[str, Any] | None) -> CatalogSeen | None:
    if data is None:
        return None
    modified = datetime.fromisoformat(data["modified"]) if data["modified"] else None
    return CatalogSeen(data["items"], data["repeated"], modified, tuple(data["remarks"]))


def _outcomes_from_json(data: dict[str, Any] | None) -> OutcomesSeen | None:
    if data is None:
        return None
    times = {name: datetime.fromisoformat(data[name]) for name in ("start", "end")}
    files = tuple(FileSeen(**f) for f in data["files"])
    return OutcomesSeen(**{**data, **times, "files": files, "state": OutcomesState(data["state"])})
