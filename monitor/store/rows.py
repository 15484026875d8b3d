"""Evaluations and incidents as rows, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from detectors.core.verdict import Severity
from monitor.errors import StoreError
from monitor.evaluation import (
    CannotMeasure,
    Evaluation,
    FileSeen,
    Status,
    read_report_from_json,
    read_report_to_json,
)
from monitor.findings import Findings
from monitor.incidents.incident import Incident
from monitor.windows import Window


@dataclass(frozen=True)
class WindowState:
    """What the scheduler needs of an evaluation to know whether its window is due again."""

    window: Window
    status: Status
    attempt: int
    rows: int
    files: tuple[FileSeen, ...]
    evaluated_at: datetime


@dataclass(frozen=True)
class Told:
    """One thing that people were told, once: `what` is "opened", "resolved" or "retracted".

    `at` is when the evaluation that gave reason to it was made, by the daemon's clock.
    """

    incident_id: str
    recommender: str
    what: str
    at: datetime
    severity: Severity


def evaluation_to_row(evaluation: Evaluation) -> dict[str, Any]:
    """The columns of `evaluations`; the summary has a table of its own."""
    read = evaluation.read
    report = read_report_to_json(replace(read, files=()))
    return {
        "recommender": evaluation.recommender,
        "window_start": evaluation.window.start,
        "window_end": evaluation.window.end,
        "status": evaluation.status.value,
        "attempt": evaluation.attempt,
        "told_at": evaluation.told_at,
        "evaluated_at": evaluation.evaluated_at,
        "rows": read.rows,
        "bytes_read": read.bytes_read,
        "sampling_rate": read.sampling_rate,
        "reason": evaluation.reason,
        "seconds": evaluation.seconds,
        "failures": evaluation.failures,
        "cannot_measure": [[c.measure, c.why] for c in evaluation.cannot_measure],
        "read": report,
        "open_incidents": [incident.to_json() for incident in evaluation.open_incidents],
        "files": [[f.path, f.size, f.modified_us] for f in read.files],
        "findings": evaluation.findings.to_bytes(),
    }


def row_to_evaluation(row: Row[Any], *, summary: bytes | None = None) -> Evaluation:
    """Read what `evaluation_to_row` made; a row without the column `findings` gets none.

    Raises
    ------
    StoreError
        When the row is damaged.
    """
    columns = row._mapping
    window = Window(row.window_start, row.window_end)
    try:
        read = read_report_from_json(row.read)
        return Evaluation(
            recommender=row.recommender,
            window=window,
            status=Status(row.status),
            told_at=row.told_at,
            evaluated_at=row.evaluated_at,
            reason=row.reason,
            attempt=row.attempt,
            read=replace(read, files=files_from_json(row.files)),
            findings=Findings.from_bytes(row.findings) if "findings" in columns else Findings(),
            seconds=row.seconds,
            failures=row.failures,
            cannot_measure=tuple(CannotMeasure(*c) for c in row.cannot_measure),
            open_incidents=tuple(Incident.from_json(i) for i in row.open_incidents),
            summary=summary,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"the evaluation of {row.recommender!r} for the window from {window.start.isoformat()} "
            f"cannot be read: {error}"
        ) from error


def row_to_state(row: Row[Any]) -> WindowState:
    """The light form of an evaluation."""
    return WindowState(
        window=Window(row.window_start, row.window_end),
        status=Status(row.status),
        attempt=row.attempt,
        rows=row.rows,
        files=files_from_json(row.files),
        evaluated_at=row.evaluated_at,
    )


def files_from_json(files: list[list[Any]]) -> tuple[FileSeen, ...]:
    """Read the column `files`."""
    return tuple(FileSeen(*file) for file in files)


def incident_to_row(incident: Incident, mentioned_in: datetime) -> dict[str, Any]:
    """The columns of `incidents`; `mentioned_in` is the start of the newest window that names it."""
    return {
        "id": incident.id,
        "recommender": incident.recommender,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "silent": incident.silent,
        "mentioned_in": mentioned_in,
        "incident": incident.to_json(),
    }


def incident_from_json(document: dict[str, Any]) -> Incident:
    """Read the column `incident`.

    Raises
    ------
    StoreError
        When it is damaged.
    """
    try:
        return Incident.from_json(document)
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"the incident {document.get('id')!r} cannot be read: {error}") from error


def row_to_told(row: Row[Any]) -> Told:
    """Read a row of `told`."""
    return Told(row.incident_id, row.recommender, row.what, row.at, Severity(row.severity))
