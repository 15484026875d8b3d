"""Late rows: a window that they change is evaluated again, and judgement is redone from there; small change is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from small_shop import (
    HOUR,
    assert_tells_the_same,
    cycle,
    due_at,
    history,
    hour,
    path_of,
    rows_of,
    shop,
    write_hour,
    write_hours,
)

from monitor.config.models import RecommenderConfig
from monitor.evaluation import Status
from monitor.evaluator import Progress
from monitor.store import Store
from monitor.windows import Window

NEWEST = 7


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_hours(tmp_path, range(NEWEST + 2))
    return tmp_path


@pytest.fixture
def store(root: Path) -> Iterator[Store]:
    """Hours up to `NEWEST` were evaluated as they became due."""
    with Store.in_memory() as made:
        for k in range(NEWEST + 1):
            cycle(shop(root), made, due_at(k))
        yield made


class Reads:
    """Which windows are read."""

    def __init__(self) -> None:
        self.windows: list[Window] = []

    def __call__(self, progress: Progress) -> None:
        if progress.stage == "read":
            self.windows.append(progress.window)


def late_and_stuck(root: Path, k: int) -> None:
    """Five times as many rows come late, all with the same item on top."""
    write_hour(root, k, rows_of(k, requests=250, item="item-7", part=1), part=1)


def test_a_window_that_grew_is_evaluated_again_and_so_are_those_after_it(root: Path, store: Store) -> None:
    before = {e.window: e for e in store.evaluations("shop")}
    late_and_stuck(root, 5)
    reads = Reads()
    new = cycle(shop(root), store, due_at(NEWEST + 1), announce=reads)
    assert [e.window for e in new] == [hour(k) for k in (5, 6, 7, 8)]
    assert reads.windows == [hour(k) for k in (5, 6, 7, 8)]  # those after it look back at it
    assert [(e.attempt, e.read.rows_late) for e in new] == [(2, 750), (1, 0), (1, 0), (1, 0)]
    assert [i.culprit for i in new[0].open_incidents] == [{"item": "item-7"}]
    assert [[i.open for i in e.open_incidents] for e in new] == [[True], [True], [False], []]
    assert new[0].evaluated_at == due_at(8)
    assert new[0].told_at == due_at(5)
    assert new[1].evaluated_at == before[hour(6)].evaluated_at
    assert_tells_the_same(store.evaluations("shop"), history(shop(root), NEWEST + 2))
    assert cycle(shop(root), store, due_at(NEWEST + 1)) == []


@pytest.mark.parametrize("most", [1, 2, 3])
def test_judging_again_that_is_interrupted_is_finished_at_the_next_look(
    root: Path, store: Store, most: int
) -> None:
    late_and_stuck(root, 5)
    cycle(shop(root), store, due_at(8), most)
    cycle(shop(root), store, due_at(8))
    assert_tells_the_same(store.evaluations("shop"), history(shop(root), 9))
    assert [t.what for t in store.told()] == ["opened", "resolved"]
    write_hour(root, 9)
    assert [e.window for e in cycle(shop(root), store, due_at(9))] == [hour(9)]


def test_late_rows_may_take_an_incident_back(tmp_path: Path) -> None:
    """The first rows of the hour were those of one stuck instance; the rest came late."""
    write_hours(tmp_path, [*range(5), 6])
    write_hour(tmp_path, 5, rows_of(5, requests=12, item="item-7"))
    with Store.in_memory() as store:
        for k in range(6):
            cycle(shop(tmp_path), store, due_at(k))
        [told] = store.incidents(open_only=True)
        write_hour(tmp_path, 5, part=1)
        cycle(shop(tmp_path), store, due_at(6))
        assert store.incidents(open_only=True) == []
        assert [(t.incident_id, t.what) for t in store.told()] == [
            (told.id, "opened"),
            (told.id, "retracted"),
        ]


def test_a_window_that_hardly_grew_stays_as_it_is_and_is_not_read_for_ever(root: Path, store: Store) -> None:
    before = store.evaluation("shop", hour(5))
    bytes_before = store.bytes_read("shop", due_at(8).date())
    assert before is not None
    write_hour(root, 5, rows_of(5, requests=1, part=1), part=1)  # 3 rows more than 150: 2 %
    reads = Reads()
    new = cycle(shop(root), store, due_at(8), announce=reads)
    assert reads.windows == [hour(5), hour(8)]
    kept = store.evaluation("shop", hour(5))
    assert kept is not None
    assert (kept.attempt, kept.read.rows, kept.findings) == (1, before.read.rows, before.findings)
    assert {f.path for f in kept.read.files} == {str(path_of(root, 5)), str(path_of(root, 5, 1))}
    assert [e.window for e in new if e.evaluated_at == due_at(8)] == [hour(8)]
    assert store.bytes_read("shop", due_at(8).date()) > bytes_before + new[-1].read.bytes_read
    write_hour(root, 9)
    again = Reads()
    cycle(shop(root), store, due_at(9), announce=again)
    assert again.windows == [hour(9)]


def test_small_growth_adds_up(root: Path, store: Store) -> None:
    for k, part in ((8, 1), (9, 2), (10, 3)):
        write_hour(root, k)
        write_hour(root, 5, rows_of(5, requests=1, part=part), part=part)
        cycle(shop(root), store, due_at(k))
        found = store.evaluation("shop", hour(5))
        assert found is not None
        assert (found.attempt, found.read.rows) == ((1, 150) if part == 1 else (2, 156))


def test_how_much_is_a_change_is_configured(root: Path, store: Store) -> None:
    write_hour(root, 5, rows_of(5, requests=10, part=1), part=1)
    new = cycle(shop(root, window={"late_share": 0.5}), store, due_at(8))
    assert [e.window for e in new if e.evaluated_at == due_at(8)] == [hour(8)]


def test_a_window_that_had_no_rows_is_evaluated_when_they_come(tmp_path: Path) -> None:
    write_hours(tmp_path, [0, 1, 3])
    with Store.in_memory() as store:
        for k in range(3):
            cycle(shop(tmp_path), store, due_at(k))
        empty = store.evaluation("shop", hour(2))
        assert empty is not None
        assert (empty.status, empty.reason) == (
            Status.NO_DATA, "no rows: no partition date=2026-03-02/hour=02"
        )  # fmt: skip
        write_hour(tmp_path, 2)
        new = cycle(shop(tmp_path), store, due_at(3))
        assert [(e.window, e.status, e.attempt) for e in new] == [
            (hour(2), Status.EVALUATED, 2), (hour(3), Status.EVALUATED, 1)
        ]  # fmt: skip


def test_rows_that_come_too_late_are_left_alone(root: Path, store: Store) -> None:
    late_and_stuck(root, 1)
    settings: RecommenderConfig = shop(root, window={"lateness": timedelta(hours=6)})
    assert [e.window for e in cycle(settings, store, due_at(8))] == [hour(8)]


def test_a_log_that_cannot_be_looked_at_again_keeps_what_was_found(root: Path, store: Store) -> None:
    before = store.evaluations("shop")
    root.rename(root.with_name("elsewhere"))
    [failed] = cycle(shop(root), store, due_at(8))
    assert failed.status is Status.FAILED
    assert failed.reason == f"{root}: does not exist: check `log.path`"
    assert_tells_the_same(store.evaluations("shop", until=hour(8).start), before)


def test_a_replayed_window_that_is_judged_again_stays_silent(root: Path) -> None:
    with Store.in_memory() as store:
        cycle(shop(root), store, due_at(NEWEST))
        late_and_stuck(root, 4)
        cycle(shop(root), store, due_at(NEWEST + 1))
        [found] = store.incidents(include_silent=True)
        assert (found.silent, found.open, found.onset_at) == (True, False, hour(4).start)
        assert store.told() == []


def test_a_new_hour_is_what_late_rows_are_looked_for_at(root: Path, store: Store) -> None:
    """Between the hours nothing is listed: looking costs requests to an object store."""
    late_and_stuck(root, 5)
    assert cycle(shop(root), store, due_at(8) - HOUR / 2) == []
