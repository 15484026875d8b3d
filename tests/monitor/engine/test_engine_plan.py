"""What is read of a window, decided from metadata: within the budget, or refused in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.models import BudgetConfig
from monitor.engine.plan import Plan, plan
from monitor.errors import BudgetError
from monitor.logs import Cost, FileCost, LogFile, PredictionLog, Quarantine
from monitor.windows import Window
from tests.monitor.engine.engine_logs import HOUR, NOW, Seen, Shape, run, simple_rows, write_log

MB = 2**20
INSIDE = (HOUR.start_us, HOUR.end_us - 1)


def planned(
    groups: Sequence[Sequence[tuple[int, int]]],
    *,
    rows: int = 1_000_000,
    bytes: int = 1000 * MB,
    day: int = 10_000 * MB,
    spent: int = 0,
    times: tuple[int, int] | None = INSIDE,
    all_rows: bool = False,
) -> Plan:
    """The plan for files of row groups of (rows, bytes)."""
    files = [LogFile(f"/log/{i}.parquet", 1, 1) for i in range(len(groups))]
    per_file = tuple(
        FileCost(f.path, sum(r for r, _ in g), sum(b for _, b in g), tuple(g), (times,) * len(g))
        for f, g in zip(files, groups, strict=True)
    )
    cost = Cost(sum(f.rows for f in per_file), sum(f.bytes for f in per_file), True, per_file)
    budget = BudgetConfig(rows_per_evaluation=rows, bytes_per_evaluation=bytes, bytes_per_day=day)
    return plan(files, cost, HOUR, budget, spent, all_rows=all_rows)


def places(found: Plan) -> list[tuple[str, int | None]]:
    return [(p.file.path, p.row_group) for p in found.pieces]


def test_all_is_read_when_all_is_within_budget() -> None:
    found = planned([[(10, MB), (20, MB)], [(30, MB)]])
    assert places(found) == [("/log/0.parquet", 0), ("/log/0.parquet", 1), ("/log/1.parquet", 0)]
    assert (found.rows, found.bytes, found.rate, found.left_out) == (60, 3 * MB, 1.0, 0.0)


@pytest.mark.parametrize(
    ("rows", "rate"),
    [(1000, 1.0), (1001, 0.5), (2000, 0.5), (2001, 0.25), (1_000_000, 1 / 1024), (1_024_001, 1 / 2048)],
)
def test_over_the_row_budget_the_rate_is_the_next_power_of_a_half(rows: int, rate: float) -> None:
    found = planned([[(rows, MB)]], rows=1000)
    assert (found.rate, found.rows, found.left_out) == (rate, rows, 0.0)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 40)), min_size=1, max_size=6), max_size=6
    ),
    st.integers(1, 200),
    st.integers(0, 200),
)
def test_never_more_bytes_than_allowed(groups: list[list[tuple[int, int]]], budget: int, spent: int) -> None:
    smallest = min((b for g in groups for _, b in g), default=0)
    try:
        found = planned(groups, bytes=budget, day=200, spent=spent)
    except BudgetError:
        assert smallest > min(budget, 200 - spent)
        return
    assert found.bytes <= min(budget, max(0, 200 - spent))
    assert (found.bytes, found.rows) == (
        sum(p.bytes for p in found.pieces),
        sum(p.rows for p in found.pieces),
    )
    total = sum(r for g in groups for r, _ in g)
    assert found.left_out == pytest.approx(1 - found.rows / total if total else 0)
    assert places(found) == sorted(places(found), key=lambda p: (p[0], p[1] or 0))
    assert 0 <= found.left_out < 1


def test_what_is_left_out_is_the_same_every_time_and_nested() -> None:
    groups = [[(100, MB)] * 10] * 4
    chosen = [set(places(planned(groups, bytes=n * MB))) for n in (5, 10, 20, 39)]
    assert [len(c) for c in chosen] == [5, 10, 20, 39]
    assert all(a < b for a, b in pairwise(chosen))
    assert chosen[1] == set(places(planned(groups, bytes=10 * MB)))
    assert len({path for path, _ in chosen[1]}) > 2  # not the first ones there are


def test_far_over_the_row_budget_row_groups_are_left_out_too() -> None:
    """Eight rows are read for each that the budget has, once that saves half."""
    twice = planned([[(500, MB)] * 32], rows=1000)
    assert (twice.rows, twice.left_out, twice.rate) == (8000, 0.5, 1 / 8)
    far = planned([[(500, MB)] * 100] * 2, rows=1000)
    assert (far.rows, far.left_out, far.rate, far.bytes) == (8000, 0.92, 1 / 8, 16 * MB)
    less = planned([[(500, MB)] * 31], rows=1000)
    assert (less.rows, less.left_out, less.rate) == (15_500, 0.0, 1 / 16)


def test_all_rows_are_read_where_a_part_would_not_do() -> None:
    found = planned([[(500, MB)] * 100], rows=1000, all_rows=True)
    assert (found.rows, found.left_out, found.rate) == (50_000, 0.0, 1 / 64)


def test_enough_row_groups_stay_to_tell_how_much_they_differ() -> None:
    few = planned([[(100_000, MB)] * 31], rows=1000)
    assert (len(few.pieces), few.left_out) == (31, 0.0)
    more = planned([[(100_000, MB)] * 64], rows=1000)
    assert (len(more.pieces), more.left_out, more.rate) == (16, 0.75, 1 / 2048)


def test_what_far_over_the_budget_is_left_out_is_nested_in_what_less_leaves_out() -> None:
    chosen = [set(places(planned([[(500, MB)] * 400], rows=n))) for n in (1000, 2000, 4000)]
    assert [len(c) for c in chosen] == [16, 32, 64]
    assert chosen[0] < chosen[1] < chosen[2]


def test_a_piece_that_never_fits_does_not_block_the_others() -> None:
    for large in range(6):
        groups = [[(100, 50 * MB if i == large else MB)] for i in range(6)]
        found = planned(groups, bytes=10 * MB)
        assert (found.bytes, found.left_out) == (5 * MB, pytest.approx(1 / 6))


def test_the_rate_is_that_of_what_is_read() -> None:
    found = planned([[(1000, MB)] * 8], rows=1000, bytes=2 * MB)
    assert (found.rows, found.left_out, found.rate) == (2000, 0.75, 0.5)


def test_row_groups_of_other_hours_are_not_read() -> None:
    found = planned([[(10, MB)]], times=(HOUR.end_us, HOUR.end_us + 1))
    assert (found.pieces, found.elsewhere) == ((), ((10, HOUR.end_us, HOUR.end_us + 1),))
    assert planned([[(10, MB)]], times=(0, HOUR.start_us - 1)).pieces == ()
    assert len(planned([[(10, MB)]], times=(0, HOUR.start_us)).pieces) == 1
    assert len(planned([[(10, MB)]], times=None).pieces) == 1


def test_files_of_nothing_are_not_read() -> None:
    assert planned([[], [(0, 0)]]).pieces == ()
    assert planned([]) == Plan((), 0, 0)
    assert planned([], spent=99_999 * MB) == Plan((), 0, 0)


def test_a_text_file_is_one_piece_and_has_a_row() -> None:
    cost = Cost(0, 5, False, (FileCost("/log/a.jsonl", 0, 5),))
    found = plan([LogFile("/log/a.jsonl", 5, 1)], cost, HOUR, BudgetConfig())
    assert [(p.row_group, p.rows, p.bytes) for p in found.pieces] == [(None, 1, 5)]


def test_over_budget_says_what_is_needed_and_allowed() -> None:
    with pytest.raises(BudgetError) as error:
        planned([[(10, 30 * MB), (10, 40 * MB)]], bytes=20 * MB)
    assert str(error.value) == (
        "over budget: the window needs 70MiB, its smallest part 30MiB, and budget.bytes_per_evaluation is 20MiB: "
        "raise it, or write smaller row groups"
    )


def test_the_days_budget_used_up_says_so() -> None:
    for spent in (95, 100, 130):
        with pytest.raises(BudgetError) as error:
            planned([[(10, 30 * MB), (10, 40 * MB)]], bytes=80 * MB, day=100 * MB, spent=spent * MB)
        assert str(error.value) == (
            f"the day's budget is used up: {spent}MiB of 100MiB read today, this window needs 70MiB: "
            "raise budget.bytes_per_day or watch fewer columns"
        )


def test_what_the_day_has_left_is_read() -> None:
    found = planned([[(10, 30 * MB), (10, 40 * MB)]], bytes=80 * MB, day=100 * MB, spent=60 * MB)
    assert (found.bytes, found.left_out) in ((30 * MB, 0.5), (40 * MB, 0.5))


class Recording(PredictionLog):
    """A log that remembers what was read of it."""

    seen: list[tuple[str, int | None]]

    def read(
        self,
        file: LogFile,
        quarantine: Quarantine,
        row_groups: Sequence[int] | None = None,
        as_text: Collection[str] | None = None,
    ) -> Iterator[pa.Table]:
        self.seen += [(file.path, g) for g in row_groups] if row_groups is not None else [(file.path, None)]
        return super().read(file, quarantine, row_groups, as_text)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 1.0])
def test_nothing_is_read_that_was_not_planned(tmp_path: Path, share: float) -> None:
    rows = [*simple_rows(40), *simple_rows(20, timestamp=HOUR.end + timedelta(minutes=1))]
    write_log(tmp_path, rows, Shape(row_group=15, files=2))
    log = Recording(Shape().recommender(tmp_path).log, ("country",))
    files = log.files(HOUR, NOW).files
    cost = log.cost(files, Quarantine())
    size = {(f.path, i): b for f in cost.per_file for i, (_, b) in enumerate(f.row_groups)}
    inside = plan(files, cost, HOUR, BudgetConfig()).bytes
    budget = BudgetConfig(bytes_per_evaluation=int(inside * share))
    found = plan(files, cost, HOUR, budget)
    log.seen = []

    def opened(*_: Any) -> PredictionLog:
        return log

    window = run(tmp_path, Shape(), kinds=[Seen], planned=lambda _: found, log=opened)
    assert sorted(log.seen) == sorted(places(found))
    assert sum(size[place] for place in log.seen) == found.bytes == window.read.bytes_read <= inside * share
    assert window.read.sampling_rate == pytest.approx(1 - found.left_out)


def test_the_plan_follows_the_window(tmp_path: Path) -> None:
    write_log(tmp_path, simple_rows(40), Shape(row_group=15))
    later = Window(HOUR.end, HOUR.end + HOUR.length)
    log = PredictionLog(Shape().recommender(tmp_path).log)
    cost = log.cost(log.files(HOUR, NOW).files, Quarantine())
    found = plan(log.files(HOUR, NOW).files, cost, later, BudgetConfig())
    assert replace(found, elsewhere=()) == Plan((), 0, 0)
    assert sum(rows for rows, _, _ in found.elsewhere) == 120
