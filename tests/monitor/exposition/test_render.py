"""What is exported of one recommender follows from what the store holds, and nothing else."""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from detectors.core.verdict import Severity, Verdict
from monitor.config.maintenance import Maintenance
from monitor.config.models import Columns, LogConfig, Mode, WindowConfig
from monitor.evaluation import CatalogSeen, Evaluation, Quarantined, Status
from monitor.exposition.catalogue import measure_families
from monitor.exposition.render import render, worst
from monitor.exposition.state import RecommenderState, read_state
from monitor.incidents.incident import Incident
from monitor.store.said import Acknowledgement
from monitor.store.store import Store
from tests.monitor.factories import (
    CATALOGUE,
    HOUR,
    NAN,
    NOON,
    config,
    evaluation,
    failed_evaluation,
    finding,
    findings,
    incident,
    read_report,
    stuck_evaluation,
)

LATER = NOON + timedelta(minutes=20)
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def exported(*evaluations: Evaluation, cap: int = 2000, now: Any = LATER, **fields: Any) -> Series:
    """Series of the recommender `home`, by name and labels other than `recommender`."""
    with Store.in_memory() as store:
        for entry in evaluations:
            store.record(entry)
        return rendered(read_state(store, config(**fields), now), cap)


def rendered(state: RecommenderState, cap: int = 2000) -> Series:
    text = "".join(render(state, measure_families(CATALOGUE), cap).values())
    series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.labels["recommender"] == state.config.name
            labels = frozenset((k, v) for k, v in sample.labels.items() if k != "recommender")
            assert (sample.name, labels) not in series
            series[sample.name, labels] = sample.value
    return series


def at(series: Series, name: str, **labels: str) -> float | None:
    return series.get((f"recwatch_{name}", frozenset(labels.items())))


def named(series: Series, name: str) -> dict[frozenset[tuple[str, str]], float]:
    return {labels: value for (metric, labels), value in series.items() if metric == f"recwatch_{name}"}


def test_before_the_first_evaluation_only_the_configuration_is_known() -> None:
    series = exported(window=WindowConfig(cadence=timedelta(days=1)), mode=Mode.TICKET)
    assert at(series, "recommender_info", mode="ticket", team="discovery") == 1
    assert at(series, "window_length_seconds") == 3600
    assert at(series, "window_settle_seconds") == 600
    assert at(series, "log_cadence_seconds") == 86400
    assert at(series, "in_maintenance") == 0
    assert len(series) == 7


def test_times_are_timestamps_of_the_newest_window() -> None:
    series = exported(evaluation(end=NOON - HOUR), evaluation())
    assert at(series, "window_start_timestamp_seconds") == (NOON - HOUR).timestamp()
    assert at(series, "window_end_timestamp_seconds") == NOON.timestamp()
    assert at(series, "last_evaluation_timestamp_seconds") == NOON.timestamp() + 612
    assert at(series, "newest_event_timestamp_seconds") == NOON.timestamp() - 3


def test_a_failed_window_keeps_the_last_success_and_the_age_of_the_data() -> None:
    series = exported(evaluation(end=NOON - HOUR), failed_evaluation())
    assert at(series, "last_success_timestamp_seconds") == NOON.timestamp() - 3600 + 612
    assert at(series, "newest_event_timestamp_seconds") == NOON.timestamp() - 3603
    assert at(series, "evaluation_status", status="failed") == 1
    assert at(series, "evaluation_status", status="evaluated") == 0
    assert at(series, "quarantined_files") == 1


def test_the_catalogue_and_its_age() -> None:
    assert not named(exported(evaluation(read=read_report(catalog=None))), "catalog_items")
    seen = CatalogSeen(8000, 3, NOON - HOUR, ("3 rows are left out: their ids came before",))
    series = exported(evaluation(read=read_report(catalog=seen)))
    assert at(series, "catalog_items") == 8000
    assert at(series, "catalog_repeated_rows") == 3
    assert at(series, "catalog_modified_timestamp_seconds") == NOON.timestamp() - 3600


def test_what_changes_about_an_open_incident_is_no_label_of_its_alert() -> None:
    series = exported(stuck_evaluation())
    told = {"incident": incident().id}
    assert at(series, "incident_info", summary=incident().summary, **told) == 1
    assert at(series, "incident_onset_timestamp_seconds", **told) == (NOON - HOUR).timestamp()
    closed = incident(resolved_at=NOON + HOUR)
    later = exported(evaluation(end=NOON + HOUR, open_incidents=(closed,)))
    assert at(later, "incident_open", **labels(closed)) == 0
    assert named(later, "incident_info") == named(later, "incident_onset_timestamp_seconds") == {}


def test_an_incident_of_which_nobody_is_to_be_told_again_is_muted_while_it_is_open() -> None:
    told, closed = incident(), incident(id="closed", resolved_at=NOON)
    for muted in (frozenset[str](), frozenset({told.id}), frozenset({"closed"})):
        series = rendered(RecommenderState(config(), incidents=(told, closed), muted=muted))
        assert at(series, "incident_muted", incident=told.id) == (told.id in muted)
        assert at(series, "incident_muted", incident="closed") == 0


def test_what_people_said_of_an_incident_is_beside_it_and_no_label_of_its_alert() -> None:
    told = {"incident": incident().id}
    with Store.in_memory() as store:
        store.record(evaluation(open_incidents=(incident(asks=True),)))
        before = rendered(read_state(store, config(), LATER))
        store.acknowledge(Acknowledgement(incident().id, LATER, "ann@ops", "on it"))
        after = rendered(read_state(store, config(), LATER))
    assert [at(s, "incident_muted", **told) for s in (before, after)] == [0, 1]
    assert [at(s, "incident_asks", **told) for s in (before, after)] == [1, 1]
    assert named(before, "incident_open") == named(after, "incident_open")
    closed = exported(evaluation(open_incidents=(incident(asks=True, resolved_at=NOON + HOUR),)))
    assert named(closed, "incident_asks") == {}


def test_maintenance_is_told_while_it_lasts() -> None:
    stretch = Maintenance(**{"from": LATER, "until": LATER + HOUR})
    for now, value in ((LATER - HOUR, 0), (LATER, 1), (LATER + HOUR, 0)):
        assert at(exported(now=now, maintenance=(stretch,)), "in_maintenance") == value
    other = Maintenance(**{"from": LATER, "until": LATER + HOUR, "recommenders": "mail"})
    assert at(exported(now=LATER, maintenance=(other,)), "in_maintenance") == 0


def test_the_sentence_of_an_incident_is_one_printable_line_of_bounded_length() -> None:
    long = incident(summary='"quoted" \\ and\nbroken ' + "x" * 1000)
    (key,) = named(exported(evaluation(open_incidents=(long,))), "incident_info")
    said = dict(key)["summary"]
    assert said.startswith('"quoted" \\ and\ufffdbroken xxx')
    assert (len(said), said[-2:]) == (400, "x…")


def test_files_of_which_nothing_could_be_used_are_counted_apart() -> None:
    bad = (
        Quarantined("a.parquet", "not a Parquet file", 0),
        Quarantined("b.jsonl", "not JSON", 3),
        Quarantined("b.jsonl", "rows without a usable time", 2),
    )
    series = exported(evaluation(read=read_report(quarantined=bad)))
    assert at(series, "unusable_files") == 1
    assert at(series, "quarantined_files") == 2
    assert at(series, "quarantined_rows") == 5


@pytest.mark.parametrize("status", [Status.FAILED, Status.REFUSED, Status.SKIPPED, Status.NO_DATA])
def test_without_an_evaluated_window_nothing_is_ok(status: Status) -> None:
    series = exported(evaluation(end=NOON - HOUR), evaluation(status=status))
    assert named(series, "verdict") == {}
    assert named(series, "same_item_first_place_share_ratio") == {}


def test_an_empty_window_was_a_success_of_reading() -> None:
    series = exported(evaluation(status=Status.NO_DATA))
    assert at(series, "last_success_timestamp_seconds") == NOON.timestamp() + 612
    assert at(series, "window_rows") == 0


def test_a_refused_window_has_no_counts() -> None:
    series = exported(evaluation(status=Status.REFUSED))
    assert at(series, "window_rows") is None
    assert at(series, "last_success_timestamp_seconds") is None


def test_measurements_are_metrics_of_their_own_name() -> None:
    series = exported(evaluation())
    assert at(series, "same_item_first_place_share_ratio", slice="all") == 0.031
    assert at(series, "diversity_effective_items", slice="all") == 812.5
    assert at(series, "traffic_requests", slice="surface=email") == 320


def test_what_was_not_measured_is_absent_and_its_verdict_says_so() -> None:
    series = exported(evaluation())
    thin = "country=LU,surface=email"
    assert at(series, "same_item_first_place_share_ratio", slice=thin) is None
    assert at(series, "verdict", slice=thin, detector="same_item") == Verdict.TOO_FEW


def test_the_worst_verdict_stands_for_the_detector() -> None:
    rows = [finding("x.a", 1), finding("x.b", NAN, Verdict.TOO_FEW), finding("x.c", NAN, Verdict.NO_DATA)]
    for verdict, more in [
        (Verdict.NO_DATA, []),
        (Verdict.ERROR, [finding("x.d", NAN, Verdict.ERROR)]),
        (Verdict.BREACH, [finding("x.d", NAN, Verdict.ERROR), finding("x.e", 1, Verdict.BREACH)]),
    ]:
        series = exported(evaluation(findings=findings(rows + more)))
        assert at(series, "verdict", slice="all", detector="x") == verdict
    assert worst([Verdict.OK, Verdict.TOO_FEW]) is Verdict.TOO_FEW


def test_bands_are_there_for_the_whole_and_for_slices_in_trouble() -> None:
    healthy, stuck = exported(evaluation()), exported(stuck_evaluation())
    share = "same_item.first_place_share"
    assert at(healthy, "expected_low", measure=share, slice="all") == 0
    assert at(healthy, "expected_high", measure=share, slice="all") == 0.09
    assert at(healthy, "expected_high", measure=share, slice="surface=email") is None
    assert at(stuck, "expected_high", measure=share, slice="surface=email") == 0.1
    assert at(stuck, "expected_low", measure=share, slice="all") is None


def test_each_measure_says_its_metric_and_unit() -> None:
    rows = [finding("traffic.requests", 9), finding("same_item.first_place_share", 0.1), finding("gone.x", 1)]
    found = named(exported(evaluation(findings=findings(rows))), "measure_info")
    assert [dict(key) for key in sorted(found, key=lambda key: dict(key)["measure"])] == [
        {
            "detector": "same_item",
            "measure": "same_item.first_place_share",
            "metric": "recwatch_same_item_first_place_share_ratio",
            "unit": "ratio",
        },
        {
            "detector": "traffic",
            "measure": "traffic.requests",
            "metric": "recwatch_traffic_requests",
        },
    ]
    assert named(exported(failed_evaluation()), "measure_info") == {}


def versions_of(columns: Columns, requests: Mapping[str, float]) -> dict[str, float]:
    rows = [finding("traffic.requests", sum(requests.values()))]
    rows += [finding("traffic.requests", n, slice=f"model={name}") for name, n in requests.items()]
    rows += [finding("traffic.requests", 7, slice="country=DE,model=v1")]
    log = LogConfig(path="/log", columns=columns)
    found = named(exported(evaluation(findings=findings(rows)), log=log), "model_version_share_ratio")
    return {dict(key)["model_version"]: value for key, value in found.items()}


def test_the_versions_of_the_model_share_the_traffic() -> None:
    columns = Columns(timestamp="t", item="i", model_version="model")
    assert versions_of(columns, {"v1": 300, "v2": 100}) == {"v1": 0.75, "v2": 0.25}
    assert versions_of(Columns(timestamp="t", item="i"), {"v1": 300, "v2": 100}) == {}


def test_of_many_versions_the_ten_largest_are_told() -> None:
    columns = Columns(timestamp="t", item="i", model_version="model")
    told = versions_of(columns, {f"v{n}": n for n in range(1, 31)})
    assert set(told) == {f"v{n}" for n in range(21, 31)}
    assert told["v30"] == pytest.approx(30 / 465)


def test_an_infinite_limit_is_no_limit() -> None:
    rows = findings([finding("traffic.requests", 5, low=-math.inf, high=math.inf)])
    series = exported(evaluation(findings=rows))
    assert named(series, "expected_low") == named(series, "expected_high") == {}


def test_a_measure_that_no_detector_declares_still_has_its_verdict() -> None:
    series = exported(evaluation(findings=findings([finding("gone.share", 0.5, Verdict.BREACH)])))
    assert at(series, "verdict", slice="all", detector="gone") == Verdict.BREACH
    assert not any("gone" in name for name, _ in series)


def labels(opened: Incident) -> dict[str, str]:
    return {
        "incident": opened.id,
        "severity": opened.severity.value,
        "detector": "same_item",
        "slice": "all",
        "item": "sku-007065",
        "team": "discovery",
    }


def test_an_open_incident_is_one_and_zero_for_a_day_after_closing() -> None:
    closed = incident(resolved_at=NOON + 3 * HOUR)
    assert at(exported(stuck_evaluation()), "incident_open", **labels(closed)) == 1
    healthy = evaluation(end=NOON + 3 * HOUR, open_incidents=(closed,))
    for now, value in [(NOON + 3 * HOUR, 0), (NOON + 26.9 * HOUR, 0), (NOON + 27 * HOUR, None)]:
        assert at(exported(stuck_evaluation(), healthy, now=now), "incident_open", **labels(closed)) == value


@pytest.mark.parametrize("status", [Status.NO_DATA, Status.FAILED, Status.REFUSED])
def test_missing_data_closes_no_incident(status: Status) -> None:
    blind = evaluation(end=NOON + 48 * HOUR, status=status, open_incidents=(incident(),))
    series = exported(stuck_evaluation(), blind, now=NOON + 49 * HOUR)
    assert at(series, "incident_open", **labels(incident())) == 1


def test_labels_of_the_opening_stay_when_the_configuration_changes() -> None:
    series = exported(stuck_evaluation(), labels={"team": "growth"})
    assert at(series, "incident_open", **labels(incident())) == 1
    assert at(series, "recommender_info", mode="page", team="growth") == 1


def test_a_configured_label_cannot_pose_as_one_of_ours() -> None:
    posing = incident(labels={"severity": "none", "incident": "x"})
    series = exported(evaluation(open_incidents=(posing,)), labels={"mode": "observe"})
    assert [dict(key)["severity"] for key in named(series, "incident_open")] == ["page"]
    assert at(series, "recommender_info", mode="page") == 1


def test_nobody_is_told_of_replayed_history_or_of_what_is_only_observed() -> None:
    assert named(exported(evaluation(open_incidents=(incident(silent=True),))), "incident_open") == {}
    assert named(exported(stuck_evaluation(), mode=Mode.OBSERVE), "incident_open") == {}


def test_an_incident_without_item_in_one_place() -> None:
    somewhere = incident(slice={"surface": "email", "country": "DE"}, culprit={}, severity=Severity.TICKET)
    (key,) = named(exported(evaluation(open_incidents=(somewhere,))), "incident_open")
    assert {"slice": "country=DE,surface=email", "severity": "ticket"}.items() <= dict(key).items()
    assert dict(key).get("item", "") == ""


def test_hostile_values_stay_apart_and_inside_their_quotes() -> None:
    places = ['a="}\n# TYPE x counter', "a=\ud800", "a=\ud801", "a=" + "x" * 5000, "a=" + "x" * 5001]
    rows = [finding("traffic.requests", 10 + n, slice=place) for n, place in enumerate(places)]
    hostile = evaluation(findings=findings(rows))
    series = rendered(RecommenderState(config(), hostile))  # would fail to parse, or lose a series
    assert sorted(named(series, "traffic_requests").values()) == [10, 11, 12, 13, 14]


def many_slices() -> Evaluation:
    """The whole, 10 slices of one column, 10 of two; the n-th has 100 * n observations; all in breach with a band."""
    rows = [finding("traffic.requests", 3000, Verdict.BREACH, low=5000)]
    rows += (
        finding("traffic.requests", 100 * n, Verdict.BREACH, slice=place, n=100 * n, low=500)
        for n in range(1, 11)
        for place in (f"c={n}", f"c={n},d={n}")
    )
    return evaluation(findings=findings(rows))


def test_under_the_cap_nothing_is_dropped() -> None:
    assert at(exported(many_slices()), "series_dropped") == 0


def test_over_the_cap_series_go_in_the_stated_order() -> None:
    everything = exported(many_slices())
    gone_before: set[tuple[str, str]] = set()
    order: list[tuple[str, str]] = []
    for cap in range(len(everything), 0, -1):
        series = exported(many_slices(), cap=cap)
        assert at(series, "series_dropped") == len(everything) - len(series)
        assert len(series) <= max(cap, len(everything) - 60)
        gone = {
            (name, dict(key)["slice"])
            for name, key in everything.keys() - series.keys()
            if "series" not in name
        }
        assert gone >= gone_before
        order += sorted(gone - gone_before)
        gone_before = gone
    by_thinness = [f"c={n},d={n}" for n in range(1, 11)] + [f"c={n}" for n in range(1, 11)]
    assert [place for name, place in order if name == "recwatch_expected_low"] == by_thinness
    assert [place for name, place in order if name == "recwatch_verdict"] == by_thinness
    assert max(i for i, (name, _) in enumerate(order) if name == "recwatch_expected_low") == 19


def test_the_whole_its_verdict_and_incidents_are_never_dropped() -> None:
    series = exported(stuck_evaluation(), cap=1)
    assert at(series, "verdict", slice="all", detector="same_item") == Verdict.BREACH
    assert at(series, "same_item_first_place_share_ratio", slice="all") == 0.9694
    assert at(series, "expected_high", measure="same_item.first_place_share", slice="all") == 0.09
    assert at(series, "incident_open", **labels(incident())) == 1
    assert at(series, "series_dropped") == 4


def test_no_label_names_an_item_a_user_or_a_request() -> None:
    for key in exported(stuck_evaluation(), evaluation(end=NOON - HOUR)):
        if key[0] not in ("recwatch_incident_open", "recwatch_incident_info"):
            assert "sku-" not in str(key)


def test_a_repeated_finding_gives_one_series() -> None:
    rows = [finding("traffic.requests", 1), finding("traffic.requests", 2)]
    series = exported(evaluation(findings=findings(rows)))
    assert at(series, "traffic_requests", slice="all") == 1
