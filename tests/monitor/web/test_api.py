"""The JSON API: its description is valid, every answer is as described, and says what the store says."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from monitor.daemon.downloads import Downloads
from monitor.evaluation import Status
from monitor.store.said import Acknowledgement, Feedback
from tests.monitor.factories import (
    HOUR,
    NOON,
    config,
    evaluation,
    failed_evaluation,
    finding,
    findings,
    incident,
    stuck_evaluation,
)
from tests.monitor.web.browser import SOON, Site

ID = "home-same_item-3f9c1a"
EVALUATIONS = [
    evaluation(end=NOON - 2 * HOUR),
    failed_evaluation(end=NOON - HOUR, failures={"lists": "it broke"}),
    stuck_evaluation(),
    evaluation("email/DE", end=NOON, status=Status.NO_DATA),
]
PATHS = {
    "/api/v1/recommenders": "/api/v1/recommenders",
    "/api/v1/recommenders/home/evaluations": "/api/v1/recommenders/{name}/evaluations",
    "/api/v1/recommenders/email/DE/evaluations": "/api/v1/recommenders/{name}/evaluations",
    "/api/v1/recommenders/home/explain?at=2026-03-14T11:30Z": "/api/v1/recommenders/{name}/explain",
    "/api/v1/recommenders/home/explain?at=2026-03-14T10:30Z": "/api/v1/recommenders/{name}/explain",
    "/api/v1/recommenders/home/explain?at=2020-01-01": "/api/v1/recommenders/{name}/explain",
    "/api/v1/recommenders/home/measurements": "/api/v1/recommenders/{name}/measurements",
    "/api/v1/incidents": "/api/v1/incidents",
    "/api/v1/incidents?open=true&recommender=home&limit=1&since=2026-03-01T00:00:00+00:00": "/api/v1/incidents",
    f"/api/v1/incidents/{ID}": "/api/v1/incidents/{id}",
    "/api/v1/detectors": "/api/v1/detectors",
}


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(EVALUATIONS, [config(), config("email/DE")]) as site:
        site.store.acknowledge(Acknowledgement(ID, SOON, "ann", "rolling back"))
        site.store.give_feedback(Feedback(ID, SOON, True, "ann"))
        yield site


def json(site: Site, path: str, code: int = 200) -> Any:
    answer = site.ask(path)
    assert answer.status_code == code, answer.text
    return answer.json()


def checker(description: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": description["components"]})


def test_the_description_is_valid_and_names_every_route(site: Site) -> None:
    description = json(site, "/api/v1/openapi.json")
    validate(description)
    routes = {route.path.replace(":path}", "}") for route in site.app.routes}  # type: ignore[attr-defined]
    routes = {path for path in routes if path.startswith("/api/")} - {
        "/api/v1/openapi.json",
        "/api/v1/{rest}",
    }
    assert set(description["paths"]) == routes


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_as_described(site: Site, path: str) -> None:
    description = json(site, "/api/v1/openapi.json")
    answers = description["paths"][PATHS[path]]["get"]["responses"]
    checker(description, answers["200"]["content"]["application/json"]["schema"]).validate(json(site, path))


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/api/v1/recommenders/none/evaluations", 404, "Nothing is known of a recommender of this name."),
        ("/api/v1/recommenders/home/explain", 400, "at: say which moment, such as 2026-03-14T05:00Z"),
        ("/api/v1/recommenders/home/explain?at=noon", 400, "noon is no moment: write 2026-03-14T05:00Z"),
        ("/api/v1/recommenders/home/evaluations?limit=0", 400, "limit: write a number from 1 to 1000"),
        ("/api/v1/recommenders/home/evaluations?limit=99999999999999", 400, "limit: write a number from 1 to 1000"),
        ("/api/v1/recommenders/home/measurements?since=2020-01-01", 400, "since, until: ask for up to 31 days"),
        ("/api/v1/recommenders/home/measurements.csv?since=2030-01-01", 400, "the end after the start"),
        ("/api/v1/incidents?open=1", 400, "open: write true or false"),
        ("/api/v1/incidents/none", 404, "There is no such incident"),
        ("/api/v1/nothing", 404, "There is nothing at this address"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_json(site: Site, path: str, code: int, words: str) -> None:
    found = json(site, path, code)
    assert set(found) == {"error"}
    assert words in found["error"]


def test_nothing_can_be_changed(site: Site) -> None:
    for path in PATHS:
        assert site.ask(path, "POST").status_code == 405


def test_evaluations_come_in_every_state_the_newest_first(site: Site) -> None:
    found = json(site, "/api/v1/recommenders/home/evaluations")
    assert [(e["status"], e["failures"]) for e in found] == [
        ("evaluated", {}), ("failed", {"lists": "it broke"}), ("evaluated", {}),
    ]  # fmt: skip
    assert found[1]["reason"] == "no file of the window could be read"
    assert found[0]["incidents"] == [ID]
    [only] = json(site, "/api/v1/recommenders/home/evaluations?until=2026-03-14T11:00:00Z&limit=1")
    assert only["status"] == "failed"


def test_an_incident_is_what_the_store_has_and_what_people_said(site: Site) -> None:
    found = json(site, f"/api/v1/incidents/{ID}")
    said = {"incident_id": ID, "at": SOON.isoformat(), "who": "ann"}
    assert found == {
        **incident().to_json(),
        "acknowledgements": [{**said, "why": "rolling back"}],
        "feedback": [{**said, "useful": True}],
        "part_of": None,
        "cost": {
            **dict.fromkeys(("clicks", "money", "start", "end", "partly")),
            "rows": 0,
            "cannot_estimate": "clicks are not measured in its place",
        },
    }
    assert json(site, "/api/v1/incidents?recommender=email/DE") == []


def test_measurements_are_the_same_in_json_and_csv_and_those_of_the_store(site: Site) -> None:
    table = json(site, "/api/v1/recommenders/home/measurements")
    stored = [(e.window.start.isoformat(), f) for e in EVALUATIONS[:3] for f in e.findings]
    columns = table["columns"]
    rows = [dict(zip(columns, row, strict=True)) for row in table["rows"]]
    assert [(r["window_start"], r["slice"], r["measure"], r["verdict"]) for r in rows] == [
        (start, f.slice, f.measure, f.verdict.name.lower()) for start, f in stored
    ]
    assert rows[0]["value"] == stored[0][1].value
    text = site.ask("/api/v1/recommenders/home/measurements.csv")
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.headers["content-disposition"] == 'attachment; filename="measurements.csv"'
    read = list(csv.DictReader(io.StringIO(text.text)))
    assert [r["measure"] for r in read] == [r["measure"] for r in rows]
    assert [float(r["value"]) if r["value"] else None for r in read] == [r["value"] for r in rows]


def test_measurements_are_chosen_by_slice_detector_and_measure(site: Site) -> None:
    for asked, count in (("slice=surface%3Demail", 3), ("detector=traffic", 3), ("measure=traffic.requests", 3),
                         ("measure=traffic.requests&slice=all&until=2026-03-14T11:00Z", 1)):  # fmt: skip
        assert len(json(site, f"/api/v1/recommenders/home/measurements?{asked}")["rows"]) == count, asked


def test_many_windows_are_read_piece_by_piece(site: Site) -> None:
    many = [evaluation(end=NOON - i * HOUR) for i in range(60)]
    with Site(many) as longer:
        since = (NOON - timedelta(days=5)).isoformat().replace("+00:00", "Z")
        asked = f"since={since}&measure=traffic.requests&slice=all"
        rows = json(longer, f"/api/v1/recommenders/home/measurements?{asked}")["rows"]
    assert len(rows) == 60
    assert rows == sorted(rows)


def test_a_parquet_file_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    path = "/api/v1/recommenders/home/measurements.parquet"
    with Site(EVALUATIONS) as site:
        assert json(site, path, 503) == {
            "error": "Here nothing makes Parquet files; ask for measurements.csv."
        }
    with Site(EVALUATIONS, parquet=Downloads(tmp_path / "none").parquet) as site:
        found = json(site, path, 503)["error"]
        assert found.startswith(f"the Parquet file could not be made: no store at {tmp_path / 'none'}")
    busy = Downloads(tmp_path)
    with busy._making, Site(EVALUATIONS, parquet=busy.parquet) as site:
        assert json(site, path, 503) == {
            "error": "a Parquet file is being made for somebody else: try again in a minute"
        }


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@x", "=\x00cmd"])
def test_a_spreadsheet_works_nothing_out(text: str) -> None:
    hostile = findings([finding("traffic.requests", 1.0, slice=text)])
    with Site([replace(evaluation(), findings=hostile)]) as site:
        read = list(csv.reader(io.StringIO(site.ask("/api/v1/recommenders/home/measurements.csv").text)))
    assert read[1][2].startswith("'" + text[0])
    assert "\x00" not in read[1][2]


def test_what_is_not_a_number_is_null(site: Site) -> None:
    text = site.ask("/api/v1/recommenders/home/measurements").text
    assert "NaN" not in text
    assert "Infinity" not in text
