"""The OpenAPI description of the JSON API."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": ["number", "null"]}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
ANY: Schema = {"type": "object"}


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _or_null(of: Schema) -> Schema:
    return {"oneOf": [of, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": list(properties), "properties": properties}


STATUS: Schema = {"enum": ["evaluated", "no_data", "refused", "failed", "skipped"]}
VERDICT: Schema = {"enum": ["ok", "breach", "no_data", "too_few", "error"]}
SEVERITY: Schema = {"enum": ["page", "ticket"]}

SCHEMAS: dict[str, Schema] = {
    "Error": _object(error=TEXT),
    "Window": _object(start=MOMENT, end=MOMENT),
    "CannotMeasure": _object(measure=TEXT, why=TEXT),
    "Standing": _object(
        recommender=TEXT,
        state=TEXT,
        why=TEXT,
        known={
            **FLAG,
            "description": "Whether its newest window was evaluated; what is not known is never fine.",
        },
        window=_or_null(_ref("Window")),
        status=_or_null(STATUS),
        last_success_at=_or_null(MOMENT),
        newest_event=_or_null(MOMENT),
        open_incidents=_list(TEXT),
        acknowledged=_list(TEXT),
        notes=_list(TEXT),
    ),
    "Evaluation": _object(
        recommender=TEXT,
        window=_ref("Window"),
        status=STATUS,
        reason=TEXT,
        attempt=COUNT,
        told_at=MOMENT,
        evaluated_at=MOMENT,
        rows=COUNT,
        requests=COUNT,
        bytes_read=COUNT,
        sampling_rate=NUMBER,
        seconds={"type": "object", "additionalProperties": NUMBER},
        failures=TEXTS,
        cannot_measure=_list(_ref("CannotMeasure")),
        quarantined=_list(_object(path=TEXT, reason=TEXT)),
        incidents=_list(TEXT),
    ),
    "Judged": _object(
        slice=TEXTS,
        detector=TEXT,
        measure=TEXT,
        value=NUMBER,
        error=NUMBER,
        n=NUMBER,
        expected=NUMBER,
        low=NUMBER,
        high=NUMBER,
        limit=NUMBER,
        limit_of={"enum": ["history", "floor", ""]},
        margin={**NUMBER, "description": "How far inside the limit the value is; negative beyond it."},
        verdict=VERDICT,
        excluded=FLAG,
        evidence=ANY,
    ),
    "Acknowledgement": _object(incident_id=TEXT, at=MOMENT, who=TEXT, why=TEXT),
    "Feedback": _object(incident_id=TEXT, at=MOMENT, useful=FLAG, who=TEXT),
    "Symptom": _object(
        detector=TEXT,
        measure=TEXT,
        slice=TEXTS,
        value=NUMBER,
        expected=NUMBER,
        summary=TEXT,
        severity=SEVERITY,
    ),
    "StoredIncident": _object(
        schema_version=COUNT,
        id=TEXT,
        recommender=TEXT,
        labels=TEXTS,
        severity=SEVERITY,
        detector=TEXT,
        measure=TEXT,
        slice=TEXTS,
        culprit=TEXTS,
        summary=TEXT,
        onset_at=MOMENT,
        opened_at=MOMENT,
        resolved_at=_or_null(MOMENT),
        before=ANY,
        after=ANY,
        affected={"type": "object", "additionalProperties": NUMBER},
        model_version=_or_null(TEXT),
        evidence=ANY,
        symptoms=_list(_ref("Symptom")),
        resolution=_or_null({"enum": ["recovered", "intended", "escalated", "retracted"]}),
        silent={**FLAG, "description": "Found in replayed history, told to nobody."},
        parts={
            **_list(_object(recommender=TEXT, incident=TEXT, opened_at=MOMENT)),
            "description": "Of an incident of the fleet, whose recommender is (fleet): those that it tells of.",
        },
        url=TEXT,
    ),
    "Incident": {
        "allOf": [
            _ref("StoredIncident"),
            _object(
                acknowledgements=_list(_ref("Acknowledgement")),
                feedback=_list(_ref("Feedback")),
                part_of={**_or_null(TEXT), "description": "The incident of the fleet that it is a part of."},
            ),
        ]
    },
    "Lost": _object(amount=NUMBER, low=NUMBER, high=NUMBER),
    "Cost": {
        **_object(
            clicks=_or_null(_ref("Lost")),
            money=_or_null(_ref("Lost")),
            rows=COUNT,
            start=_or_null(MOMENT),
            end=_or_null(MOMENT),
            partly=_or_null(TEXT),
            cannot_estimate=_or_null(TEXT),
        ),
        "description": "What did not come that usually would have, within an interval of 95 %; or why nobody can say.",
    },
    "IncidentInFull": {"allOf": [_ref("Incident"), _object(cost=_ref("Cost"))]},
    "Explanation": _object(
        schema_version=COUNT,
        recommender=TEXT,
        at=MOMENT,
        window=_or_null(_ref("Window")),
        status=_or_null(STATUS),
        reason=TEXT,
        told_at=_or_null(MOMENT),
        evaluated_at=_or_null(MOMENT),
        attempt=COUNT,
        answer=_list(TEXT),
        judged=_list(_ref("Judged")),
        failures=TEXTS,
        cannot_measure=_list(_ref("CannotMeasure")),
        incidents=_list(_ref("StoredIncident")),
        acknowledgements=_list(_ref("Acknowledgement")),
        rebaselines=_list(TEXT),
    ),
    "Measurements": _object(columns=_list(TEXT), rows=_list({"type": "array"})),
    "Measure": _object(detector=TEXT, measure=TEXT, unit=TEXT, help=TEXT, metric=TEXT),
}


def _asked(name: str, schema: Schema, description: str, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": description}


def _in_path(name: str, description: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": TEXT, "description": description}


NAME = _in_path("name", "The recommender; slashes in it stay slashes.")
SINCE = _asked("since", MOMENT, "From this moment on.")
UNTIL = _asked("until", MOMENT, "Before this moment.")
LIMIT = _asked(
    "limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "At most so many."
)
SLICE = _asked("slice", TEXT, "Only this slice, such as country=DE,surface=email; all is the whole.")
DETECTOR = _asked("detector", TEXT, "Only this detector.")
MEASURE = _asked("measure", TEXT, "Only this measure, by its full name.")
OF_MEASUREMENTS = (NAME, SINCE, UNTIL, SLICE, DETECTOR, MEASURE)
SWITCH: Schema = {"type": "boolean", "default": False}


def _get(summary: str, schema: Schema, *parameters: Schema, kind: str = "application/json") -> Schema:
    wrong = {
        code: {"description": text, "content": {"application/json": {"schema": _ref("Error")}}}
        for code, text in (
            ("400", "Something asked for makes no sense."),
            ("404", "There is no such thing."),
            ("503", "The store cannot be read."),
        )
    }
    good = {"description": summary, "content": {kind: {"schema": schema}}}
    return {"get": {"summary": summary, "parameters": list(parameters), "responses": {"200": good, **wrong}}}


PATHS: dict[str, Schema] = {
    "/api/v1/recommenders": _get("How every recommender stands.", _list(_ref("Standing"))),
    "/api/v1/recommenders/{name}/evaluations": _get(
        "Evaluations in every state, the newest first.", _list(_ref("Evaluation")), NAME, SINCE, UNTIL, LIMIT
    ),
    "/api/v1/recommenders/{name}/explain": _get(
        "Why this page, or why no page: what was judged in the window that holds a moment.",
        _ref("Explanation"),
        NAME,
        _asked("at", MOMENT, "The moment.", required=True),
        SLICE,
        DETECTOR,
    ),
    "/api/v1/recommenders/{name}/measurements": _get(
        "Measurements of up to 31 days, the last day unless said otherwise.",
        _ref("Measurements"),
        *OF_MEASUREMENTS,
    ),
    "/api/v1/recommenders/{name}/measurements.csv": _get(
        "The same as CSV; texts that a spreadsheet would work out have an apostrophe before them.",
        TEXT,
        *OF_MEASUREMENTS,
        kind="text/csv",
    ),
    "/api/v1/recommenders/{name}/measurements.parquet": _get(
        "The same as Parquet: times in UTC, NaN where there is no number. One is made at a time.",
        {"type": "string", "format": "binary"},
        *OF_MEASUREMENTS,
        kind="application/vnd.apache.parquet",
    ),
    "/api/v1/incidents": _get(
        "Incidents, the newest first.",
        _list(_ref("Incident")),
        _asked("recommender", TEXT, "Only of this recommender."),
        _asked("open", SWITCH, "Only those that are open."),
        _asked("since", MOMENT, "Without those that were over before."),
        _asked("all", SWITCH, "Also those of replayed history, told to nobody."),
        LIMIT,
    ),
    "/api/v1/incidents/{id}": _get(
        "An incident with its evidence, what it has cost so far, and what people said of it.",
        _ref("IncidentInFull"),
        _in_path("id", "The incident."),
    ),
    "/api/v1/detectors": _get("What the detectors measure.", _list(_ref("Measure"))),
}


def document(version: str, prefix: str) -> Schema:
    """The whole description.

    Parameters
    ----------
    version : str
        Of recwatch.
    prefix : str
        Path under which people reach it.
    """
    about = "Everything that the pages show, read only. User ids are nowhere in it."
    return {
        "openapi": "3.1.0",
        "info": {"title": "recwatch", "version": version, "description": about},
        "servers": [{"url": prefix or "/"}],
        "paths": PATHS,
        "components": {"schemas": SCHEMAS},
    }
