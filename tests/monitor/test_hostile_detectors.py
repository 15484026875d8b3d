"""Hostile and careless detectors are contained and named, and disturb no other: in every command that runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from monitor.cli.main import cli
from monitor.config.models import DaemonConfig, RecommenderConfig
from monitor.cycle import backtest
from monitor.daemon.history import Historian
from monitor.errors import UserError
from monitor.windows import windows_between
from tests.monitor.own_shop import HOUR, START, settings, write_shop

GOOD = '''
import os
import sys
import numpy as np
from detectors import mean_of_requests, share_of_rows

@share_of_rows(columns={"price": float}, above=0.01, severity="ticket")
def pricey(batch):
    """Share of items over 1000."""
    return batch["price"] > 1000
'''
BAD = '''
@share_of_rows
def {name}(batch):
    """Share."""
    {line}
'''
CARELESS = {
    "ends": ("sys.exit(3)", r"SystemExit: 3 \(.*mine\.py:\d+\)"),
    "short": (
        "return batch.position[:5] > 1",
        r"ValueError: short\(\) \(line \d+\) must return one element for each row, shape \(600,\), not shape \(5,\) .*",
    ),
    "writes": (
        "batch.position[0] = 7",
        r"ValueError: assignment destination is read-only \(.*mine\.py:\d+\)",
    ),
    "unknown": (
        "return batch.position * float('nan')",
        r"TypeError: unknown\(\) \(line \d+\) must return a boolean mask, not float64: .*",
    ),
}
TAKES_ITS_WORKER_ALONG = {
    "loops": (
        "while True: pass",
        r"stopped after 3s \(window\.deadline\) at mine\.py:\d+ in loops, in detector loops",
    ),
    "swallows": (
        "hog = np.ones(10 * 2**30 // 8)",
        r"stopped at more than 700MiB of memory \(daemon\.worker_memory\)( at .*)?, in detector swallows",
    ),
    "leaves": (
        "os._exit(7)",
        "the worker ended by itself with exit code 7, in detector leaves",
    ),
}
TOLD = "shop: share of items over 1000: "


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("shop"), hours=2)


def configured(shop: Path, folder: Path, names: dict[str, tuple[str, str]], deadline: str) -> Path:
    """A configuration with the good detector and the bad ones."""
    bad = "".join(BAD.format(name=name, line=line) for name, (line, _) in names.items())
    (folder / "mine.py").write_text(GOOD + bad)
    one = settings(
        shop,
        detector_files=["mine.py"],
        detectors={"pricey": {"mode": "page"}},
        window={"deadline": deadline},
    )
    config = {"daemon": {"worker_memory": "700MiB"}, "recommenders": [one]}
    (folder / "shop.yaml").write_text(yaml.safe_dump(config))
    return folder / "shop.yaml"


def ran(command: str, config: Path) -> tuple[int, str]:
    """Exit code and everything that was printed by a command over both windows of the log."""
    arguments = {
        "once": ["once", config, "--now", START + 3 * HOUR, "--storage.path", config.with_name("state")],
        "backtest": ["backtest", config],
        "try": ["detectors", "try", config.with_name("mine.py"), config],
    }[command]
    done = CliRunner().invoke(cli, [str(a) for a in arguments], standalone_mode=False)
    assert done.exception is None, done.output
    return done.return_value or done.exit_code, done.output


def says_of_it(command: str, name: str, reason: str, windows: int) -> str:
    return {
        "once": rf"^shop 2026-03-02T00:00Z: detector {name} failed: {reason}$",
        "backtest": rf"^shop 2026-03-02T00:00Z( and in 1 more)?: detector {name} failed: {reason}$",
        "try": rf"^  {name} failed in {windows} of 2 windows: {reason}$",
    }[command]


@pytest.mark.parametrize("command", ["once", "backtest", "try"])
def test_what_raises_or_answers_wrongly_is_named_and_the_others_go_on(
    shop: Path, tmp_path: Path, command: str
) -> None:
    code, printed = ran(command, configured(shop, tmp_path, CARELESS, "10m"))
    for name, (_, reason) in CARELESS.items():
        assert re.search(says_of_it(command, name, reason, 2), printed, re.MULTILINE), (name, printed)
    assert TOLD in printed
    assert code == {"once": 3, "backtest": 0, "try": 1}[command]


@pytest.mark.parametrize("command", ["once", "backtest", "try"])
@pytest.mark.parametrize("name", TAKES_ITS_WORKER_ALONG)
def test_what_takes_its_worker_along_is_named_and_the_others_go_on(
    shop: Path, tmp_path: Path, name: str, command: str
) -> None:
    line, reason = TAKES_ITS_WORKER_ALONG[name]
    deadline = "3s" if name == "loops" else "10m"
    code, printed = ran(command, configured(shop, tmp_path, {name: (line, reason)}, deadline))
    assert re.search(says_of_it(command, name, reason, 2), printed, re.MULTILINE), printed
    assert TOLD in printed
    assert code == {"once": 3, "backtest": 0, "try": 1}[command]


CLASS = '''
from detectors import Detector, Measure, Measurement, Unit
from detectors.statistics.traffic_tally import TrafficTally

class {name}(Detector):
    """Always one."""

    name = "{name}"
    statistics = (TrafficTally,)

    def measures(self):
        return (Measure("level", Unit.SCORE, "Always one."),)

    def measure(self, summary, context):
        {line}
        yield Measurement("level", np.ones(1), np.zeros(1), np.ones(1))
'''


@pytest.mark.parametrize("command", ["once", "backtest", "try"])
def test_a_class_is_contained_while_it_measures_too(shop: Path, tmp_path: Path, command: str) -> None:
    config = configured(shop, tmp_path, {}, "3s")
    bad = {
        "hangs": (
            "while True: pass",
            r"stopped after 3s \(window\.deadline\) at mine\.py:\d+ in measure, in detector hangs",
        ),
        "scribbles": ("summary[TrafficTally].counts[:] = 0", CARELESS["writes"][1]),
    }  # fmt: skip
    with (tmp_path / "mine.py").open("a") as file:
        file.writelines(CLASS.format(name=name, line=line) for name, (line, _) in bad.items())
    code, printed = ran(command, config)
    for name, (_, reason) in bad.items():
        assert re.search(says_of_it(command, name, reason, 2), printed, re.MULTILINE), (name, printed)
    assert TOLD in printed
    assert code == {"once": 3, "backtest": 0, "try": 1}[command]


def test_history_with_a_worker_lost_on_the_way_is_judged_as_without(tmp_path: Path) -> None:
    """The worker that takes over knows what the one before it had found: one incident, and the same values."""
    shop = write_shop(tmp_path, hours=6, broken_from=3)
    line = "os._exit(7) if len(batch.item) and os.path.exists(__file__ + '.now') else None; return batch.position > 1"
    config = configured(shop, tmp_path, {"leaves": (line, "")}, "10m")
    loaded = yaml.safe_load(config.read_text())["recommenders"][0]
    loaded["detector_files"] = [str(tmp_path / "mine.py")]
    recommender = RecommenderConfig(**loaded)
    windows = list(windows_between(START, START + 6 * HOUR, HOUR))
    undisturbed = list(backtest(recommender, windows))
    found = []
    with Historian(DaemonConfig()) as historian:
        for evaluation in historian.evaluations(recommender, windows):
            found.append(evaluation)
            if len(found) == 2:
                (tmp_path / "mine.py.now").touch()
    assert [e.window for e in found] == windows
    lost = [sorted(e.failures) for e in found]
    assert lost[:2] == [[], []]
    assert lost[-2:] == [["leaves"], ["leaves"]]
    assert [[i.id for i in e.open_incidents] for e in found] == [
        [i.id for i in e.open_incidents] for e in undisturbed
    ]
    for with_loss, without in zip(found, undisturbed, strict=True):
        expected = {(f.measure, f.slice): (f.value, f.verdict) for f in without.findings}
        for f in with_loss.findings:
            if not f.measure.startswith("leaves.") and f.value == f.value:
                assert (f.value, f.verdict) == expected[f.measure, f.slice]


def test_history_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    shop = write_shop(tmp_path, hours=1)
    gone = RecommenderConfig(**settings(shop, log={
        "path": str(tmp_path / "gone"), "columns": {"timestamp": "time", "item": "item"}
    }))  # fmt: skip
    with Historian(DaemonConfig()) as historian, pytest.raises(UserError) as raised:
        historian.windows(gone, None, None)
    assert str(raised.value) == f"shop: {tmp_path / 'gone'} holds no events: say --from and --to"
