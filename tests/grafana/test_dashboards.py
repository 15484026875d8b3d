"""The dashboards are what the code says, and keep the rules that Grafana's own linter of dashboards has."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.builder import files
from monitor.exposition.catalogue import measure_families
from monitor.exposition.daemon_families import DAEMON
from monitor.exposition.families import RECOMMENDER
from monitor.exposition.reference import installed_measures
from tests.grafana.reading import FILES, load, panels, queries, variables

BOARDS = [load(file.stem) for file in FILES]
OF_PROMETHEUS = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
OF_THE_CLIENT = {
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_start_time_seconds",
}
UNITS = {"none", "short", "percentunit", "s", "bytes", "ops", "reqps", "dateTimeAsLocal"}


def by_uid(board: dict[str, Any]) -> str:
    return board["uid"]


every = pytest.mark.parametrize("board", BOARDS, ids=by_uid)


def known_metrics() -> set[str]:
    measured = {family.name for family in measure_families(installed_measures()).values()}
    histograms = {
        f.name + end for f in DAEMON if f.type == "histogram" for end in ("_sum", "_count", "_bucket")
    }
    own = {family.name for family in (*RECOMMENDER, *DAEMON)}
    return own | histograms | measured | OF_PROMETHEUS | OF_THE_CLIENT


def selectors(expression: str) -> list[tuple[str, str]]:
    """Metric (empty where it is asked by label) and matchers of every selector."""
    plain = re.sub(r"\$\{(\w+)\}", r"$\1", expression)
    return re.findall(r"([a-z0-9_]*)\{([^{}]*)\}", plain)


def metrics(expression: str) -> set[str]:
    """Every word that could be a metric: what stands in quotes is none."""
    bare = re.sub(r'"[^"]*"', '""', re.sub(r"\$\{(\w+)\}", r"$\1", expression))
    return set(re.findall(r"\b(?:recwatch|process|scrape)_[a-z0-9_]+\b|\bup\b", bare))


def test_the_committed_files_are_what_the_code_says() -> None:
    assert {file.name: file.read_text("utf-8") for file in FILES} == dict(files()), (
        "run: python -m grafana.builder"
    )


@every
def test_the_sdk_reads_back_what_it_wrote(board: dict[str, Any]) -> None:
    for mark in board["annotations"]["list"]:
        for own in (
            "titleFormat",
            "textFormat",
            "step",
        ):  # of Prometheus's data source; the SDK knows them not
            del mark[own]
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(json.dumps(board)))))
    assert again == board


@every
def test_a_dashboard_can_be_imported_anywhere(board: dict[str, Any]) -> None:
    assert re.fullmatch(r"recwatch-[a-z]{1,31}", board["uid"])
    assert "id" not in board
    assert "__inputs" not in board
    assert board["editable"] is False
    assert board["title"].startswith("recwatch / ")
    assert board["description"].endswith(".")
    assert board["schemaVersion"] <= 41
    assert board["tags"] == ["recwatch"]


def test_no_two_dashboards_share_a_uid_or_a_title() -> None:
    for key in ("uid", "title"):
        assert len({board[key] for board in BOARDS}) == len(BOARDS) == 4


@every
def test_the_data_source_is_chosen(board: dict[str, Any]) -> None:
    source = variables(board)["datasource"]
    assert (source["type"], source["query"], source["label"]) == ("datasource", "prometheus", "Data source")
    fixed = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels(board):
        if panel["type"] != "row":
            assert panel["datasource"] == fixed, panel["title"]
            assert all(target["datasource"] == fixed for target in panel["targets"])
    for variable in variables(board).values():
        if variable["type"] == "query":
            assert variable["datasource"] == fixed
    assert all(mark["datasource"] == fixed for mark in board["annotations"]["list"])


@every
def test_the_variables(board: dict[str, Any]) -> None:
    found = variables(board)
    assert {"datasource", "job", "instance", "recommender"} <= found.keys()
    for name in ("job", "instance"):
        assert found[name]["type"] == "query"
        assert found[name]["label"] == name.title()
        assert found[name]["multi"] is True
        assert found[name]["allValue"] == ".+"
    for variable in found.values():
        assert variable["description"].endswith("."), variable["name"]
        if variable["type"] == "query":
            assert variable["refresh"] == 2, "asked again when the time changes"
            assert re.fullmatch(r"label_values\(.+, [a-z_]+\)", variable["query"]["query"])
            (selector,) = selectors(variable["query"]["query"]) or [("", "")]
            assert selector[0] in known_metrics() | {""}
    used = {n for query in queries(board) for n in re.findall(r"\$\{?([a-z]\w*)", query.expression)}
    assert used <= found.keys(), "every variable that a query uses is there"


def test_slices_can_be_chosen_where_there_are_some() -> None:
    assert {board["uid"] for board in BOARDS if "slice" in variables(board)} == {
        "recwatch-recommender",
        "recwatch-detectors",
    }


@every
def test_every_panel_says_what_it_shows_in_which_unit(board: dict[str, Any]) -> None:
    seen = set()
    for panel in panels(board):
        assert panel["title"]
        assert panel["title"] not in seen, "two panels of one name cannot be told apart"
        seen.add(panel["title"])
        if panel["type"] == "row":
            continue
        assert panel["description"].endswith("."), panel["title"]
        assert panel["description"] != panel["title"]
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] in UNITS, panel["title"]
        overrides = [p for o in panel["fieldConfig"]["overrides"] for p in o["properties"]]
        assert {p["value"] for p in overrides if p["id"] == "unit"} <= UNITS
        assert panel["targets"], panel["title"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        assert all(refs)


@every
def test_every_query_asks_the_recwatch_that_was_chosen(board: dict[str, Any]) -> None:
    for query in queries(board):
        asked = selectors(query.expression)
        assert asked, query
        for metric, matchers in asked:
            assert 'job=~"$job"' in matchers, (query, metric)
            assert 'instance=~"$instance"' in matchers, (query, metric)
        assert {metric for metric, _ in asked} - {""} == metrics(query.expression), query


@every
def test_every_metric_named_exists(board: dict[str, Any]) -> None:
    for query in queries(board):
        assert metrics(query.expression) <= known_metrics(), query


@every
def test_counters_are_asked_by_their_growth(board: dict[str, Any]) -> None:
    for query in queries(board):
        for call, metric, span in re.findall(
            r"(\w+)\((\w+(?:_total|_bucket|_sum|_count))\{[^{}]*\}\[([^\]]+)\]", query.expression
        ):
            assert call in ("rate", "increase"), (query, metric)
            assert call != "rate" or span == "$__rate_interval", query
        for name in metrics(query.expression):
            if name.endswith(("_total", "_bucket", "_sum", "_count")):
                assert re.search(rf"\b(?:rate|increase)\({name}\{{", query.expression), query


@every
def test_panels_stand_side_by_side_and_never_on_each_other(board: dict[str, Any]) -> None:
    closed = [panel.get("panels", []) for panel in board["panels"]]
    for shown in (board["panels"], *closed):
        for panel in shown:
            at = panel["gridPos"]
            assert 0 <= at["x"] < at["x"] + at["w"] <= 24, panel["title"]
            assert at["h"] > 0
        for one, other in combinations(shown, 2):
            a, b = one["gridPos"], other["gridPos"]
            apart = (
                a["x"] + a["w"] <= b["x"]
                or b["x"] + b["w"] <= a["x"]
                or a["y"] + a["h"] <= b["y"]
                or b["y"] + b["h"] <= a["y"]
            )
            assert apart, (one["title"], other["title"])
    ids = [panel["id"] for panel in panels(board)]
    assert len(set(ids)) == len(ids)


@every
def test_links_lead_to_dashboards_that_there_are_or_to_the_page(board: dict[str, Any]) -> None:
    text = json.dumps(board)
    uids = {other["uid"] for other in BOARDS}
    led = set(re.findall(r'"/d/([^"?]+)', text))
    assert led <= uids
    assert uids - {board["uid"]} <= led, "each leads to each other"
    urls = [link["url"] for link in board["links"]]
    urls += [link["url"] for link in _on_values(board)]
    for url in urls:
        assert url.startswith(("/d/", "${page:raw}/")), url


def _on_values(board: dict[str, Any]) -> list[dict[str, Any]]:
    overrides = [o for panel in panels(board) for o in panel.get("fieldConfig", {}).get("overrides", ())]
    return [link for o in overrides for p in o["properties"] if p["id"] == "links" for link in p["value"]]


def test_the_detectors_dashboard_knows_no_detector_by_name() -> None:
    text = (FILES[0].parent / "recwatch-detectors.json").read_text("utf-8")
    for detector in {name.partition(".")[0] for name in installed_measures()}:
        assert f"recwatch_{detector}_" not in text
