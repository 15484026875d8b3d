"""Every query of what recommenders export, asked of a real Prometheus: in health, in trouble, and after it.

The series are what real evaluations of a log export, and promtool makes blocks of them.
"""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from detectors.core.verdict import Verdict
from monitor.config.models import Columns, Mode, RecommenderConfig
from monitor.cycle import backtest
from monitor.detector_settings import build
from monitor.evaluation import Evaluation
from monitor.exposition.backfill import Backfill, Told
from monitor.exposition.catalogue import MeasureInfo
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.exposition.state import RecommenderState
from monitor.incidents.fleet import FLEET
from tests.grafana.reading import EVERY, ONLY_LIVE, Query, filled, label_values, load, of, variables
from tests.monitor.cycle.small_shop import COLUMNS, HOUR, due_at, hour, rows_of, shop, write_hour
from tests.monitor.factories import config, evaluation, failed_evaluation, finding, findings, incident
from tests.servers import Prometheus, prometheus, wait_for

pytestmark = pytest.mark.needs("prometheus", "promtool")

AGES = "100y"  # however long ago the test's history is
TARGET = {"job": "shops", "instance": "a:10147"}
# What is usual is known from the third day on.
HOURS, STUCK, NEW_MODEL, SILENT = 57, range(50, 53), 40, 10
HEALTHY, BROKEN, NO_DATA, OVER = 49, 51, SILENT, HOURS - 1
SHOP, MAIL = "shop/DE", "mail"
CUT = 44  # the last hour in which the second recommender was evaluated

Labels = frozenset[tuple[str, str]]


def lately(name: str, what: Evaluation, **fields: Any) -> RecommenderState:
    return RecommenderState(config(name, **fields), what, due_at(HEALTHY), hour(HEALTHY).end)


# Of these nobody may say that they are fine, by the state that they are shown in.
UNKNOWN = {
    6: lately("failed", failed_evaluation("failed")),
    7: lately("observed", evaluation("observed"), mode=Mode.OBSERVE),
    8: lately(
        "thin", evaluation("thin", findings=findings([finding("traffic.requests", 3, Verdict.TOO_FEW)]))
    ),
}

FLEETS = incident(FLEET, hour(BROKEN).end, id="f1", summary="3 recommenders have the same trouble.")
OF_FLEET = (
    (due_at(BROKEN), (FLEETS,)),
    (due_at(BROKEN + 1), (replace(FLEETS, resolved_at=due_at(BROKEN + 1)),)),
)


@dataclass
class History:
    """A Prometheus that knows what happened, and what was exported after each hour."""

    server: Prometheus
    exported: list[dict[str, dict[Labels, float]]]

    def ask(self, query: Query | str, hour: int, **chosen: str) -> dict[Labels, float]:
        """Series in the middle of the time in which an hour was the last one."""
        expression = query if isinstance(query, str) else query.expression
        everything = {"recommender": SHOP, "slice": "all", "detector": "same_item", "measure": "", **chosen}
        at = due_at(hour) + HOUR / 2
        found = self.server.query(filled(expression, everything), at=at)
        return {frozenset(labels.items()): value for labels, value in found}


def one(series: dict[Labels, float]) -> float:
    (value,) = series.values()
    return value


MINE = '''from detectors import share_of_rows


@share_of_rows(columns={"clicked": float}, above=0.9)
def mine(batch):
    """Share of rows clicked, in a file of one's own."""
    return batch["clicked"] > 0
'''


def with_model(k: int) -> list[dict[str, Any]]:
    """An hour in which every fifth list is clicked."""
    rows = rows_of(k, item="item-7" if k in STUCK else None)
    model = "v2" if k >= NEW_MODEL else "v1"
    return [{**row, "model": model, "clicked": int(row["request_id"].endswith(("0", "5")))} for row in rows]


def watched(log: Path) -> RecommenderConfig:
    columns = Columns(**COLUMNS, model_version="model", click="clicked")
    own = {"tests.grafana.awkward_detectors:Same": {}}
    file = log.parent / "mine.py"
    file.write_text(MINE)
    slices = ("surface", "model")
    return shop(
        log, name=SHOP, log={"columns": columns}, slices=slices, detectors=own, detector_files=(str(file),)
    )


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    folder = tmp_path_factory.mktemp("history")
    for k in range(HOURS):
        if k != SILENT:
            write_hour(folder / "log", k, with_model(k))
    recommender = watched(folder / "log")
    catalogue = {
        full: MeasureInfo(full, measure.unit.value, measure.help)
        for name, detector in build(recommender.detectors, recommender.detector_files).items()
        for measure in detector.measures()
        for full in [f"{name}.{measure.name}"]
    }
    past = Backfill(catalogue, TARGET, 2000, due_at(HOURS))
    exported = []
    told, exporter = Told(recommender), Exporter(Health("1"), catalogue)
    for judged in backtest(recommender, [hour(k) for k in range(HOURS)]):
        state = told.after(judged)
        past.add(state, judged.told_at, judged.told_at + HOUR)
        exporter.update(state)
        exported.append(parsed(exporter.textfile().decode()))
    mail = shop(folder / "log", name=MAIL)
    known = Told(mail)
    for judged in backtest(mail, [hour(k) for k in (CUT - 1, CUT)]):
        end = judged.told_at + (HOUR if judged.window == hour(CUT - 1) else HOURS * HOUR)
        past.add(known.after(judged), judged.told_at, end)
    past.add_fleet(OF_FLEET)
    for known_of_it in UNKNOWN.values():
        past.add(known_of_it, due_at(HEALTHY), due_at(BROKEN + 1))
    past.write(folder / "history.om")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h"]
    subprocess.run([*command, folder / "history.om", folder / "data"], check=True, capture_output=True)
    with prometheus(folder, flags=[f"--storage.tsdb.retention.time={AGES}"]) as server:
        wait_for(lambda: server.ask("status/runtimeinfo"))
        yield History(server, exported)


def parsed(text: str) -> dict[str, dict[Labels, float]]:
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


# What each query of the recommenders has to show, beyond being answered.


@pytest.mark.parametrize(
    ("panel", "ref", "values"),
    [
        ("State of the recommenders", "A", {HEALTHY: 0, BROKEN: 1, NO_DATA: 4, OVER: 0}),
        ("Pages open", "A", {HEALTHY: 0, BROKEN: 1, OVER: 0}),
        ("Tickets open", "A", {HEALTHY: 0, OVER: 0}),
        ("Not watched", "A", {HEALTHY: 0, BROKEN: 0, OVER: 0}),
        ("Recommenders configured", "A", {HEALTHY: 1, BROKEN: 1}),
        ("Age of the data", "A", {HEALTHY: 30 * 60 + 600 + 36}),
        ("Time since the last evaluation that succeeded", "A", {HEALTHY: 1800, NO_DATA: 1800}),
        ("Recommenders", "C", {HEALTHY: 50, NO_DATA: 0}),
        ("Recommenders", "D", {HEALTHY: 1}),
        ("Recommenders", "E", {HEALTHY: 0}),
    ],
)
def test_the_overview_tells_health_from_trouble(
    history: History, panel: str, ref: str, values: dict[int, float]
) -> None:
    found = {k: one(history.ask(of("overview", panel, ref), k)) for k in values}
    assert found == pytest.approx(values, abs=0.01)


def test_a_recommender_that_is_not_evaluated_any_more_is_never_shown_as_fine(history: History) -> None:
    state = of("overview", "State of the recommenders")
    for k in (HEALTHY, BROKEN):
        assert history.ask(state, k, recommender=MAIL) == {frozenset({("recommender", MAIL)}): 3}
        assert one(history.ask(of("overview", "Not watched"), k, recommender=f"{SHOP}|{MAIL}")) == 1
    assert history.ask(state, CUT, recommender=MAIL) == {frozenset({("recommender", MAIL)}): 0}


@pytest.mark.parametrize("state", UNKNOWN)
def test_what_was_not_judged_or_is_not_told_is_never_shown_as_fine(history: History, state: int) -> None:
    name = UNKNOWN[state].config.name
    found = history.ask(of("overview", "State of the recommenders"), HEALTHY, recommender=name)
    assert found == {frozenset({("recommender", name)}): state}


@pytest.mark.parametrize(
    "query", [q for q in EVERY if q.panel in ("Pages open", "Tickets open", "Not watched")], ids=str
)
def test_nothing_known_is_no_zero(history: History, query: Query) -> None:
    assert history.ask(query, HEALTHY, job="nowhere") == {}


@pytest.mark.parametrize("dashboard", ["overview", "recommender"])
def test_the_open_incidents_are_told_with_their_sentence_and_since_when(
    history: History, dashboard: str
) -> None:
    query = of(dashboard, "Open incidents")
    assert history.ask(query, HEALTHY) == {}
    found = {
        dict(labels)["severity"]: (dict(labels), since)
        for labels, since in history.ask(query, BROKEN).items()
    }
    labels, since = found["page"]
    assert (labels["recommender"], labels["slice"], labels["item"]) == (SHOP, "all", "item-7")
    assert "item-7" in labels["summary"]
    told = history.ask(of(dashboard, "Open incidents", "B"), BROKEN)
    assert told[frozenset({("incident", labels["incident"]), ("recommender", SHOP)})] == 0
    assert history.ask(of(dashboard, "Open incidents", "B"), OVER) == {}
    assert since == hour(STUCK[0]).start.timestamp() * 1000


def test_an_incident_of_the_fleet_is_told_and_counted_apart(history: History) -> None:
    of_fleet = of("overview", "Of the fleet")
    assert {k: one(history.ask(of_fleet, k)) for k in (HEALTHY, BROKEN, OVER)} == {
        HEALTHY: 0,
        BROKEN: 1,
        OVER: 0,
    }
    everything = {"recommender": ".+"}
    told = [dict(labels) for labels in history.ask(of("overview", "Open incidents"), BROKEN, **everything)]
    [mine] = [labels for labels in told if labels["recommender"] == FLEET]
    assert (mine["incident"], mine["summary"]) == ("f1", FLEETS.summary)
    assert one(history.ask(of("overview", "Pages open"), BROKEN, **everything)) == 1
    for panel in ("State of the recommenders", "Recommenders"):
        shown = history.ask(of("overview", panel), BROKEN, **everything)
        assert FLEET not in {dict(labels)["recommender"] for labels in shown}


def test_a_value_and_its_band(history: History) -> None:
    title = "Top item at the first place"
    value, high = of("recommender", title), of("recommender", title, "B")
    assert one(history.ask(value, HEALTHY)) < one(history.ask(high, HEALTHY))
    assert one(history.ask(value, BROKEN)) == 1 > one(history.ask(high, BROKEN))
    by_slice = history.ask(of("recommender", f"{title}, by slice"), BROKEN)
    places = {dict(labels)["slice"] for labels in by_slice}
    assert {"all", "surface=email", "surface=home", "model=v2"} <= places


OF_A_MEASURE = [
    q
    for q in EVERY
    if q.dashboard == "recwatch-recommender"
    and 'slice="$slice"' in q.expression
    and q.panel != "Verdicts in $slice"
]


@pytest.mark.parametrize("k", [HEALTHY, BROKEN])
def test_every_measure_shows_what_was_exported_and_nothing_else(history: History, k: int) -> None:
    shown = 0
    for place in ("all", "surface=email"):
        for query in OF_A_MEASURE:
            (metric,) = re.findall(r"recwatch_\w+", query.expression)
            wanted = {
                ("recommender", SHOP),
                ("slice", place),
                *re.findall(r'(measure)="([^"]+)"', query.expression),
            }
            expected = [v for labels, v in history.exported[k].get(metric, {}).items() if labels == wanted]
            found = list(history.ask(query, k, slice=place).values())
            assert found == pytest.approx(expected, rel=1e-9), (query, place)
            shown += len(found)
    assert shown > 60


def test_the_verdicts(history: History) -> None:
    verdicts = of("recommender", "Verdicts in $slice")
    healthy = {dict(labels)["detector"]: value for labels, value in history.ask(verdicts, HEALTHY).items()}
    exported = history.exported[HEALTHY]["recwatch_verdict"]
    assert healthy == {dict(k)["detector"]: v for k, v in exported.items() if ("slice", "all") in k}
    assert healthy["lists"] == 0
    assert 1 not in healthy.values()
    assert history.ask(verdicts, BROKEN)[frozenset({("detector", "same_item")})] == 1
    where = of("recommender", "Where something is wrong")
    assert {dict(labels)["slice"] for labels in history.ask(where, BROKEN)} >= {"all", "surface=home"}
    assert set(history.ask(where, BROKEN).values()) == {1}


def test_how_evaluations_ended(history: History) -> None:
    ended = of("recommender", "How evaluations ended")
    assert {k: one(history.ask(ended, k)) for k in (HEALTHY, NO_DATA)} == {HEALTHY: 1, NO_DATA: 2}


def test_incidents_and_new_versions_are_marked_when_they_were(history: History) -> None:
    incidents, versions = (
        of("recommender", f"annotation {n}") for n in ("Incidents", "New versions of the model")
    )
    marked = [k for k in range(HOURS) if history.ask(incidents, k)]
    assert STUCK[0] <= marked[0] <= STUCK[-1] < marked[-1] < OVER
    found = {k: [dict(labels)["model_version"] for labels in history.ask(versions, k)] for k in range(HOURS)}
    assert {k: names for k, names in found.items() if names} == {NEW_MODEL: ["v2"]}
    shares = history.ask(of("recommender", "Traffic by version of the model"), BROKEN)
    assert shares == {frozenset({("model_version", "v2")}): 1}


@pytest.mark.parametrize("detector", ["mine", "same", "same_item", "lists", "scores", "traffic"])
def test_a_detector_of_any_name_shows_its_own_measures_and_no_others(history: History, detector: str) -> None:
    exported = history.exported[BROKEN]
    infos = [dict(labels) for labels in exported["recwatch_measure_info"]]
    mine = [info for info in infos if info["detector"] == detector]
    assert mine
    for info in mine:
        expected = {
            frozenset({("slice", dict(labels)["slice"])}): value
            for labels, value in exported.get(info["metric"], {}).items()
        }
        chosen = {"detector": detector, "measure": info["measure"], "slice": ".+"}
        shares, others = (history.ask(of("detectors", "$measure", ref), BROKEN, **chosen) for ref in "AB")
        assert (shares if info.get("unit") == "ratio" else others) == pytest.approx(expected)
        assert (others if info.get("unit") == "ratio" else shares) == {}
    table = history.ask(of("detectors", "Measures, for everything"), BROKEN, detector=detector)
    measured = {
        info["measure"]
        for info in mine
        for labels in exported.get(info["metric"], {})
        if ("slice", "all") in labels
    }
    assert {dict(labels)["measure"] for labels in table} == measured
    assert all(math.isfinite(value) for value in table.values())


def test_one_detector_over_all_slices(history: History) -> None:
    exported = history.exported[BROKEN]["recwatch_verdict"]
    mine = {dict(labels)["slice"]: v for labels, v in exported.items() if ("detector", "same_item") in labels}
    chosen = {"detector": "same_item", "slice": ".+"}
    timeline = history.ask(of("detectors", "Verdicts by slice"), BROKEN, **chosen)
    assert {dict(labels)["slice"]: v for labels, v in timeline.items()} == mine
    counts = {
        panel: one(history.ask(of("detectors", panel), BROKEN, **chosen))
        for panel in ("Slices", "In breach", "Unknown")
    }
    assert counts == {
        "Slices": len(mine),
        "In breach": sum(v == 1 for v in mine.values()),
        "Unknown": sum(v >= 2 for v in mine.values()),
    }
    assert counts["In breach"] > 1
    high, low = (of("detectors", "$measure", ref) for ref in "CD")
    assert one(history.ask(high, BROKEN, measure="same_item.first_place_share")) < 1
    assert one(history.ask(low, BROKEN, measure="traffic.requests")) > 1


# Queries that have no series here, and why.
EMPTY = {
    "recommender: annotation Maintenance A": "no maintenance was planned",
    "recommender: annotation New versions of the model A": "tested on its own",
}


@pytest.mark.parametrize(
    "query", [q for q in EVERY if q not in OF_A_MEASURE and not ONLY_LIVE.search(q.expression)], ids=str
)
def test_every_query_of_a_recommender_has_series_in_trouble(history: History, query: Query) -> None:
    chosen = {"recommender": ".+"} if 'recommender=~"$recommender"' in query.expression else {}
    measure = "traffic.requests" if query.ref == "B" else "same_item.first_place_share"
    detector = measure.partition(".")[0]
    if query.dashboard == "recwatch-detectors" and query.ref == "D":
        measure = "traffic.requests"
    if query.dashboard == "recwatch-detectors" and query.panel == "Measures, for everything":
        detector = {"A": "same_item", "B": "traffic", "C": "same_item"}[query.ref]
    chosen |= {"measure": measure, "detector": detector}
    if 'slice=~"$slice"' in query.expression:
        chosen["slice"] = ".+"
    measured = re.fullmatch(r"max by \(slice\) \((recwatch_\w+)\{.*", query.expression)
    if measured and measured[1] not in history.exported[BROKEN]:
        assert history.ask(query, BROKEN, **chosen) == {}
    elif str(query) not in EMPTY:
        assert history.ask(query, BROKEN, **chosen) != {}
    if not query.instant:
        span = {"start": due_at(HEALTHY).timestamp(), "end": due_at(OVER).timestamp(), "step": 600}
        everything = {"recommender": SHOP, **chosen}
        history.server.ask(
            "query_range", query=filled(query.expression, everything), **{k: str(v) for k, v in span.items()}
        )


@pytest.mark.parametrize(
    ("dashboard", "name", "chosen", "values"),
    [
        ("overview", "recommender", {}, {SHOP, MAIL}),
        ("recommender", "recommender", {}, {SHOP, MAIL}),
        (
            "recommender",
            "slice",
            {"recommender": SHOP},
            {"all", "surface=email", "surface=home", "model=v1", "model=v2"},
        ),
        ("detectors", "detector", {"recommender": SHOP}, {"same", "same_item", "traffic"}),
        (
            "detectors",
            "measure",
            {"recommender": SHOP, "detector": "same"},
            {"same.item_lists", "same.repeats"},
        ),
        ("detectors", "slice", {"recommender": SHOP, "detector": "same"}, {"all", "surface=email"}),
    ],
)
def test_the_variables_offer_what_there_is(
    history: History, dashboard: str, name: str, chosen: dict[str, str], values: set[str]
) -> None:
    variable = variables(load(f"recwatch-{dashboard}"))[name]
    offered = label_values(history.server, variable, chosen, due_at(0), due_at(HOURS))
    assert offered >= values
    assert name != "measure" or offered == values
