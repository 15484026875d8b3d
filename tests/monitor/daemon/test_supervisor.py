"""Evaluations in real worker processes that hang, crash, end, eat memory and print."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from fake_cycles import DETECTORS, HOUR, SECOND_WINDOW, START, hours, recommender

from monitor.config.models import RecommenderConfig
from monitor.daemon.faults import Kind
from monitor.daemon.once import Outcome, run_once
from monitor.daemon.pool import Limits
from monitor.daemon.supervisor import Supervisor
from monitor.errors import StoreError
from monitor.evaluation import Evaluation, Status
from monitor.store.store import Store

CYCLE, VALUES = "fake_cycles:run_cycle", "fake_cycles:split_values"
SOON = 0.5  # seconds: a deadline that a healthy fake window never comes near


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "state") as opened:
        yield opened


def evaluate(
    store: Store, *configs: RecommenderConfig, windows: int = 3, limits: Limits | None = None
) -> Outcome:
    return run_once(
        configs, store, START + windows * HOUR, limits=limits or Limits(), cycle=CYCLE, values=VALUES
    )


def statuses(store: Store, name: str = "shop") -> list[Status]:
    return [state.status for state in store.states(name)]


GOOD, FAILED = Status.EVALUATED, Status.FAILED


def test_every_due_window_is_committed_once_and_in_order(store: Store) -> None:
    outcome = evaluate(store, recommender(), recommender(name="other"), windows=5)
    for name in ("shop", "other"):
        assert [s.window for s in store.states(name)] == hours(5)
        assert [e.window for e in outcome.evaluations if e.recommender == name] == hours(5)
    assert outcome.faults == []
    assert evaluate(store, recommender(), windows=5).evaluations == []


@pytest.mark.parametrize(
    ("behaviour", "kind", "reason"),
    [
        ("hang", Kind.HUNG, r"stopped after 500ms \(window.deadline\) at fake_cycles.py:\d+ in misbehave"),
        (
            "hang_hard",
            Kind.HUNG,
            r"stopped after 500ms \(window.deadline\) at fake_cycles.py:\d+ in misbehave",
        ),
        (
            "segfault",
            Kind.DIED,
            r"the worker died of SIGSEGV \(segmentation fault at fake_cycles.py:\d+ in misbehave\)",
        ),
        ("killed", Kind.DIED, r"the worker was killed by SIGKILL, as a machine out of memory does"),
        ("os_exit", Kind.DIED, r"the worker ended by itself with exit code 7"),
        ("sys_exit", Kind.RAISED, r"SystemExit at fake_cycles.py:\d+ in misbehave"),
        ("raise", Kind.RAISED, r"ValueError at fake_cycles.py:\d+ in misbehave"),
        ("eof", Kind.RAISED, r"EOFError at fake_cycles.py:\d+ in misbehave"),
        (
            "eat_memory",
            Kind.MEMORY,
            r"stopped at more than 400MiB of memory \(daemon.worker_memory\)( at fake_cycles.py:.*)?",
        ),
    ],
)
class TestWhatADetectorDoes:
    deadline: ClassVar = {"hang": SOON, "hang_hard": SOON}
    limits = Limits(memory=400 * 2**20)

    def test_it_is_left_out_and_the_window_is_told_without_it(
        self, store: Store, behaviour: str, kind: Kind, reason: str
    ) -> None:
        config = recommender(f"{behaviour}_in_second", deadline=self.deadline.get(behaviour, 60))
        outcome = evaluate(store, config, limits=self.limits)
        assert statuses(store) == [GOOD, GOOD, GOOD]
        [fault] = outcome.faults
        assert (fault.kind, fault.window, fault.detector) == (kind, SECOND_WINDOW, "second")
        stored = [store.evaluation("shop", w) for w in hours(3)]
        assert [sorted(e.failures) for e in stored if e] == [[], ["second"], []]
        assert stored[1]
        assert stored[1].failures["second"] == str(fault)
        assert re.fullmatch(reason + ", in detector second", str(fault)), str(fault)

    def test_while_reading_the_window_failed_and_later_ones_go_on(
        self, store: Store, behaviour: str, kind: Kind, reason: str
    ) -> None:
        config = recommender(f"{behaviour}_reading", deadline=self.deadline.get(behaviour, 60))
        outcome = evaluate(store, config, limits=self.limits)
        assert statuses(store) == [GOOD, FAILED, GOOD]
        [fault] = outcome.faults
        assert (fault.kind, fault.window, fault.detector) == (kind, SECOND_WINDOW, "")
        failed = store.evaluation("shop", SECOND_WINDOW)
        assert failed
        assert failed.reason == str(fault)
        assert re.fullmatch(reason + ", while reading", failed.reason), failed.reason


def test_two_bad_detectors_leave_the_third(store: Store) -> None:
    outcome = evaluate(store, recommender("os_exit_in_first_and_third"))
    assert statuses(store) == [GOOD, GOOD, GOOD]
    assert [f.detector for f in outcome.faults] == ["first", "third"]
    told = store.evaluation("shop", SECOND_WINDOW)
    assert told
    assert sorted(told.failures) == ["first", "third"]


def test_a_window_takes_three_workers_along_and_no_more(store: Store) -> None:
    outcome = evaluate(store, recommender("os_exit_in_first_and_second_and_third"))
    assert statuses(store) == [GOOD, FAILED, GOOD]
    assert [f.detector for f in outcome.faults] == list(DETECTORS)


def test_a_detector_that_always_hangs_rests_after_its_second_strike(store: Store) -> None:
    outcome = evaluate(store, recommender("always_hang_in_third", deadline=SOON), windows=12)
    assert statuses(store) == [GOOD] * 12
    assert [f.window for f in outcome.faults] == hours(2)
    assert all(list(e.failures) == ["third"] for e in outcome.evaluations)
    assert "stopped after 500ms" in outcome.evaluations[-1].failures["third"]


def test_hanging_for_ever_in_reading_fails_each_window_and_no_other_recommender(store: Store) -> None:
    outcome = evaluate(store, recommender("always_hang_reading", deadline=SOON), recommender(name="other"))
    assert statuses(store) == [FAILED] * 3
    assert statuses(store, "other") == [GOOD] * 3
    assert len(outcome.faults) == 3


def test_a_log_that_is_missing_is_a_fault_without_a_window(store: Store) -> None:
    outcome = evaluate(store, recommender("no_log:/logs/shop"), recommender(name="other"))
    assert [(f.kind, f.window, str(f)) for f in outcome.faults] == [
        (Kind.REFUSED, None, "/logs/shop does not exist")
    ]
    assert (statuses(store), statuses(store, "other")) == ([], [GOOD] * 3)


def test_a_failed_second_look_keeps_the_first(store: Store) -> None:
    good = evaluate(store, recommender(), windows=2).evaluations[1]
    outcome = evaluate_again(store, recommender("always_os_exit_reading"), good)
    kept = store.evaluation("shop", SECOND_WINDOW)
    assert kept
    assert (kept.status, kept.attempt) == (GOOD, 2)
    assert kept.reason == f"looked at again without success: {outcome.faults[0]}"


def evaluate_again(store: Store, config: RecommenderConfig, evaluation: Evaluation) -> Outcome:
    return run_once([config], store, evaluation.window.end, cycle="fake_cycles:look_again", values=VALUES)


def test_incidents_stay_open_over_a_failed_window(store: Store) -> None:
    outcome = evaluate(store, recommender("os_exit_reading", name="incident"))
    assert [e.status for e in outcome.evaluations] == [GOOD, FAILED, GOOD]
    assert [[i.id for i in e.open_incidents] for e in outcome.evaluations[:2]] == [["i1"], ["i1"]]


def test_a_worker_that_was_told_to_end_from_outside_blames_nobody(store: Store, tmp_path: Path) -> None:
    outcome = evaluate(store, recommender(f"terminated_once_in_second:{tmp_path / 'marker'}"))
    assert (tmp_path / "marker").exists()
    assert statuses(store) == [GOOD] * 3
    assert outcome.faults == []


def test_what_a_detector_prints_reaches_nobody(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    assert evaluate(store, recommender("always_print_in_second")).faults == []
    assert statuses(store) == [GOOD] * 3
    assert capfd.readouterr() == ("", "")


def test_what_a_worker_started_ends_with_it(store: Store, tmp_path: Path) -> None:
    outcome = evaluate(store, recommender(f"leave_child_in_second:{tmp_path / 'pids'}"))
    assert [f.kind for f in outcome.faults] == [Kind.DIED]
    assert statuses(store) == [GOOD] * 3
    for pid in (tmp_path / "pids").read_text().split():
        assert_ends(int(pid))


def assert_ends(pid: int) -> None:
    """The process ends, or is a zombie that nobody has waited for."""
    while True:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except FileNotFoundError:
            return
        time.sleep(0.01)


def test_a_full_disk_stops_the_job_and_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full from the second window on, then there is space again."""
    record = Store.record

    def full(self: Store, evaluation: Evaluation, *, keep_summaries: int = 48) -> None:
        if evaluation.window == SECOND_WINDOW:
            raise StoreError("the disk is full")
        record(self, evaluation, keep_summaries=keep_summaries)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "record", full)
        outcome = evaluate(store, recommender())
    assert [(f.kind, f.reason) for f in outcome.faults] == [(Kind.STORE, "the disk is full")]
    assert [e.window for e in outcome.evaluations] == hours(1)
    assert [s.window for s in store.states("shop")] == hours(1)
    assert [e.window for e in evaluate(store, recommender()).evaluations] == hours(3)[1:]


def test_values_of_a_split_column(store: Store) -> None:
    split = recommender("values:home,search").model_copy(update={"split_by": "surface"})

    def expand(values: dict[str, tuple[str, ...]]) -> list[RecommenderConfig]:
        return [recommender(name=f"{name}/{value}") for name in values for value in values[name]]

    outcome = run_once([split], store, START + HOUR, expand=expand, cycle=CYCLE, values=VALUES)
    assert outcome.values == {"shop": ("home", "search")}
    assert sorted(e.recommender for e in outcome.evaluations) == ["shop/home", "shop/search"]


def test_a_worker_that_cannot_start_says_why(store: Store) -> None:
    outcome = run_once([recommender()], store, START + HOUR, cycle="no_such_module:run")
    assert [str(f) for f in outcome.faults] == [
        "the worker cannot start: ModuleNotFoundError: No module named 'no_such_module'"
    ]


class TestPool:
    """The life of workers between jobs."""

    def work_off(self, supervisor: Supervisor) -> None:
        while supervisor.busy:
            supervisor.step(5)

    @pytest.fixture
    def outcome(self) -> Outcome:
        return Outcome()

    @pytest.fixture
    def make(self, store: Store, outcome: Outcome) -> Iterator[object]:
        made: list[Supervisor] = []

        def supervisor(limits: Limits) -> Supervisor:
            made.append(Supervisor(store, outcome, limits=limits, cycle=CYCLE))
            return made[-1]

        yield supervisor
        for one in made:
            one.stop()

    def test_a_recommender_is_submitted_once(self, make, outcome: Outcome) -> None:
        supervisor = make(Limits())
        assert supervisor.submit(recommender(), START + HOUR)
        assert not supervisor.submit(recommender(), START + HOUR)
        assert supervisor.call("shop", HOUR, VALUES, recommender("values:a"), START)
        supervisor.step(0)
        assert not supervisor.submit(recommender(), START + HOUR)
        self.work_off(supervisor)
        assert supervisor.submit(recommender(), START + HOUR)
        assert [e.window for e in outcome.evaluations] == hours(1)

    def test_no_more_workers_than_slots(self, make, outcome: Outcome) -> None:
        supervisor = make(Limits(slots=2))
        for number in range(5):
            supervisor.submit(recommender(name=f"shop{number}"), START + HOUR)
        most = 0
        while supervisor.busy:
            supervisor.step(5)
            most = max(most, supervisor.processes)
        assert most == 2
        assert len(outcome.evaluations) == 5

    def test_an_idle_worker_ends(self, make) -> None:
        supervisor = make(Limits(idle=timedelta(0)))
        supervisor.submit(recommender(), START + HOUR)
        self.work_off(supervisor)
        while supervisor.processes:
            supervisor.step(0.01)

    def test_a_worker_is_replaced_after_its_jobs(self, make, outcome: Outcome) -> None:
        supervisor = make(Limits(slots=1, jobs=1))
        pids = set()
        for windows in (1, 2, 3):
            supervisor.submit(recommender(), START + windows * HOUR)
            supervisor.step(0)
            pids |= {w.process.pid for w in supervisor._workers}
            self.work_off(supervisor)
            while supervisor.processes:
                supervisor.step(0.01)
        assert len(pids) == 3
        assert len(outcome.evaluations) == 3

    def test_after_a_fault_without_a_window_it_waits(self, make, outcome: Outcome) -> None:
        supervisor = make(Limits())
        supervisor.submit(recommender("no_log:/logs"), START + HOUR)
        self.work_off(supervisor)
        assert not supervisor.submit(recommender("no_log:/logs"), START + HOUR)
        supervisor.forgive()
        assert supervisor.submit(recommender("no_log:/logs"), START + HOUR)

    def test_stop_kills_what_runs(self, make, store: Store, tmp_path: Path) -> None:
        supervisor = make(Limits())
        pid_file = tmp_path / "pid"
        supervisor.submit(recommender(f"tell_pid_and_hang_reading:{pid_file}"), START + 3 * HOUR)
        while not (pid_file.exists() and pid_file.read_text()):
            supervisor.step(0.05)
        supervisor.stop()
        assert_ends(int(pid_file.read_text()))
        assert not supervisor.busy
        assert statuses(store) == [GOOD]


def test_a_prestarted_worker_is_used(store: Store) -> None:
    from monitor.daemon.process import WorkerProcess

    early = WorkerProcess(CYCLE)
    outcome = run_once([recommender()], store, START + HOUR, started=[early], cycle="no_such_module:run")
    assert [e.window for e in outcome.evaluations] == hours(1)
    assert outcome.faults == []
    assert not early.alive


def test_no_room_for_another_process_is_a_fault(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", os.devnull)  # cannot be run
    outcome = evaluate(store, recommender())
    assert [str(f) for f in outcome.faults] == ["no worker process could be started: Permission denied"]
    assert statuses(store) == []
