"""Alarms of peers become reports by a stated rule; a peer that fails is said, never made up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.incident_bench.peers import __main__ as bench
from tests.incident_bench.peers import judging
from tests.incident_bench.peers.alarms import Alarm, reports
from tests.incident_bench.peers.page import NAMES, Told, page
from tests.incident_bench.scorer import score
from tests.incident_bench.story import Story

START = datetime(2026, 3, 2, tzinfo=UTC)


def at(hours):
    return START + timedelta(hours=hours)


def alarm(hours, test="rows halved", **more):
    return Alarm(test, "traffic", at(hours), **more)


def opened(alarms):
    return [
        (report["summary"].split(":")[0], datetime.fromisoformat(report["opened_at"]) - START)
        for report in reports(alarms)
    ]


def test_what_a_test_says_within_twelve_hours_is_said_once():
    hours = [
        3,
        4,
        5,
        17,
        29,
        41.5,
        60,
    ]  # 17 and 29 follow within twelve hours of the last, 41.5 and 60 do not
    assert opened(alarm(h) for h in reversed(hours)) == [
        ("rows halved", timedelta(hours=h)) for h in (3, 41.5, 60)
    ]


def test_tests_are_merged_each_by_itself():
    told = opened([alarm(3), alarm(3, "users missing"), alarm(4, "users missing")])
    assert told == [("rows halved", timedelta(hours=3)), ("users missing", timedelta(hours=3))]


def test_reports_are_pages_that_the_scorer_reads():
    (report,) = reports([alarm(3, place={"country": "DE"}, item="sku-1", text="0.4")])
    assert report == {
        "opened_at": at(3).isoformat(),
        "severity": "page",
        "detector": "traffic",
        "slice": {"country": "DE"},
        "culprit": {"item": "sku-1"},
        "summary": "rows halved: 0.4",
    }
    labels = {
        "start": at(0).isoformat(),
        "end": at(48).isoformat(),
        "events": [
            {"kind": "volume_drop", "incident": True, "where": {"country": "DE"}, "deadline_hours": 2,
             "start": at(2).isoformat(), "end": at(9).isoformat(), "severity": "page"}
        ],
    }  # fmt: skip
    (held,) = score(labels, [report]).held
    assert (held.in_time, held.right_detector, held.right_place) == (True, True, True)


def told(who, hours):
    labels = {
        "start": at(0).isoformat(),
        "end": at(480).isoformat(),
        "events": [
            {"kind": "log_stops", "incident": True, "where": {}, "deadline_hours": 1,
             "start": at(240).isoformat(), "end": at(246).isoformat(), "severity": "page"}
        ],
    }  # fmt: skip
    scored = score(labels, reports(alarm(h) for h in hours))
    return Told(
        who, "own-300-1", Story("own-300-1", scored, 300.0, 0, 12.0), tests={"rows halved": 3}, hours=312
    )


def test_the_page_sets_them_side_by_side_and_says_what_failed():
    failed = Told("popmon_lights", "own-300-1", failed="ended with 1: ImportError: no module")
    text = page(
        [told("recwatch", [241]), told("sql_thresholds", [244, 300]), failed], "the command", "popmon 1.0"
    )
    rows = {
        cells[0]: cells[1:]
        for line in text.split("## own")[1].splitlines()
        if (cells := [cell.strip() for cell in line.split("|")[1:-1]])
    }
    assert rows["recwatch"][:4] == ["1/1", "1/1", "1.0", "1/1"]
    assert rows["thresholds in SQL"][:4] == ["1/1", "0/1", "4.0", "1/1"]
    assert rows["thresholds in SQL"][7:9] == ["1.6", "1.6"]
    assert "popmon" not in rows
    assert rows["log_stops"] == ["all", "1", "1/1", "0/1", "4.0", "1/1", "1/1", "-", "0", "at most 1"]
    assert re.search(r"\| log_stops +\| all +\| 1/1 +\| 0/1 \(1 found\) +\|", text)
    assert "- own-300-1, thresholds in SQL, of 312 hours: rows halved in 1 %" in text
    assert "## What failed\n\n- own-300-1: popmon: ended with 1: ImportError: no module\n" in text
    left_out = "Evidently: data drift; Evidently: recommenders; Evidently: data summary"
    assert f"Peers: popmon 1.0.\n\nNot run for this page: {left_out}.\n" in text


def test_a_peer_that_cannot_run_is_said_with_its_error(tmp_path):
    (tmp_path / "labels.json").write_text("{}")
    one = judging.judge_peer("no_such_peer", "log-1-1", tmp_path, sys.executable, tmp_path)
    assert one.story is None
    assert one.failed.startswith("ended with 1: ModuleNotFoundError: No module named ")


def test_every_peer_has_its_adapter():
    folder = judging.REQUIREMENTS.parent / "adapters"
    assert all((folder / f"{name}.py").exists() for name in NAMES)


def test_requirements_are_pinned_and_name_no_registry():
    lines = [line.split("#")[0].strip() for line in judging.REQUIREMENTS.read_text().splitlines()]
    assert all(re.fullmatch(r"[a-z]+==[\d.]+", line) for line in lines if line)


def test_an_environment_that_cannot_be_made_is_refused(tmp_path, monkeypatch, capsys):
    wrong = tmp_path / "requirements.txt"
    wrong.write_text("--no-index\nno-such-package==0.0.0\n")
    monkeypatch.setattr(bench, "REQUIREMENTS", wrong)
    assert bench.main(["--environment", str(tmp_path / "venv")]) == 2
    assert "error: the peers cannot be installed: " in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "numpy==0.0.0\n"])
def test_an_environment_is_renewed_when_the_pins_change(tmp_path, text, monkeypatch):
    calls = []
    monkeypatch.setattr(bench.venv, "create", lambda *_, **__: calls.append("create"))
    monkeypatch.setattr(
        bench.subprocess, "run", lambda *_, **__: type("Done", (), {"returncode": 0, "stderr": ""})
    )
    (tmp_path / "installed.txt").write_text(text)
    bench.installed(tmp_path)
    assert calls == ["create"]
    bench.installed(tmp_path)
    assert calls == ["create"]


def test_the_command_judges_logs_in_processes_of_their_own(tmp_path):
    """Spawned processes do not find what the file of a command defines."""
    peers, log = tmp_path / "peers", tmp_path / "own-300-1"
    (peers / "bin").mkdir(parents=True)
    (peers / "bin" / "python").symlink_to(sys.executable)
    (peers / "installed.txt").write_text(judging.REQUIREMENTS.read_text())
    log.mkdir()
    options = ["--simulated", log, "--peers", "--environment", peers, "--cache", tmp_path]
    done = subprocess.run(
        [sys.executable, "-m", "tests.incident_bench.peers", *map(str, options)],
        capture_output=True, text=True, check=False, cwd=judging.ROOT,
    )  # fmt: skip
    assert done.returncode == 1
    assert "- own-300-1: recwatch: RecwatchFailed: recwatch init ended with 2" in done.stdout


def test_a_peer_is_asked_once_about_a_log_and_again_when_the_log_is_another(tmp_path, monkeypatch):
    asked = []

    def ask(command, **_):
        asked.append(command[3])
        Path(command[-1]).write_text(json.dumps({"reports": [], "tests": {}, "hours": 1, "seconds": 2.0}))
        return type("Done", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(bench.subprocess, "run", ask)
    for seed in (1, 1, 2):
        labels = {"start": at(0).isoformat(), "end": at(48).isoformat(), "events": [], "seed": seed}
        (tmp_path / "labels.json").write_text(json.dumps(labels | {"requests_per_hour": 300.0}))
        one = judging.judge_peer("sql_thresholds", "log-1-1", tmp_path, Path("python"), tmp_path)
        assert one.story.seconds == 2.0
    assert asked == ["sql_thresholds", "sql_thresholds"]
