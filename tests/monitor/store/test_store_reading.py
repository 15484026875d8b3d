"""What is recorded is what is read back, whatever it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from store_examples import HOUR, START, evaluation, evaluations, findings, incident, window

from monitor.evaluation import Evaluation, FileSeen, ReadReport, Status
from monitor.store import Store, WindowState

law = settings(derandomize=True, deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])


def everything(store: Store) -> dict[str, Any]:
    """All that can be read of a store."""
    return {
        name: (
            store.evaluations(name),
            store.summaries(name, 10**6),
            store.states(name),
            [store.bytes_read(name, e.evaluated_at.date()) for e in store.evaluations(name)],
            store.incidents(name, include_silent=True),
        )
        for name in store.recommenders()
    } | {"": (store.told(), store.incidents(include_silent=True))}


@law
@given(evaluations)
def test_what_is_recorded_is_read_back(written: Evaluation) -> None:
    with Store.in_memory() as store:
        store.record(written)

        assert store.evaluation(written.recommender, written.window) == written
        assert store.evaluations(written.recommender) == [replace(written, summary=None)]
        assert store.recommenders() == [written.recommender]
        assert store.bytes_read(written.recommender, written.evaluated_at.date()) == written.read.bytes_read
        for found in written.open_incidents:
            assert store.incident(found.id) == found


@law
@given(evaluations)
def test_recording_twice_is_recording_once(written: Evaluation) -> None:
    with Store.in_memory() as store:
        store.record(written)
        once = everything(store)
        store.record(written)
        assert everything(store) == once


def test_names_that_look_alike_are_different() -> None:
    """A lone surrogate, its spelling, and the spelling of that."""
    names = [
        "\ud800",
        "\\ud800",
        "\\\\ud800",
        "\\",
        "\\\\",
        "",
        "\x00",
        "'; DROP TABLE told --",
        "é",
        "e\u0301",
    ]
    with Store.in_memory() as store:
        for name in names:
            store.record(evaluation(0, name, reason=name))
        assert store.recommenders() == sorted(names)
        assert [store.latest(name) for name in names] == [evaluation(0, name, reason=name) for name in names]


def test_a_store_is_there_after_closing(tmp_path: Path) -> None:
    written = evaluation(3, findings=findings(3, 4), open_incidents=(incident(),), summary=b"\x00\xff")
    with Store.open(tmp_path / "made" / "for it") as store:
        store.record(written)
        before = everything(store)
    with Store.open(tmp_path / "made" / "for it", read_only=True) as store:
        assert everything(store) == before
        assert store.evaluation("shop", window(3)) == written


def test_a_window_is_recorded_again_in_its_place() -> None:
    first = evaluation(0, status=Status.FAILED, reason="no such file")
    with Store.in_memory() as store:
        store.record(first)
        store.record(replace(first, status=Status.EVALUATED, reason="", attempt=2))
        assert [(e.status, e.attempt) for e in store.evaluations("shop")] == [(Status.EVALUATED, 2)]


def test_windows_are_read_by_their_start() -> None:
    with Store.in_memory() as store:
        for k in (2, 0, 1, 3):
            store.record(evaluation(k, findings=findings(2, 2)))
        store.record(evaluation(9, "other"))

        def starts(**choice: Any) -> list[int]:
            return [(e.window.start - START) // HOUR for e in store.evaluations("shop", **choice)]

        assert starts() == [0, 1, 2, 3]
        assert starts(newest_first=True) == [3, 2, 1, 0]
        assert starts(limit=2) == [0, 1]
        assert starts(limit=2, newest_first=True) == [3, 2]
        assert starts(since=window(1).start, until=window(3).start) == [1, 2]
        assert starts(since=window(1).start + timedelta(microseconds=1)) == [2, 3]
        assert starts(until=START) == []
        assert all(len(e.findings) == 4 for e in store.evaluations("shop"))
        assert all(len(e.findings) == 0 for e in store.evaluations("shop", with_findings=False))
        assert store.latest("shop") == evaluation(3, findings=findings(2, 2))
        assert store.latest("nobody") is None
        assert store.evaluation("shop", window(7)) is None
        assert store.recommenders() == ["other", "shop"]


def test_a_window_of_another_length_is_another_window() -> None:
    with Store.in_memory() as store:
        store.record(evaluation(0))
        assert store.evaluation("shop", replace(window(0), end=window(1).end)) is None


def test_states_hold_what_the_scheduler_needs() -> None:
    files = (FileSeen("a'b\n\ud800.parquet", 10, 1_700_000_000_000_000),)
    read = ReadReport(files=files, rows=7, bytes_read=10)
    with Store.in_memory() as store:
        store.record(evaluation(0))
        store.record(evaluation(1, read=read, attempt=2, status=Status.NO_DATA))
        [state] = store.states("shop", since=window(1).start)
        assert state == WindowState(window(1), Status.NO_DATA, 2, 7, files, evaluation(1).evaluated_at)
        assert [s.window for s in store.states("shop")] == [window(0), window(1)]


def test_bytes_of_every_attempt_are_counted_on_the_day_of_the_work() -> None:
    def attempt(n: int, day: int, size: int) -> Evaluation:
        at = START + timedelta(days=day)
        return evaluation(0, attempt=n, evaluated_at=at, read=ReadReport(bytes_read=size))

    with Store.in_memory() as store:
        for written in (attempt(1, 0, 100), attempt(2, 0, 10), attempt(2, 0, 10), attempt(3, 1, 5)):
            store.record(written)
        days = [(START + timedelta(days=d)).date() for d in range(3)]
        assert [store.bytes_read("shop", day) for day in days] == [110, 5, 0]
        assert store.bytes_read("other", days[0]) == 0

        judged_anew = replace(attempt(3, 2, 5), reason="refold")  # the reading of attempt 3, not another one
        store.replace_after("shop", [judged_anew])
        assert [store.bytes_read("shop", day) for day in days] == [110, 5, 0]


def test_summaries_of_the_newest_windows_are_kept() -> None:
    with Store.in_memory() as store:
        for k in (0, 3, 1, 2):
            store.record(evaluation(k, summary=bytes([k])), keep_summaries=3)
            store.record(evaluation(k, "other", summary=b"o"), keep_summaries=3)
        assert list(store.summaries("shop", 10).items()) == [(window(k), bytes([k])) for k in (1, 2, 3)]
        assert list(store.summaries("shop", 2)) == [window(2), window(3)]
        assert store.summaries("nobody", 2) == {}

        again = evaluation(3, reason="judged anew, not read anew")
        store.record(again, keep_summaries=3)
        assert store.evaluation("shop", window(3)) == replace(again, summary=bytes([3]))
        store.record(again, keep_summaries=0)
        assert store.summaries("shop", 10) == {}


def test_evaluations_of_others_are_no_refold() -> None:
    with Store.in_memory() as store, pytest.raises(ValueError, match="other recommenders than 'shop'"):
        store.replace_after("shop", [evaluation(0), evaluation(1, "other")])


def test_a_day_of_noise_at_30_slices_and_40_measures_takes_little_more_than_a_megabyte(
    tmp_path: Path,
) -> None:
    """Noise is the worst case: eight bytes a number, which no compression makes less."""
    files = tuple(FileSeen(f"date=2026-03-02/part-{i:05}.parquet", 10_000_000 + i, i) for i in range(20))
    with Store.open(tmp_path) as store:
        store.record(evaluation(0))
        before = (tmp_path / "recwatch.db").stat().st_size
        for k in range(24):
            store.record(
                evaluation(k, findings=findings(30, 40, seed=k), read=ReadReport(files=files, rows=10**7))
            )
    assert (tmp_path / "recwatch.db").stat().st_size - before < 1_200_000
