"""A daemon in a process of its own, with a clock that the test sets."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from shop_log import HOURS, hour, write_shop

from monitor.store import Store

PATIENCE_SECONDS = 180  # only a broken daemon takes that long


class Daemon:
    """A daemon on a shop's log whose traffic collapses; `users` is a web configuration."""

    def __init__(self, folder: Path, users: Path | None = None) -> None:
        self.state, self.clock, self.users = folder / "state", folder / "clock", users
        self.config = write_shop(folder)
        self.errors = (folder / "stderr").open("w")
        self.time(hour(HOURS) + timedelta(minutes=15))

    def time(self, now: datetime) -> None:
        partial = self.clock.with_suffix(".part")
        partial.write_text(now.isoformat())
        partial.replace(self.clock)

    def start(self) -> None:
        script = Path(__file__).with_name("clocked_daemon.py")
        self.process = subprocess.Popen(
            [sys.executable, script, self.config, self.state, self.clock, *([self.users] if self.users else [])],
            stdout=subprocess.PIPE, stderr=self.errors, text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.url = self.process.stdout.readline().partition(": ")[2].strip()

    def stop(self) -> None:
        self.process.terminate()
        self.output, _ = self.process.communicate(timeout=60)
        self.errors.close()

    def wait_for(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, Path(self.errors.name).read_text()
            assert self.process.poll() is None, Path(self.errors.name).read_text()
            time.sleep(0.05)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics") as answer:
            text: str = answer.read().decode()
        return text

    def evaluated(self, until: datetime) -> bool:
        with Store.open(self.state, read_only=True) as store:
            latest = store.latest("shop")
        return latest is not None and latest.window.end >= until
