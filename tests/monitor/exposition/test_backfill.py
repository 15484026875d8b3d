"""History for Prometheus: real promtool makes blocks of it, and a real Prometheus shows what the daemon would have."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitor.config.effective import to_yaml
from monitor.config.models import Config, Mode
from monitor.daemon.inspection import inspect
from monitor.errors import UserError
from monitor.exposition.backfill import Backfill, Told, parse_labels
from monitor.exposition.exporter import Exporter
from monitor.exposition.health import Health
from monitor.exposition.state import RecommenderState, read_state
from monitor.incidents.fleet import course
from monitor.incidents.incident import Resolution
from monitor.store.store import Store
from tests.monitor.cycle.small_shop import cycle, due_at, shop, write_hours
from tests.monitor.factories import CATALOGUE, HOUR, NOON, config, evaluation, incident, stuck_evaluation
from tests.servers import prometheus, wait_for

HOURS = 40
STUCK, MISSING = range(24, 27), (34,)
MAINTENANCE = {"from": "2026-03-03T06:00Z", "until": "2026-03-03T08:00Z"}  # hours 30 and 31
TARGET = {"job": "shops", "instance": "a:10147", "pod": "recwatch-0"}
RECWATCH = Path(sys.executable).with_name("recwatch")
AGES = "100y"  # however long ago the test's history is
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.mark.needs("prometheus", "promtool")
def test_a_real_prometheus_shows_what_the_daemon_would_have_exported(tmp_path: Path) -> None:
    write_hours(tmp_path / "log", range(HOURS), stuck=STUCK, missing=MISSING)
    recommender = shop(
        tmp_path / "log", slices=("surface",), labels={"team": "discovery"}, maintenance=(MAINTENANCE,)
    )
    settings, history, blocks = tmp_path / "shop.yaml", tmp_path / "history.om", tmp_path / "data"
    settings.write_text(to_yaml(Config(recommenders=(recommender,))))
    labels = [f"--label={name}={value}" for name, value in TARGET.items()]
    run(RECWATCH, "backtest", settings, "--openmetrics", history, *labels)
    run("promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=720h", history, blocks)

    asked = {0, 23, *STUCK, 27, 28, 29, 30, 31, 33, *MISSING, 35, HOURS - 1}
    flags = [f"--storage.tsdb.retention.time={AGES}"]
    with Store.in_memory() as store, prometheus(tmp_path, flags=flags) as server:
        wait_for(lambda: server.ask("status/runtimeinfo"))
        exporter = Exporter(Health("1"), inspect(str(settings)).catalogue)
        states = set()
        for hour in range(HOURS):
            cycle(recommender, store, due_at(hour))
            if hour in asked:
                exporter.update(read_state(store, recommender, due_at(hour)))
                expected = exported(exporter.textfile().decode())
                for later in (timedelta(seconds=1), timedelta(minutes=59, seconds=59)):
                    found = server.query('{job="shops"}', at=due_at(hour) + later)
                    assert shown(found) == expected, (hour, later)
                states |= {(name, value) for (name, _), value in expected.items()}
        for name in ("recwatch_incident_open", "recwatch_in_maintenance"):
            assert {value for other, value in states if other == name} == {0, 1}
        assert server.query('{job="shops"}', at=due_at(HOURS) + timedelta(minutes=5)) == []


def run(*command: object) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def exported(text: str) -> Series:
    samples = [sample for family in parse_text(text) for sample in family.samples]
    return {(s.name, frozenset(s.labels.items())): s.value for s in samples}


def shown(found: list[tuple[dict[str, str], float]]) -> Series:
    """Series as they were exported: without what Prometheus adds."""
    series = {}
    for labels, value in found:
        assert {name: labels.pop(name) for name in TARGET} == TARGET
        name = labels.pop("__name__")
        series[name, frozenset((k, v) for k, v in labels.items())] = value
    return series


def backfill(until: datetime = NOON + 24 * HOUR) -> Backfill:
    return Backfill(CATALOGUE, TARGET, 2000, until)


def times(path: Path, series: str) -> list[float]:
    """Minutes since noon at which there is a sample."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith(series)]
    return [(float(line.rpartition(" ")[2]) - NOON.timestamp()) / 60 for line in lines]


def test_a_value_is_there_until_the_next_and_never_in_the_future(tmp_path: Path) -> None:
    path, history = tmp_path / "history.om", backfill(until=NOON + timedelta(minutes=95))
    for k in range(3):
        state = RecommenderState(config(), evaluation(end=NOON + k * HOUR))
        history.add(state, NOON + k * HOUR, NOON + (k + 1) * HOUR)
    history.write(path)
    assert times(path, "recwatch_window_rows{") == [float(minute) for minute in range(0, 95, 5)]
    assert path.read_text("utf-8").endswith("\n# EOF\n")


def test_the_samples_of_a_series_and_the_series_of_a_metric_stand_together(tmp_path: Path) -> None:
    path, history = tmp_path / "history.om", backfill()
    for k in range(3):
        for name in ("home", "cart"):
            state = RecommenderState(config(name), stuck_evaluation(name), incidents=(incident(name),))
            history.add(state, NOON + k * HOUR, NOON + (k + 1) * HOUR)
    history.write(path)
    families = list(parse_openmetrics(path.read_text("utf-8")))  # which refuses anything else
    (opened,) = (family for family in families if family.name == "recwatch_incident_open")
    assert len(opened.samples) == 2 * 3 * 12
    assert {s.labels["pod"] for s in opened.samples} == {"recwatch-0"}


def test_parts_of_an_incident_of_the_fleet_are_muted_while_both_are_open(tmp_path: Path) -> None:
    """Three recommenders are stuck from noon on, one of them for two hours, the others for three; a fourth alone."""
    path, history, known = tmp_path / "history.om", backfill(), []
    for name, hours in {"cart": 2, "home": 3, "search": 3}.items():
        one = incident(name)
        known.append(replace(one, resolved_at=one.opened_at + hours * HOUR, resolution=Resolution.RECOVERED))
    other = replace(incident("home"), id="alone", opened_at=NOON + 9 * HOUR)
    for one in (*known, other):
        told = Told(config(one.recommender))
        for k in range(5):
            now = one.opened_at + k * HOUR
            is_over = one.resolved_at is not None and now >= one.resolved_at
            shown = one if is_over else replace(one, resolved_at=None, resolution=None)
            judged = evaluation(one.recommender, end=now, open_incidents=(shown,))
            history.add(told.after(judged), now, now + HOUR)
    history.add_fleet(course([*known, other]))
    history.write(path)
    families = {family.name: family for family in parse_openmetrics(path.read_text("utf-8"))}
    muted: dict[tuple[str, str], list[float]] = {}
    for sample in families["recwatch_incident_muted"].samples:
        key = sample.labels["recommender"], sample.labels["incident"]
        muted.setdefault(key, []).append(sample.value)
    each = {key: values[::12] for key, values in muted.items() if key[0] != "(fleet)"}
    cart, home, search = ((one.recommender, one.id) for one in known)
    assert each == {
        cart: [1, 1, 0, 0, 0],
        home: [1, 1, 1, 0, 0],
        search: [1, 1, 1, 0, 0],
        ("home", "alone"): [0, 0, 0, 0, 0],
    }


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "history.om"
    with pytest.raises(UserError) as raised:
        backfill().write(path)
    assert str(raised.value) == f"--openmetrics {path}: No such file or directory"


def test_what_was_closed_stays_for_a_day_and_nobody_is_told_when_nobody_is_to_be() -> None:
    closed = incident(resolved_at=NOON + HOUR)
    for mode, known in ((Mode.PAGE, 1), (Mode.OBSERVE, 0)):
        told = Told(config(mode=mode))
        assert len(told.after(stuck_evaluation()).incidents) == known
        assert len(told.after(evaluation(end=NOON + HOUR, open_incidents=(closed,))).incidents) == known
        assert len(told.after(evaluation(end=NOON + 24 * HOUR)).incidents) == known
        assert told.after(evaluation(end=NOON + 25 * HOUR)).incidents == ()


def test_labels_are_written_as_name_and_value() -> None:
    assert parse_labels(("job=a", "instance=x", "job=b=c", "instance=")) == {"job": "b=c"}
    for wrong in ("job", "=x", "my-job=x"):
        with pytest.raises(UserError) as raised:
            parse_labels((wrong,))
        assert str(raised.value) == f"--label {wrong}: write NAME=VALUE, such as job=recwatch"
