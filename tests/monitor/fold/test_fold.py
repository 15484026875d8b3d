"""Windows in order become verdicts and incidents; a fold read back from the store goes on as if never stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.core.measurement import Measurement
from detectors.core.verdict import Severity, Verdict
from monitor.config.models import Columns, LogConfig, Mode, RecommenderConfig
from monitor.detector_settings import build
from monitor.evaluation import Evaluation, Status
from monitor.findings import Findings
from monitor.fold import Fold
from monitor.measured import Measured
from monitor.store import Store
from monitor.windows import Window

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTLE = timedelta(minutes=10)
FIRST, REQUESTS, MEDIAN = "same_item.first_place_share", "traffic.requests", "scores.median"
SLICES = ("all", "country=DE", "country=US", "country=DE,surface=home")


def shop(**fields: Any) -> RecommenderConfig:
    columns = Columns(timestamp="t", item="i", request="r", user="u", position="p", score="s")
    return RecommenderConfig(**{"name": "shop", "log": LogConfig(path="/log", columns=columns), **fields})


def a_fold(recommender: RecommenderConfig) -> Fold:
    return Fold(recommender, build(recommender.detectors))


def hour(k: int) -> Window:
    return Window(START + k * HOUR, START + (k + 1) * HOUR)


def measured(
    k: int, slices: tuple[str, ...] = ("all",), failures: dict[str, str] | None = None, **found: Any
) -> Measured:
    """What was found of an hour: by measure (a dot is written `__`) value, error and n of each slice."""
    out = []
    for name, columns in found.items():
        value, error, n = (np.broadcast_to(np.array(c, float), len(slices)).copy() for c in columns)
        full = name.replace("__", ".")

        def evidence(s: int, full: str = full) -> dict[str, Any]:
            return {"item": f"sku-{s}"} if full == FIRST else {}

        out.append((full, Measurement(full.partition(".")[2], value, error, n, evidence)))
    return Measured(hour(k), slices, tuple(out), failures or {})


def usual(k: int, share: float = 0.03, requests: float = 1000.0) -> Measured:
    return measured(
        k,
        same_item__first_place_share=(share, 0.006, 900),
        traffic__requests=(requests, np.sqrt(requests), requests),
    )


def evaluation(m: Measured, found: Findings, incidents: Any) -> Evaluation:
    told_at = m.window.end + SETTLE
    return Evaluation(
        "shop", m.window, Status.EVALUATED, told_at, told_at, findings=found, open_incidents=incidents,
        failures=dict(m.failures),
    )  # fmt: skip


def gone_through(fold: Fold, windows: list[Measured]) -> list[Evaluation]:
    return [evaluation(m, *fold.step(m, m.window.end + SETTLE)) for m in windows]


def random_windows(seed: int, hours: int) -> list[Measured]:
    """Slices come and go, values break, jump and are missing, detectors fail."""
    rng = np.random.default_rng(seed)
    out = []
    for k in range(hours):
        here = ("all", *(s for s in SLICES[1:] if rng.random() < 0.9))
        size, broken = len(here), 40 <= k % 70 < 50
        share = np.clip(rng.normal(0.9 if broken else 0.03, 0.01, size), 0, 1)
        requests = rng.poisson(20 if broken and seed % 2 else 200, size).astype(float)
        median = rng.normal(5, 0.1, size)
        median[rng.random(size) < 0.05] = rng.choice([np.nan, np.inf])
        failed = rng.random() < 0.05
        found: dict[str, Any] = {"traffic__requests": (requests, np.sqrt(requests), requests)}
        found["same_item__first_place_share"] = (share, 0.01, requests)
        if not failed:
            found["scores__median"] = (median, 0.1, requests)
        out.append(measured(k, here, {"scores": "ZeroDivisionError"} if failed else {}, **found))
    return out


def as_rows(findings: Findings) -> dict[tuple[str, str], Any]:
    """By measure and slice; in which order slices that are gone come does not matter."""
    return {(f.measure, f.slice): f for f in findings}


def assert_same(ones: list[Evaluation], others: list[Evaluation]) -> None:
    for one, other in zip(ones, others, strict=True):
        rows, others_rows = as_rows(one.findings), as_rows(other.findings)
        assert rows.keys() == others_rows.keys()
        for key, row in rows.items():
            assert repr(row) == repr(others_rows[key])
        assert [i.to_json() for i in one.open_incidents] == [i.to_json() for i in other.open_incidents]


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32), stop=st.floats(0.05, 0.95))
def test_a_fold_that_is_read_back_from_the_store_goes_on_as_if_it_had_never_stopped(
    seed: int, stop: float
) -> None:
    windows = random_windows(seed, 110)
    whole = gone_through(a_fold(shop()), windows)
    at = int(stop * len(windows))
    with Store.in_memory() as store:
        for e in whole[:at]:
            store.record(e)
        resumed = a_fold(shop())
        resumed.resume(store.evaluations("shop"))
    assert resumed.open_incidents == tuple(i for e in whole[at - 1 : at] for i in e.open_incidents if i.open)
    assert_same(gone_through(resumed, windows[at:]), whole[at:])


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32))
def test_judged_again_from_what_is_stored_is_judged_the_same(seed: int) -> None:
    whole = gone_through(a_fold(shop()), random_windows(seed, 80))
    stored = [replace(e, findings=Findings.from_bytes(e.findings.to_bytes())) for e in whole]
    assert_same(gone_through(a_fold(shop()), [Measured.of(e) for e in stored]), whole)


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), cut=st.floats(0.05, 0.95))
def test_nothing_looks_ahead(seed: int, cut: float) -> None:
    windows = random_windows(seed, 110)
    at = int(cut * len(windows))
    whole = gone_through(a_fold(shop()), windows)
    assert_same(gone_through(a_fold(shop()), windows[:at]), whole[:at])


def test_a_collapse_is_one_incident_from_its_first_window_to_its_second_quiet_one() -> None:
    windows = [usual(k, 0.95 if 60 <= k < 72 else 0.03) for k in range(80)]
    told = gone_through(a_fold(shop()), windows)
    assert [k for k, e in enumerate(told) if e.open_incidents] == list(range(60, 74))
    [opened] = told[60].open_incidents
    assert (opened.severity, opened.slice, opened.culprit) == (Severity.PAGE, {}, {"item": "sku-0"})
    assert opened.opened_at == hour(60).end + SETTLE
    assert told[73].open_incidents[0].resolved_at == hour(73).end + SETTLE
    assert len({i.id for e in told for i in e.open_incidents}) == 1


def test_it_holds_for_a_recommender_that_is_stuck_before_anybody_watches() -> None:
    [first] = gone_through(a_fold(shop()), [usual(0, 0.95)])
    assert [i.severity for i in first.open_incidents] == [Severity.PAGE]
    assert first.open_incidents[0].before == {"value": None}


def test_what_is_in_an_incident_is_excluded_by_measure_and_slice() -> None:
    slices = ("all", "country=DE")
    windows = [
        measured(
            k, slices, same_item__first_place_share=((0.03, 0.95 if k == 60 else 0.03), 0.006, (900, 300))
        )
        for k in range(61)
    ]
    found = {(f.measure, f.slice): f.excluded for f in gone_through(a_fold(shop()), windows)[-1].findings}
    assert found == {(FIRST, "all"): False, (FIRST, "country=DE"): True}


def test_wider_slices_are_excluded_where_the_place_is_a_good_part_of_them() -> None:
    """E-mail is half of Germany and a fiftieth of everything: what is wrong there shows in Germany alone."""
    slices = ("all", "country=DE", "surface=email", "country=DE,surface=email")
    requests = np.array([5000.0, 100.0, 100.0, 50.0])
    windows = [
        measured(
            k,
            slices,
            same_item__first_place_share=((0.03, 0.03, *(2 * [0.95 if k == 60 else 0.03])), 0.006, requests),
            traffic__requests=(requests, np.sqrt(requests), requests),
        )
        for k in range(61)
    ]
    told = gone_through(a_fold(shop()), windows)[-1]
    assert [i.slice for i in told.open_incidents] == [{"surface": "email"}]
    found = {f.slice: f.excluded for f in told.findings if f.measure == FIRST}
    assert found == dict(zip(slices, (False, True, True, True), strict=True))


@pytest.mark.parametrize("mode", [Mode.PAGE, Mode.TICKET])
def test_slices_of_an_incident_that_are_too_thin_to_breach_are_excluded_with_it(mode: Mode) -> None:
    """Liechtenstein shares the trouble and cannot show it; what is not in trouble is remembered."""
    slices = ("all", "country=DE", "country=LI")
    windows = [
        measured(
            k,
            slices,
            same_item__first_place_share=(0.95 if k == 60 else 0.03, 0.006, (900, 300, 3)),
            scores__median=(0.5, 0.01, (900, 300, 3)),
            traffic__requests=((900, 300, 3), 0, (900, 300, 3)),
        )
        for k in range(61)
    ]
    told = gone_through(a_fold(shop(mode=mode)), windows)[-1]
    assert [i.slice for i in told.open_incidents] == [{}]
    found = {(f.measure, f.slice): (f.verdict, f.excluded) for f in told.findings}
    assert found[FIRST, "country=LI"] == (Verdict.TOO_FEW, True)
    for measure, excluded in ((MEDIAN, mode is Mode.PAGE), (REQUESTS, False)):
        assert {e for (name, _), (_, e) in found.items() if name == measure} == {excluded}


@pytest.mark.parametrize(
    ("recommender", "detector", "severity"),
    [
        (Mode.PAGE, "page", Severity.PAGE),
        (Mode.TICKET, "page", Severity.TICKET),
        (Mode.PAGE, "ticket", Severity.TICKET),
        (Mode.OBSERVE, "page", None),
        (Mode.PAGE, "observe", None),
        (Mode.TICKET, "observe", None),
    ],
)
def test_the_mode_says_who_is_told_and_never_what_is_found(
    recommender: Mode, detector: str, severity: Severity | None
) -> None:
    config = shop(mode=recommender, detectors={"same_item": {"mode": detector}})
    [found] = gone_through(a_fold(config), [usual(0, 0.95)])
    assert [i.severity for i in found.open_incidents] == ([severity] if severity else [])
    assert {f.verdict for f in found.findings if f.measure == FIRST} == {Verdict.BREACH}


def test_a_configuration_judges_in_another_way() -> None:
    config = shop(detectors={"same_item": {"judge": {"first_place_share": {"above": 0.99}}}})
    [found] = gone_through(a_fold(config), [usual(0, 0.95)])
    assert found.open_incidents == ()


def test_a_detector_that_failed_is_an_error_for_its_measures_and_no_other() -> None:
    m = replace(usual(0), failures={"scores": "ZeroDivisionError: division by zero"})
    found, incidents = a_fold(shop()).step(m, hour(0).end)
    by_detector: dict[str, set[Verdict]] = {}
    for f in found:
        by_detector.setdefault(f.detector, set()).add(f.verdict)
    assert by_detector == {"same_item": {Verdict.OK}, "traffic": {Verdict.TOO_FEW}, "scores": {Verdict.ERROR}}
    scores = {f.measure for f in found if f.detector == "scores"}
    assert scores == {f"scores.{m.name}" for m in build({})["scores"].measures()}
    assert incidents == ()


def test_an_incident_survives_windows_that_nobody_could_read() -> None:
    fold = a_fold(shop())
    stuck = gone_through(fold, [usual(0, 0.95)])[0]
    failed = Evaluation("shop", hour(1), Status.FAILED, START, START, open_incidents=fold.open_incidents)
    resumed = a_fold(shop())
    resumed.resume([stuck, failed])
    assert resumed.open_incidents == stuck.open_incidents


def test_traffic_of_a_model_version_wakes_nobody() -> None:
    columns = Columns(timestamp="t", item="i", request="r", model_version="version")
    config = shop(log=LogConfig(path="/log", columns=columns), slices=("version", "country"))
    for column, told in (("version", False), ("country", True)):
        slices = ("all", f"{column}=a")
        windows = [
            measured(k, slices, traffic__requests=((900, 0 if k == 60 else 400), (30, 20), (900, 400)))
            for k in range(61)
        ]
        last = gone_through(a_fold(config), windows)[-1]
        assert bool(last.open_incidents) is told
        gone = gone_through(a_fold(config), [*windows[:60], measured(60, traffic__requests=(900, 30, 900))])[
            -1
        ]
        assert bool(gone.open_incidents) is told


def test_a_roll_out_says_nothing_of_how_far_traffic_strays() -> None:
    """Versions take turns every second day; all traffic is as steady as can be, and half of it gone is told."""
    columns = Columns(timestamp="t", item="i", request="r", model_version="version")
    config = shop(log=LogConfig(path="/log", columns=columns), slices=("version",))
    windows = []
    for k in range(10 * 24 + 1):
        a, b = (890, 10) if (k // 48) % 2 else (10, 890)
        requests = np.array([400 if k == 240 else 900, a, b], float)
        windows.append(
            measured(
                k,
                ("all", "version=a", "version=b"),
                traffic__requests=(requests, np.sqrt(requests), requests),
            )
        )
    last = gone_through(a_fold(config), windows)[-1]
    assert [(i.detector, i.slice) for i in last.open_incidents] == [("traffic", {})]


def test_measures_that_nobody_knows_any_more_are_left_alone() -> None:
    fold = a_fold(shop(detectors={"scores": {"enabled": False}}))
    found, _ = fold.step(measured(0, scores__median=(5.0, 0.1, 100)), hour(0).end)
    assert len(found) == 0
    before = gone_through(a_fold(shop()), [measured(0, scores__median=(5.0, 0.1, 100))])
    fold.resume(before)


def test_replay_is_silent_until_it_is_not() -> None:
    fold = a_fold(shop())
    _, [past] = fold.step(usual(0, 0.95), hour(0).end, silent=True)
    _, [told] = fold.step(usual(1, 0.95), hour(1).end)
    assert (past.silent, told.silent, past.id) == (True, False, told.id)


def test_what_opens_is_completed_once() -> None:
    fold = a_fold(shop())
    for k in range(3):
        _, [incident] = fold.step(
            usual(k, 0.95), hour(k).end, on_open=lambda i, k=k: replace(i, before={**i.before, "share": k})
        )
    assert incident.before == {"value": None, "share": 0}


@pytest.mark.parametrize(("until", "missed"), [("2026-04-01", False), ("2026-03-03", True)])
def test_traffic_that_is_made_in_other_hours_is_not_missed(until: str, missed: bool) -> None:
    batch = {"where": {"country": "DE"}, "hours": [3], "until": until}
    recommender = shop(slices=("country",), expected={"batches": [batch]})
    fold = a_fold(recommender)
    found = []
    for k in range(24 * 6):
        # Somebody ran the batch at five on the first five days; on the sixth it is as it should be.
        due = k % 24 in ((3, 5) if k < 120 else (3,))
        slices = ("all", "country=DE") if due else ("all",)
        values = np.array([2000.0, 1000.0] if due else [1000.0])
        findings, _ = fold.step(
            measured(k, slices, traffic__requests=(values, np.sqrt(values), values)), hour(k).end + SETTLE
        )
        found.append(findings)
    [row] = [r for r in found[125] if (r.measure, r.slice) == (REQUESTS, "country=DE")]
    assert (row.value, row.verdict) == (0.0, Verdict.BREACH if missed else Verdict.OK)


@pytest.mark.parametrize(("hour_of_batch", "usual"), [(3, 794), (9, 694)])
def test_hours_of_a_batch_are_held_against_those_hours_alone(hour_of_batch: int, usual: int) -> None:
    batch = {"where": {"country": "DE"}, "hours": [hour_of_batch]}
    fold = a_fold(shop(slices=("country", "surface"), expected={"batches": [batch]}))
    made = [60.0, 500.0, 100.0, 300.0, 200.0]  # on five nights, at three: the median by logarithm counts
    for k in range(24 * 4 + 4):
        values = np.array([600.0, 200.0]) + (np.array([made[k // 24], 0.0]) if k % 24 == 3 else 0.0)
        requests = (values, np.sqrt(values), values)
        findings, _ = fold.step(
            measured(k, ("all", "country=US"), traffic__requests=requests), hour(k).end + SETTLE
        )
    expected = {r.slice: round(r.expected) for r in findings if r.measure == REQUESTS}
    assert expected == {"all": usual, "country=US": 200}


@pytest.mark.parametrize(("everywhere", "severities"), [(0.009, {Severity.PAGE}), (0.021, {Severity.TICKET})])
def test_a_thin_slice_wakes_nobody_for_what_is_a_little_off_everywhere(
    everywhere: float, severities: set[Severity]
) -> None:
    rng, fold = np.random.default_rng(5), a_fold(shop())

    def overlap(k: int, whole: float, part: float) -> Measured:
        value = np.array([whole, part]) + rng.normal(0, 0.0003, 2)
        found = {
            "diversity__list_overlap": (value, [0.001, 0.0028], [400, 110]),
            "traffic__requests": ([400, 110], [20, 10], [400, 110]),
        }
        return measured(k, ("all", "surface=home"), **found)

    gone_through(fold, [overlap(k, 0.009, 0.009) for k in range(10 * 24)])
    [after] = gone_through(fold, [overlap(240, everywhere, 0.028)])
    assert {i.severity for i in after.open_incidents} == severities
