"""The daemon as a process: signals, reloads, kills, restarts. Only what workers run is a fake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_cycles import HOUR, SECOND_WINDOW, START, hours

from monitor.errors import StoreError
from monitor.evaluation import Status
from monitor.store.rows import WindowState
from monitor.store.store import Store

PATIENCE_SECONDS = 180  # for what has no promised duration; only a broken daemon takes that long
END_SECONDS = 60  # six times what the daemon promises: the machine of the test may be busy


class Daemon:
    """A folder with a configuration, a state and a clock, and the daemon on it while it runs."""

    def __init__(self, folder: Path) -> None:
        self.config, self.state, self.clock = folder / "shop.yaml", folder / "state", folder / "clock"
        self.errors = folder / "stderr"
        self.process: subprocess.Popen[str] | None = None
        self.configure()
        self.time(3)

    def configure(self, *entries: str) -> None:
        """Each entry is a recommender: NAME, or NAME with more keys after a comma."""
        lines = []
        for entry in entries or ("shop",):
            name, comma, more = entry.partition(",")
            log = "log: {path: log, columns: {timestamp: ts, item: item}}"
            lines.append(f"{{name: {name}, {log}, window: {{settle: 0s}}{comma}{more}}}")
        self.config.write_text("recommenders:\n" + "".join(f"  - {line}\n" for line in lines))

    def time(self, hours_since_start: float) -> None:
        partial = self.clock.with_suffix(".part")
        partial.write_text(str(hours_since_start))
        os.replace(partial, self.clock)

    def start(self) -> None:
        command = [sys.executable, Path(__file__).with_name("fake_daemon.py")]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*command, self.config, self.state, self.clock],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        self.url = line.partition(": ")[2].strip() if line.startswith("recwatch") else ""

    def send(self, *numbers: int) -> None:
        assert self.process
        for number in numbers:
            self.process.send_signal(number)

    def ends(self) -> int:
        assert self.process
        code = self.process.wait(timeout=END_SECONDS)
        self.output = self.process.stdout.read() if self.process.stdout else ""
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return code

    def wait_for(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, self.errors.read_text()
            assert self.process
            assert self.process.poll() is None, self.errors.read_text()
            time.sleep(0.02)

    def states(self, name: str = "shop") -> list[WindowState]:
        try:
            with Store.open(self.state, read_only=True) as store:
                return store.states(name)
        except StoreError:
            return []  # not made yet

    def done(self, count: int, name: str = "shop") -> Callable[[], bool]:
        return lambda: len(self.states(name)) >= count

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, line: str) -> Callable[[], bool]:
        return lambda: f"\n{line}\n" in self.get("/metrics")[1]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path)
    yield made
    if made.process:
        made.process.kill()
        made.ends()


def read_pid(file: Path) -> int:
    return int(file.read_text())


def assert_ends(pid: int) -> None:
    while Path(f"/proc/{pid}").exists():
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.02)


def test_it_evaluates_what_is_due_as_time_goes_on(daemon: Daemon) -> None:
    daemon.start()
    daemon.wait_for(daemon.done(3))
    daemon.time(5)
    daemon.wait_for(daemon.done(5))
    assert [s.window for s in daemon.states()] == hours(5)
    daemon.wait_for(daemon.metric("recwatch_config_last_reload_successful 1.0"))
    assert daemon.get("/-/ready")[0] == daemon.get("/-/healthy")[0] == daemon.get("/")[0] == 200
    daemon.send(signal.SIGTERM)
    assert daemon.ends() == 0
    assert daemon.output.strip() == "heavy modules in the parent: []"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_mid_evaluation_ends_it_and_loses_nothing(
    daemon: Daemon, tmp_path: Path, number: int
) -> None:
    pid = tmp_path / "pid"
    daemon.configure(f"shop, labels: {{behaviour: 'tell_pid_and_hang_reading:{pid}'}}")
    daemon.start()
    daemon.wait_for(lambda: pid.exists() and pid.read_text())
    daemon.send(number)
    assert daemon.ends() == 0
    assert_ends(read_pid(pid))
    assert [s.window for s in daemon.states()] == hours(1)
    daemon.configure()
    daemon.start()
    daemon.wait_for(daemon.done(3))
    assert [(s.window, s.status, s.attempt) for s in daemon.states()] == [
        (w, Status.EVALUATED, 1) for w in hours(3)
    ]


def test_a_kill_and_a_restart_neither_lose_nor_double_a_window(daemon: Daemon) -> None:
    daemon.configure("shop", "other")
    for count in (1, 7, 19):
        daemon.time(count + 3)
        daemon.start()
        daemon.wait_for(daemon.done(count))
        daemon.send(signal.SIGKILL)
        assert daemon.ends() == -signal.SIGKILL
    daemon.start()
    for name in ("shop", "other"):
        daemon.wait_for(daemon.done(22, name))
        assert [(s.window, s.attempt) for s in daemon.states(name)] == [(w, 1) for w in hours(22)]


def test_a_worker_in_an_endless_loop_ends_with_a_killed_daemon(daemon: Daemon, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    daemon.configure(f"shop, labels: {{behaviour: 'tell_pid_and_hang_reading:{pid}'}}")
    daemon.start()
    daemon.wait_for(lambda: pid.exists() and pid.read_text())
    daemon.send(signal.SIGKILL)
    daemon.ends()
    assert_ends(read_pid(pid))


@pytest.mark.parametrize(
    "broken",
    [
        "recommenders: [",
        "recommenders: []",
        "recommenders: [{name: shop, log: {path: log, columns: {timestamp: ts, item: item}}, slice: [country]}]",
        "recommenders: [{name: shop, log: {path: log, columns: {timestamp: ts, item: item}},"
        " detectors: {same_itm: {}}}]",
    ],
    ids=["no YAML", "nothing to watch", "unknown key", "unknown detector"],
)
def test_a_broken_configuration_keeps_the_old_one(daemon: Daemon, broken: str) -> None:
    daemon.start()
    daemon.wait_for(daemon.metric("recwatch_config_last_reload_successful 1.0"))
    daemon.config.write_text(broken)
    daemon.send(signal.SIGHUP)
    daemon.wait_for(daemon.metric("recwatch_config_last_reload_successful 0.0"))
    daemon.time(6)
    daemon.wait_for(daemon.done(6))
    assert "the configuration is wrong, the one before stays" in daemon.errors.read_text()
    daemon.configure("shop", "second")
    daemon.send(signal.SIGHUP)
    daemon.wait_for(daemon.metric("recwatch_config_last_reload_successful 1.0"))
    daemon.wait_for(daemon.done(6, "second"))
    assert len(daemon.states()) == 6


def test_a_broken_configuration_at_the_start(daemon: Daemon) -> None:
    daemon.configure("shop, detectors: {same_itm: {}}")
    daemon.start()
    assert daemon.ends() == 2
    assert "same_itm" in daemon.errors.read_text()
    daemon.configure("shop, slice: [country]")
    daemon.start()
    assert daemon.ends() == 2
    assert "slice" in daemon.errors.read_text()
    assert "Traceback" not in daemon.errors.read_text()


def test_a_recommender_that_is_removed_leaves_nothing_in_the_metrics(daemon: Daemon) -> None:
    daemon.configure("shop", "second")
    daemon.start()
    daemon.wait_for(daemon.done(3, "second"))
    daemon.wait_for(lambda: 'recommender="second"' in daemon.get("/metrics")[1])
    daemon.configure("shop")
    daemon.send(signal.SIGHUP)
    daemon.wait_for(lambda: 'recommender="second"' not in daemon.get("/metrics")[1])
    assert 'recommender="shop"' in daemon.get("/metrics")[1]


def test_hangups_during_the_start_and_in_a_storm_are_heard(daemon: Daemon) -> None:
    daemon.start()  # the address is printed before anything is checked
    daemon.send(*[signal.SIGHUP] * 50)
    daemon.wait_for(daemon.done(3))
    daemon.configure("shop", "second")
    daemon.send(*[signal.SIGHUP] * 50)
    daemon.wait_for(daemon.done(3, "second"))
    assert len(daemon.states()) == 3


def test_a_second_daemon_on_the_same_state(daemon: Daemon) -> None:
    daemon.start()
    daemon.wait_for(daemon.done(3))
    other = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("fake_daemon.py"),
            daemon.config,
            daemon.state,
            daemon.clock,
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert other.returncode == 1
    assert "another recwatch" in other.stderr
    assert "Traceback" not in other.stderr


def test_values_of_a_split_log_join(daemon: Daemon, tmp_path: Path) -> None:
    values = tmp_path / "values"
    values.write_text("home")
    daemon.configure(f"shop, split_by: surface, labels: {{behaviour: 'values_in:{values}'}}")
    daemon.start()
    daemon.wait_for(daemon.done(3, "shop/home"))
    values.write_text("search")  # home is gone, but has history
    daemon.time(4)
    daemon.wait_for(daemon.done(4, "shop/search"))
    daemon.wait_for(daemon.done(4, "shop/home"))
    assert daemon.states("shop") == []


def test_a_recommender_that_hangs_does_not_keep_others_waiting(daemon: Daemon, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    daemon.configure(f"stuck, labels: {{behaviour: 'tell_pid_and_hang_reading:{pid}'}}", "shop")
    daemon.start()
    daemon.wait_for(lambda: pid.exists() and pid.read_text())
    daemon.time(7)
    daemon.wait_for(daemon.done(7))
    assert [s.window for s in daemon.states("stuck")] == hours(1)
    assert SECOND_WINDOW.start == START + HOUR
