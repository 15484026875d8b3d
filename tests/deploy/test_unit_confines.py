"""What the unit takes away is not needed: the daemon evaluates under the filter that systemd would put on it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.deploy.in_the_unit import calls_of, left
from tests.end_to_end.live_log import LiveLog
from tests.end_to_end.real_chain import HISTORY, RECWATCH, configured
from tests.servers import free_port, running, wait_for

pytestmark = pytest.mark.needs("systemd-analyze")
LAUNCHER = Path(__file__).with_name("in_the_unit.py")
FORBIDDEN = """
import os, socket
for what in (lambda: os.nice(1), lambda: socket.socket(socket.AF_NETLINK), lambda: os.chroot("/")):
    try:
        what()
    except PermissionError:
        continue
    raise SystemExit("allowed")
socket.socket().close()
"""


def test_the_filter_is_the_units() -> None:
    assert left() >= calls_of("@system-service") - calls_of("@privileged") - calls_of("@resources")
    assert not left() & (calls_of("@privileged") | calls_of("@resources"))
    done = subprocess.run(
        [sys.executable, LAUNCHER, sys.executable, "-c", FORBIDDEN],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_daemon_evaluates_in_it(tmp_path: Path) -> None:
    LiveLog(tmp_path / "log").write_history(HISTORY)
    port = free_port()
    command = [RECWATCH, "run", configured(tmp_path), f"--storage.path={tmp_path / 'state'}"]
    listen = f"--web.listen-address=127.0.0.1:{port}"
    said = tmp_path / "recwatch.log"

    def evaluated() -> bool:
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return b"\nrecwatch_window_end_timestamp_seconds{" in answer.read()

    with running(sys.executable, LAUNCHER, *command, listen, log=said) as daemon:
        wait_for(evaluated)
        with urlopen(f"http://127.0.0.1:{port}/-/healthy") as answer:
            assert answer.status == 200
    assert daemon.returncode == 0
    assert "level=error" not in said.read_text()
