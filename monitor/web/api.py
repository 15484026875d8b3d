"""The JSON API under /api/v1: everything that the pages show, for programs; described by /api/v1/openapi.json."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from monitor.errors import RecwatchError, StoreError, UserError
from monitor.evaluation import Evaluation
from monitor.exposition.catalogue import metric_name
from monitor.exposition.labels import printable
from monitor.incidents.fleet import FLEET, by_part
from monitor.incidents.incident import Incident
from monitor.reading.cost import cost_of
from monitor.reading.explanation import explain
from monitor.reading.standing import standings
from monitor.web.measurements import COLUMNS, measurements
from monitor.web.openapi import document
from monitor.web.sources import Sources

MOST = 1000  # evaluations or incidents in one answer
LONGEST = timedelta(days=31)  # of measurements in one answer
USUAL = timedelta(days=1)
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # beginnings that a spreadsheet would work out
PARQUET = "application/vnd.apache.parquet"
PIECE = 64 * 1024  # bytes of a file that are sent at one time


class Api:
    """Answers in JSON; for measurements in CSV and Parquet too.

    Parameters
    ----------
    sources : Sources
    version : str
        Of recwatch.
    prefix : str
        Path under which people reach the page.
    """

    def __init__(self, sources: Sources, version: str, prefix: str) -> None:
        self._sources, self._document = sources, document(version, prefix)

    def routes(self) -> list[Route]:
        """Of the application."""
        name = "/api/v1/recommenders/{name:path}"
        found: list[tuple[str, Callable[[Request], Response]]] = [
            ("/api/v1/openapi.json", self.openapi),
            ("/api/v1/recommenders", self.recommenders),
            (f"{name}/evaluations", self.evaluations),
            (f"{name}/explain", self.explain),
            (f"{name}/measurements.csv", self.measurements_csv),
            (f"{name}/measurements.parquet", self.measurements_parquet),
            (f"{name}/measurements", self.measurements),
            ("/api/v1/incidents", self.incidents),
            ("/api/v1/incidents/{id:path}", self.incident),
            ("/api/v1/detectors", self.detectors),
            ("/api/v1/{rest:path}", self.nothing),
        ]
        return [Route(path, _told(method)) for path, method in found]

    def openapi(self, request: Request) -> Response:
        return _json(self._document)

    def nothing(self, request: Request) -> Response:
        return _error(404, "There is nothing at this address; see /api/v1/openapi.json.")

    def recommenders(self, request: Request) -> Response:
        s = self._sources
        return _json([found.to_json() for found in standings(s.records, s.now(), s.recommenders())])

    def evaluations(self, request: Request) -> Response:
        name = self._known(request)
        limit = _number(request, "limit", 100)
        found = self._sources.records.evaluations(
            name,
            since=_moment(request, "since"),
            until=_moment(request, "until"),
            limit=limit,
            newest_first=True,
            with_findings=False,
        )
        return _json([_evaluation(e) for e in found])

    def explain(self, request: Request) -> Response:
        name = self._known(request)
        at = _moment(request, "at")
        if at is None:
            raise UserError("at: say which moment, such as 2026-03-14T05:00Z")
        asked = request.query_params
        found = explain(
            self._sources.records,
            name,
            at,
            slice=asked.get("slice"),
            detector=asked.get("detector"),
            settings=self._sources.limits_of(name),
        )
        return _json(found.to_json())

    def measurements(self, request: Request) -> Response:
        rows = self._rows(request)

        def parts() -> Iterator[str]:
            yield json.dumps({"columns": COLUMNS})[:-1] + ', "rows": ['
            for i, row in enumerate(rows):
                yield (",\n" if i else "\n") + json.dumps(_finite(row))
            yield "]}\n"

        return StreamingResponse(parts(), media_type="application/json")

    def measurements_csv(self, request: Request) -> Response:
        rows = self._rows(request)

        def parts() -> Iterator[str]:
            out = io.StringIO()
            writer = csv.writer(out)
            writer.writerow(COLUMNS)
            for row in rows:
                writer.writerow([_cell(value) for value in row])
                if out.tell() > 65536:
                    yield out.getvalue()
                    out.seek(0)
                    out.truncate()
            yield out.getvalue()

        headers = {"content-disposition": 'attachment; filename="measurements.csv"'}
        return StreamingResponse(parts(), media_type="text/csv; charset=utf-8", headers=headers)

    def measurements_parquet(self, request: Request) -> Response:
        asked = self._asked(request)
        if self._sources.parquet is None:
            return _error(503, "Here nothing makes Parquet files; ask for measurements.csv.")
        try:
            file = self._sources.parquet(*asked)
        except RecwatchError as error:
            return _error(503, str(error))

        def parts() -> Iterator[bytes]:
            with file:
                while piece := file.read(PIECE):
                    yield piece

        headers = {"content-disposition": 'attachment; filename="measurements.parquet"'}
        return StreamingResponse(parts(), media_type=PARQUET, headers=headers)

    def incidents(self, request: Request) -> Response:
        asked = request.query_params
        found = self._sources.records.incidents(
            asked.get("recommender"),
            open_only=_flag(request, "open"),
            since=_moment(request, "since"),
            include_silent=_flag(request, "all"),
        )
        wholes = by_part(self._sources.records.incidents(FLEET))
        limit = _number(request, "limit", 100)
        return _json([self._with_said(i, wholes) for i in list(found)[:limit]])

    def incident(self, request: Request) -> Response:
        found = self._sources.records.incident(request.path_params["id"])
        if found is None:
            return _error(404, "There is no such incident; those closed for long are removed.")
        cost = cost_of(self._sources.records, found).to_json()
        wholes = by_part(self._sources.records.incidents(FLEET))
        return _json({**self._with_said(found, wholes), "cost": cost})

    def detectors(self, request: Request) -> Response:
        infos = sorted(self._sources.catalogue().values(), key=lambda info: info.name)
        return _json(
            [
                {
                    "detector": i.detector,
                    "measure": i.name,
                    "unit": i.unit,
                    "help": i.help,
                    "metric": metric_name(i),
                }
                for i in infos
            ]
        )

    def _known(self, request: Request) -> str:
        name: str = request.path_params["name"]
        if self._sources.config(name) is None and name not in self._sources.records.recommenders():
            raise HTTPException(404, "Nothing is known of a recommender of this name.")
        return name

    def _with_said(self, incident: Incident, wholes: Mapping[str, Incident]) -> dict[str, Any]:
        """With what people said of it, and the incident of the fleet that it is a part of."""
        records = self._sources.records
        said = [{**vars(a), "at": a.at.isoformat()} for a in records.acknowledgements([incident.id])]
        thought = [{**vars(f), "at": f.at.isoformat()} for f in records.feedback([incident.id])]
        whole = wholes.get(incident.id)
        more = {"acknowledgements": said, "feedback": thought, "part_of": whole.id if whole else None}
        return {**incident.to_json(), **more}

    def _rows(self, request: Request) -> Iterator[list[Any]]:
        """Measurements of the windows asked for, checked before the first is read."""
        asked = self._asked(request)
        parts = measurements(self._sources.records, *asked)
        return ([_iso(row[0]), _iso(row[1]), *row[2:]] for part in parts for row in part)

    def _asked(self, request: Request) -> tuple[str, datetime, datetime, dict[str, str]]:
        """Of which recommender, from when to when, and which of its measurements."""
        name, asked = self._known(request), request.query_params
        until = _moment(request, "until") or self._sources.now()
        since = _moment(request, "since") or until - USUAL
        if not timedelta(0) < until - since <= LONGEST:
            raise UserError(
                f"since, until: ask for up to {LONGEST.days} days at one time, the end after the start"
            )
        return (
            name,
            since,
            until,
            {key: asked[key] for key in ("slice", "detector", "measure") if key in asked},
        )


def _evaluation(e: Evaluation) -> dict[str, Any]:
    read = e.read
    return {
        "recommender": e.recommender,
        "window": {"start": _iso(e.window.start), "end": _iso(e.window.end)},
        "status": e.status.value,
        "reason": e.reason,
        "attempt": e.attempt,
        "told_at": _iso(e.told_at),
        "evaluated_at": _iso(e.evaluated_at),
        "rows": read.rows,
        "requests": read.requests,
        "bytes_read": read.bytes_read,
        "sampling_rate": read.sampling_rate,
        "seconds": e.seconds,
        "failures": e.failures,
        "cannot_measure": [vars(c) for c in e.cannot_measure],
        "quarantined": [{"path": q.path, "reason": q.reason} for q in read.quarantined],
        "incidents": [i.id for i in e.open_incidents],
    }


def _told(method: Callable[[Request], Response]) -> Callable[[Request], Response]:
    """The same with every mistake told in JSON."""

    def answer(request: Request) -> Response:
        try:
            return method(request)
        except HTTPException as error:
            return _error(error.status_code, error.detail)
        except UserError as error:
            return _error(400, str(error))
        except StoreError as error:
            return _error(503, f"What recwatch found cannot be read: {error}")
        except RecwatchError as error:
            return _error(500, str(error))

    return answer


def _error(status: int, text: str) -> Response:
    return _json({"error": printable(text, 400)}, status)


def _json(found: Any, status: int = 200) -> Response:
    return JSONResponse(_finite(found), status)


def _finite(found: Any) -> Any:
    """As JSON has it: what is not a number is null."""
    if isinstance(found, dict):
        return {key: _finite(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [_finite(value) for value in found]
    return None if isinstance(found, float) and not math.isfinite(found) else found


def _cell(value: Any) -> Any:
    """What a spreadsheet shows as text stays text."""
    if isinstance(value, str):
        value = printable(value, 1000)
        return f"'{value}" if value.startswith(FORMULA) else value
    if isinstance(value, bool):
        return int(value)
    return "" if isinstance(value, float) and not math.isfinite(value) else value


def _moment(request: Request, key: str) -> datetime | None:
    text = request.query_params.get(key)
    return moment_of(text) if text else None


def moment_of(text: str) -> datetime:
    """A moment of an address, in UTC unless it says otherwise.

    Raises
    ------
    UserError
        When it is none.
    """
    try:
        text = text.replace(" ", "+") if "T" in text else text  # a plus sign that was not escaped
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(f"{printable(text, 60)} is no moment: write 2026-03-14T05:00Z") from None


def _number(request: Request, key: str, default: int) -> int:
    text = request.query_params.get(key, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST):
        raise UserError(f"{key}: write a number from 1 to {MOST}")
    return int(text)


def _flag(request: Request, key: str) -> bool:
    text = request.query_params.get(key, "false")
    if text not in ("true", "false"):
        raise UserError(f"{key}: write true or false")
    return text == "true"


def _iso(at: datetime) -> str:
    return at.isoformat()
