"""Checking a configuration down to its detectors, in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_cycles import START

from monitor.daemon.once import inspected, run_once
from monitor.daemon.process import WorkerProcess
from monitor.errors import RecwatchError, UserError
from monitor.store.store import Store

SHOP = "recommenders: [{name: shop, log: {path: log, columns: {timestamp: ts, item: item}}%s}]"


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    started = WorkerProcess("fake_cycles:run_cycle")
    yield started
    started.kill()


def written(tmp_path: Path, more: str = "") -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP % more)
    return path


def test_it_tells_what_the_detectors_measure(tmp_path: Path, worker: WorkerProcess) -> None:
    inspection, workers = inspected(written(tmp_path, ", detectors: {scores: {enabled: false}}"), worker)
    assert [r.name for r in inspection.config.recommenders] == ["shop"]
    assert "scores" not in inspection.detectors["shop"]
    assert "same_item" in inspection.detectors["shop"]
    families = {name.partition(".")[0] for name in inspection.catalogue}
    assert families == set(inspection.detectors["shop"])
    assert all(info.help for info in inspection.catalogue.values())
    with Store.open(tmp_path / "state") as store:
        outcome = run_once(inspection.config.recommenders, store, START, started=workers)
    assert outcome.faults == []  # the same worker takes more work


def test_a_detector_that_only_an_override_switches_on_is_known(tmp_path: Path, worker: WorkerProcess) -> None:
    more = ", split_by: surface, detectors: {scores: {enabled: false}}"
    path = written(tmp_path, more)
    path.write_text(path.read_text() + "\noverrides: {shop/home: {detectors: {scores: {enabled: true}}}}")
    inspection, _ = inspected(path, worker)
    assert any(name.startswith("scores.") for name in inspection.catalogue)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (", detectors: {same_itm: {}}", "unknown detector; did you mean"),
        (", detectors: {same_item: {risse: 1}}", "unknown setting; did you mean"),
        (", slice: [country]", "slice"),
    ],
)
def test_mistakes_are_the_users(tmp_path: Path, worker: WorkerProcess, more: str, what: str) -> None:
    with pytest.raises(UserError, match=what):
        inspected(written(tmp_path, more), worker)


def test_a_worker_that_cannot_start_or_dies_is_not_the_users_mistake(tmp_path: Path) -> None:
    path = written(tmp_path)
    broken = WorkerProcess("no_such_module:run")
    with pytest.raises(RecwatchError, match="the worker cannot start: ModuleNotFoundError") as told:
        inspected(path, broken)
    assert not isinstance(told.value, UserError)
    broken.kill()
    dying = WorkerProcess("fake_cycles:run_cycle")
    with pytest.raises(RecwatchError, match="the worker ended by itself with exit code 7"):
        inspected(path, dying, inspect="fake_cycles:die")
    dying.kill()
