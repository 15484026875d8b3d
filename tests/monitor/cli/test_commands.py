"""The commands as people type them: output, files, exit codes. Each test starts the real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.demo.replay import FIRST_HOUR, STUCK_ITEM, Replay

RECWATCH = Path(sys.executable).with_name("recwatch")
BREAK = FIRST_HOUR + timedelta(days=4)


def recwatch(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(RECWATCH), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        check=False,
    )


@pytest.fixture(scope="module")
def stuck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, as `init` writes it, for a real log whose recommender gets stuck on the fifth day."""
    folder = tmp_path_factory.mktemp("stuck")
    Replay(folder / "log", BREAK).advance(BREAK + timedelta(hours=5))
    config = folder / "shop.yaml"
    done = recwatch("init", folder / "log", "-o", config, "--name", "shop")
    assert done.returncode == 0, done.stderr
    return config


@pytest.fixture(scope="module")
def backtested(stuck: Path) -> list[dict[str, object]]:
    reported = stuck.with_name("reported.json")
    done = recwatch("backtest", stuck, "-o", reported)
    assert done.returncode == 0, done.stderr
    assert f"item {STUCK_ITEM} is in 100 % of rows" in done.stdout
    return json.loads(reported.read_text())


def test_backtest_reports_one_page_with_the_documented_fields(backtested: list[dict[str, object]]) -> None:
    [incident] = backtested
    assert incident["severity"] == "page"
    assert incident["detector"] == "same_item"
    assert incident["slice"] == {}
    assert incident["culprit"] == {"item": STUCK_ITEM}
    assert incident["onset_at"] == BREAK.isoformat()
    assert incident["opened_at"] == (BREAK + timedelta(hours=1, minutes=10)).isoformat()
    assert incident["before"]["share"] < 0.05
    assert incident["after"]["share"] == 1.0
    documented = (
        "schema_version id recommender labels severity detector slice culprit summary onset_at opened_at resolved_at "
        "before after affected model_version evidence symptoms url"
    )
    assert set(documented.split()) <= set(incident)


def test_once_hour_by_hour_tells_the_same_as_backtest(
    stuck: Path, backtested: list[dict[str, object]], tmp_path: Path
) -> None:
    state, metrics = tmp_path / "state", tmp_path / "recwatch.prom"
    for hour in range(4):
        now = BREAK + timedelta(hours=hour, minutes=15)
        done = recwatch(
            "once",
            stuck,
            "--now",
            now.isoformat(),
            "--storage.path",
            state,
            "--textfile",
            metrics,
            "--fail-on",
            "page",
        )
        assert done.returncode == (10 if hour else 0), done.stderr
        assert (f"item {STUCK_ITEM} is in 100 % of rows" in done.stdout) is bool(hour)
    opened = [line for line in metrics.read_text().splitlines() if line.startswith("recwatch_incident_open{")]
    [told] = backtested
    assert len(opened) == 1
    assert f'incident="{told["id"]}"' in opened[0]
    assert opened[0].endswith(" 1")
    again = recwatch("once", stuck, "--now", now.isoformat(), "--storage.path", state)
    assert again.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["once", "nowhere.yaml"], 2, "recwatch: nowhere.yaml: no such file"),
        (["backtest", "nowhere.yaml"], 2, "recwatch: nowhere.yaml: no such file"),
        (["run", "nowhere.yaml"], 2, "recwatch: nowhere.yaml: no such file"),
        (["once", "wrong.yaml"], 2, "wrong.yaml:1: recommender: unknown key"),
        (
            ["once", "wrong.yaml", "--now", "noon"],
            2,
            "'noon' is not a time: write it as 2026-03-14T05:00:00Z",
        ),
        (["onze"], 2, "No such command"),
    ],
)
def test_a_mistake_is_a_sentence_and_exit_code_2(
    tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "wrong.yaml").write_text("recommender: []\n")
    done = recwatch(*arguments, cwd=tmp_path)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "recwatch-state").exists()


def test_a_wrong_detector_setting_names_its_key(stuck: Path, tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(stuck.read_text() + "  detectors: {same_item: {anywhere_abov: 0.5}}\n")
    done = recwatch("once", config, "--now", BREAK.isoformat(), "--storage.path", tmp_path / "state")
    assert done.returncode == 2
    assert 'detectors.same_item.anywhere_abov: unknown setting; did you mean "anywhere_above"?' in done.stderr


def test_a_missing_log_is_not_reported_as_fine(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(
        "recommenders:\n- name: shop\n  log: {path: gone, columns: {timestamp: t, item: i}}\n",
        encoding="utf-8",
    )
    done = recwatch("once", config, "--now", BREAK.isoformat(), "--storage.path", tmp_path / "state")
    assert done.returncode == 3
    assert "does not exist: check `log.path`" in done.stderr


def test_a_time_without_a_log_is_told(stuck: Path) -> None:
    done = recwatch("backtest", str(stuck), "--from", "2030-01-01T00:00:00Z")
    assert done.returncode == 0
    assert done.stderr.endswith(": no whole window of its log lies in that time: see --from and --to\n")
    assert ": 0 of 0 windows evaluated, 0 rows, 0 pages, 0 tickets\n" in done.stdout


@pytest.mark.parametrize("command", ["backtest", "--help", "backtest --help"])
def test_a_reader_that_goes_away_is_no_error(stuck: Path, command: str) -> None:
    arguments = [str(stuck), "--to", BREAK.isoformat()] if command == "backtest" else []
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [str(RECWATCH), *command.split(), *arguments],
            stdout=writing, stderr=subprocess.PIPE, text=True, timeout=300, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["detectors list", "--help", "backtest --help"])
def test_a_full_disk_is_a_sentence(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(RECWATCH), *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    said = "recwatch: cannot write: No space left on device: make room there, and try again\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_the_demonstration_shows_its_incident(tmp_path: Path) -> None:
    done = recwatch("demo", "--until-incident", "--web.listen-address", "127.0.0.1:0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"PAGE: demo-shop: item {STUCK_ITEM} is in 100 % of rows" in done.stdout
    assert "/incidents/" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_help_lists_every_command() -> None:
    shown = recwatch("--help").stdout
    for command in ("init", "check", "run", "once", "backtest", "demo"):
        assert f"  {command} " in shown
        assert recwatch(command, "--help").returncode == 0
