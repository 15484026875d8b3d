"""Lower rates: samples nest, what must not be sampled is not, and the stated error covers what was left out."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from detectors import Context, Detector, Measure, Measurement, Summary, Unit, discover, share
from detectors.measures.sampled_lists import SampledLists
from detectors.same_item import SameItem
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from detectors.statistics.traffic_tally import TrafficTally
from detectors.traffic import Traffic
from monitor.config.models import BudgetConfig
from monitor.engine import boost
from monitor.engine.measure import measure
from monitor.engine.plan import Piece, Plan
from monitor.engine.summarise import WindowSummary, _replicate_groups
from monitor.logs import LogFile
from tests.monitor.engine.engine_logs import (
    HOUR,
    Row,
    Seen,
    SeenSampled,
    Shape,
    run,
    simple_rows,
    write_log,
)
from tests.monitor.logs.log_examples import make_old

CONTEXT = Context(window_us=(HOUR.start_us, HOUR.end_us))
KINDS = sorted({s for d in discover().values() for s in d.statistics}, key=lambda s: s.name)
HAS = frozenset({"request", "user", "position"})


def at_rate(rate: float) -> Any:
    return lambda found: replace(found, rate=rate)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place whose name is the same in every run: what is left to chance follows from it."""
    monkeypatch.chdir(tmp_path)
    return "log"


def many_rows(requests: int, users: int, **same: Any) -> list[Row]:
    return [
        {**row, "user": f"u{int(row['request'][1:]) % users}", **same} for row in simple_rows(requests, 2)
    ]


def sampled(folder: str, shape: Shape, rate: float) -> set[tuple[Any, ...]]:
    return set(run(folder, shape, kinds=[SeenSampled], planned=at_rate(rate)).summary[SeenSampled].requests)


def test_samples_nest_and_keep_users_whole(log: str) -> None:
    write_log(log, many_rows(600, 200), Shape(row_group=170))
    everything = sampled(log, Shape(), 1.0)
    before = everything
    for power in range(1, 6):
        found = sampled(log, Shape(), 0.5**power)
        users = {user for _, user, *_ in found}
        assert found == {request for request in everything if request[1] in users}
        assert found < before
        assert abs(len(users) / 200 - 0.5**power) < 0.1
        before = found


@pytest.mark.parametrize(
    ("roles", "user", "whole"),
    [
        (("request", "user"), None, 2),  # nobody: by request
        (("request", "user"), "guest", 2),
        (("request",), None, 2),
        ((), None, 1),  # no request: by row
    ],
)
def test_without_a_user_the_request_or_the_row_decides(
    log: str, roles: Sequence[str], user: str | None, whole: int
) -> None:
    shape = Shape(roles=tuple(roles), guests=("guest",), row_group=150)
    write_log(log, many_rows(800, 1, user=user, timestamp=HOUR.start), shape)
    found = sampled(log, shape, 0.25)
    assert {len(shown) for *_, shown in found} == {whole}
    assert abs(len(found) * whole / 1600 - 0.25) < 0.05


@pytest.mark.parametrize("rate", [0.5, 1 / 64, 2.0**-40])
def test_what_must_not_be_sampled_is_not(log: str, rate: float) -> None:
    write_log(log, many_rows(300, 90), Shape(row_group=100))
    full = run(log, Shape(), kinds=KINDS)
    part = run(log, Shape(), kinds=KINDS, planned=at_rate(rate))
    census = [kind for kind in KINDS if kind.census]
    assert len(census) >= 4
    assert all(part.summary[kind].equals(full.summary[kind]) for kind in census)
    assert not all(part.summary[kind].equals(full.summary[kind]) for kind in KINDS)
    assert (part.read.rows, part.read.requests) == (600, 300)
    assert part.summary.rate == part.read.sampling_rate == rate


def test_the_rows_behind_the_sample_are_told(log: str) -> None:
    write_log(log, many_rows(300, 90), Shape())
    for rate in (1.0, 0.5, 0.125):
        window = run(log, Shape(), kinds=[SeenSampled], planned=at_rate(rate))
        shown = sum(len(shown) for *_, shown in window.summary[SeenSampled].requests)
        assert window.read.rows_sampled == shown


def mixed_rows() -> list[Row]:
    """A large country, and a small one in which half of the requests get one item."""
    found = many_rows(900, 450, country="DE")
    for row in found:
        if int(row["request"][1:]) % 15 == 0:
            row["country"] = "LU"
            if int(row["request"][1:]) % 30 == 0 and row["position"] == 1:
                row["item"] = "stuck"
    return found


def of_slices(window: WindowSummary, column: str) -> dict[str, float]:
    """Value, error or n of the share of the top item, by slice."""
    found, failures = measure(window, {"same_item": SameItem()}, CONTEXT, HAS, (), lambda _: None)
    assert failures == {}
    share_of_top = getattr(dict(found)["same_item.first_place_share"], column)
    return dict(zip(window.summary.slices.texts, share_of_top.tolist(), strict=True))


def with_budget(rows: int) -> Shape:
    return Shape(settings={"budget": BudgetConfig(rows_per_evaluation=rows)}, row_group=400)


def test_small_slices_are_served_by_a_higher_rate(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boost, "ENOUGH", 50)
    write_log(log, mixed_rows(), Shape(row_group=400))
    full = run(log, Shape(), kinds=SameItem.statistics)
    boosted = run(log, with_budget(1000), kinds=SameItem.statistics, planned=at_rate(0.125))
    base = replace(boosted, boosted=None, small=None)
    assert boosted.small is not None
    small = dict(zip(boosted.summary.slices.texts, boosted.small.tolist(), strict=True))
    assert small == {"all": False, "country=DE": False, "country=LU": True}
    for column in ("value", "error", "n"):
        by_full, by_both, by_base = (of_slices(window, column) for window in (full, boosted, base))
        assert by_both["country=LU"] == by_full["country=LU"]
        assert (by_both["all"], by_both["country=DE"]) == (by_base["all"], by_base["country=DE"])
    assert by_base["country=LU"] < by_full["country=LU"] / 4
    assert by_base["all"] < by_full["all"] / 4


def test_evidence_of_a_small_slice_is_of_the_higher_rate(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boost, "ENOUGH", 50)
    write_log(log, mixed_rows(), Shape())
    window = run(log, with_budget(1000), kinds=SameItem.statistics, planned=at_rate(0.125))
    found = dict(measure(window, {"same_item": SameItem()}, CONTEXT, HAS, (), lambda _: None)[0])
    evidence = found["same_item.first_place_share"].evidence
    assert evidence is not None
    texts = window.summary.slices.texts
    assert evidence(texts.index("country=LU"))["top_items"][0]["requests"] == 30
    assert evidence(texts.index("all"))["top_items"][0]["requests"] < 30


def test_the_budget_bounds_the_higher_rate_too(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boost, "ENOUGH", 50)
    rows = [{**row, "country": f"c{int(row['request'][1:]) % 20}"} for row in many_rows(2000, 900)]
    write_log(log, rows, Shape())
    rates = {}
    for left in (0, 500, 1000, 2000, 4000, 40_000):
        window = run(log, with_budget(1000 + left), kinds=SameItem.statistics, planned=at_rate(0.25))
        rates[left] = window.boosted.rate if window.boosted else None
    assert rates == {0: None, 500: None, 1000: None, 2000: 0.5, 4000: 1.0, 40_000: 1.0}


def test_the_whole_is_never_boosted_though_all_its_cells_are_small(
    log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boost, "ENOUGH", 10**6)
    write_log(log, mixed_rows(), Shape())
    window = run(log, with_budget(100_000), kinds=SameItem.statistics, planned=at_rate(0.125))
    assert window.small is not None
    assert window.small.tolist() == [False, True, True]


def test_nothing_is_boosted_at_full_rate(log: str) -> None:
    write_log(log, mixed_rows(), Shape())
    window = run(log, Shape(), kinds=SameItem.statistics)
    assert (window.boosted, window.small, window.replicates) == (None, None, ())


class Anonymous(Detector):
    """Requests, and the share of those without a user."""

    name = "anonymous"
    statistics = (TrafficTally,)

    def measures(self) -> tuple[Measure, ...]:
        return Measure("requests", Unit.REQUESTS, ""), Measure("share", Unit.RATIO, "")

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        tally = summary[TrafficTally]
        counted = tally.by_slice(summary.members(tally))
        requests = counted["requests"].astype(float)
        yield Measurement("requests", requests, np.sqrt(requests), requests)
        yield share("share", counted["without_user"], requests, np.ones(len(requests)))


def clustered(folder: str, seed: int) -> None:
    """Row groups of different sizes, list lengths, shares of guests, and shares of rows of the next hour."""
    rng = np.random.default_rng(seed)
    path = Path(folder) / "part.parquet"
    path.parent.mkdir()
    kind = pa.schema(
        [("ts", pa.timestamp("us", "UTC")), *((n, pa.string()) for n in ("item_id", "req", "uid", "country"))]
    )
    with pq.ParquetWriter(path, kind) as writer:
        for g in range(30):
            n, length = int(rng.integers(8, 25)), int(rng.integers(2, 5))
            late, known = rng.random(n) < rng.beta(1, 6), rng.random(n) > rng.beta(4, 4)
            columns = [
                np.where(late, HOUR.end_us, HOUR.start_us) + g * 1_000_000,
                ["i"] * n,
                [f"{g}-{r}" for r in range(n)],
                [f"u{g}-{r}" if k else None for r, k in enumerate(known)],
                ["DE" if g % 2 else "US"] * n,
            ]
            table = pa.table([pa.array(c, t) for c, t in zip(columns, kind.types, strict=True)], schema=kind)
            writer.write_table(table.take(pa.array(np.repeat(np.arange(n), length))))
    make_old(path)


def within_bytes(share: float) -> Shape:
    return Shape(
        roles=("request", "user"), settings={"budget": BudgetConfig(bytes_per_evaluation=round(share))}
    )


@pytest.fixture(scope="module")
def misses(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], np.ndarray]:
    """How far the part is from the full value, its stated error and that without clusters, by measure and slice."""
    detectors = {"anonymous": Anonymous()}
    out: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("clusters"))
        for seed in range(200):
            clustered(f"log-{seed}", seed)
            shape = Shape(roles=("request", "user"))
            full = run(f"log-{seed}", shape, kinds=[TrafficTally])
            part = run(f"log-{seed}", within_bytes(full.read.bytes_read * 0.4), kinds=[TrafficTally])
            assert 0.25 < part.read.sampling_rate < 0.55
            wanted, stated, plain = (
                dict(measure(window, detectors, CONTEXT, (), (), lambda _: None)[0])
                for window in (full, part, replace(part, replicates=()))
            )
            of_full, of_part = full.summary.slices.texts, part.summary.slices.texts
            for name, m in stated.items():
                for s, text in enumerate(of_part):
                    miss = abs(m.value[s] - wanted[name].value[of_full.index(text)])
                    scale = part.scale if name.endswith("requests") else 1
                    row = (float(miss), float(m.error[s]), float(plain[name].error[s] * scale))
                    out.setdefault((name, text), []).append(row)
    return {key: np.array(rows) for key, rows in out.items()}


def test_the_stated_error_covers_what_was_left_out(misses: dict[tuple[str, str], np.ndarray]) -> None:
    assert len(misses) == 6
    for key, found in misses.items():
        miss, error, _ = found.T
        assert len(found) >= 199, key
        assert (miss <= 2 * error).mean() >= 0.9, key
        assert np.sqrt((miss**2).mean()) > 0.3 * np.median(error), key  # nor does it cover by being huge


def test_without_clusters_the_error_would_be_too_small(misses: dict[tuple[str, str], np.ndarray]) -> None:
    miss, _, plain = misses["anonymous.share", "all"].T
    assert (miss <= 2 * plain).mean() < 0.9


def test_what_moves_with_how_much_is_read_decides_nothing(log: str) -> None:
    """Distinct users and the longest silence cannot be known from a part of the row groups."""
    found = [
        {**row, "timestamp": HOUR.start + timedelta(seconds=4 * int(row["request"][1:]))}
        for row in many_rows(900, 700)
    ]
    write_log(log, found, Shape(row_group=60))
    kinds, detectors = Traffic.statistics, {"traffic": Traffic()}
    full = run(log, Shape(), kinds=kinds)
    shape = replace(Shape(), settings={"budget": BudgetConfig(bytes_per_evaluation=run_bytes(log) // 3)})
    part = run(log, shape, kinds=kinds)
    wanted, stated = (
        dict(measure(window, detectors, CONTEXT, HAS, (), lambda _: None)[0]) for window in (full, part)
    )
    for name in ("traffic.users", "traffic.silence", "traffic.requests", "traffic.rows"):
        value, error = stated[name].value[0], stated[name].error[0]
        assert abs(value - wanted[name].value[0]) <= 2 * error, name
    assert stated["traffic.requests"].error[0] < 0.2 * stated["traffic.requests"].value[0]
    assert stated["traffic.silence"].value[0] > 300 > wanted["traffic.silence"].value[0]


def run_bytes(folder: str) -> int:
    return run(folder, Shape(), kinds=[Seen]).read.bytes_read


def test_a_single_row_group_cannot_say_what_the_others_would(log: str) -> None:
    write_log(log, many_rows(100, 50), Shape(row_group=20))
    one = run_bytes(log) // 8
    part = run(
        log,
        replace(Shape(), settings={"budget": BudgetConfig(bytes_per_evaluation=one)}),
        kinds=[TrafficTally],
    )
    assert len(part.replicates) == 1
    found = dict(measure(part, {"anonymous": Anonymous()}, CONTEXT, (), (), lambda _: None)[0])
    assert np.isinf(found["anonymous.requests"].error).all()


def test_replicates_are_disjoint_and_make_up_the_whole(log: str) -> None:
    write_log(log, many_rows(300, 90), Shape(row_group=20))
    budget = BudgetConfig(bytes_per_evaluation=run_bytes(log) // 2)
    part = run(log, replace(Shape(), settings={"budget": budget}), kinds=[Seen])
    seen = [set(summary[Seen].requests) for summary, _ in part.replicates]
    assert len(seen) == 8
    assert sum(map(len, seen)) == len(set().union(*seen)) == len(part.summary[Seen].requests)
    assert sum(1 / scale for _, scale in part.replicates) == pytest.approx(1 / part.scale)


class OfLists(Anonymous):
    """Works something out that knows the summary that knows it."""

    statistics = (TrafficTally, Panel, ListTally, ItemCounts)

    def __init__(self) -> None:
        self.worked_out: list[ReferenceType[SampledLists]] = []

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        self.worked_out.append(ref(SampledLists.of(summary)))
        yield from super().measure(summary, context)


def test_what_is_worked_out_of_replicates_does_not_stay_in_memory(log: str) -> None:
    write_log(log, many_rows(300, 90), Shape(row_group=20))
    budget, detector = BudgetConfig(bytes_per_evaluation=run_bytes(log) // 2), OfLists()
    part = run(log, replace(Shape(), settings={"budget": budget}), kinds=list(detector.statistics))
    gc.disable()  # it would come by in the end: of eight replicates there is no room until then
    try:
        found, failures = measure(part, {"of_lists": detector}, CONTEXT, HAS, (), lambda _: None)
        assert (len(found), failures) == (2, {})
        assert [made() is not None for made in detector.worked_out] == [True] + [False] * 8
    finally:
        gc.enable()


def test_replicates_are_drawn_at_random() -> None:
    """Every eighth row group would hide a trend, and show a rhythm that is not there."""
    pieces = tuple(Piece(LogFile("/log/part", 1, 1), i, 10, 10) for i in range(64))
    groups = _replicate_groups(Plan(pieces, 640, 640, left_out=0.5))
    assert sorted(p.row_group for group in groups for p in group if p.row_group is not None) == list(
        range(64)
    )
    assert [len(group) for group in groups] == [8] * 8
    for group in groups:
        places = [p.row_group for p in group if p.row_group is not None]
        assert places == sorted(places)  # a request may go on in the next row group
        assert len(set(np.diff(places).tolist())) > 2
