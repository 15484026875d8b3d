"""`recwatch run` on a tiny log: how soon it answers, and what it needs when it has nothing to do."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.config import write_config
from tests.bench.hour import write_hour
from tests.bench.process import children, cpu_seconds, last_line, memory

PATIENCE_SECONDS = 180.0
QUIET_SECONDS = 5.0  # without a worker: then it is at rest
WATCHED_SECONDS = 20.0


@dataclass(frozen=True)
class AtRest:
    """What the daemon needs; `cpu_share` of one core."""

    ready_seconds: float
    memory_bytes: int
    cpu_share: float


class DaemonFailed(Exception):
    """The daemon ended or did not come to rest; says what it printed."""


def measure(recwatch: Path, folder: Path) -> AtRest:
    """Start the daemon, wait until it is at rest, measure it, end it."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    write_hour(folder / "tiny.parquet", "plain", 5_000, start=hour)
    config = write_config(folder / "tiny.yaml", folder / "tiny.parquet", "plain")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    state = folder / "daemon"
    options = ["--storage.path", str(state), "--web.listen-address", address]
    with (folder / "daemon.txt").open("w+", encoding="utf-8", errors="replace") as output:
        begin = time.perf_counter()
        daemon = subprocess.Popen(
            [recwatch, "run", config, *options], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait(daemon, output.name, "it answered /-/ready", lambda: _answers(f"http://{address}/-/ready"))
            ready = time.perf_counter() - begin
            _wait(daemon, output.name, "its workers ended", lambda: _quiet(daemon.pid))
            used, since = cpu_seconds(daemon.pid), time.perf_counter()
            time.sleep(WATCHED_SECONDS)
            share = (cpu_seconds(daemon.pid) - used) / (time.perf_counter() - since)
            return AtRest(ready, memory(daemon.pid, "VmRSS"), share)
        finally:
            daemon.terminate()
            daemon.wait(timeout=30)


def _wait(daemon: subprocess.Popen[bytes], output: str, what: str, done: Callable[[], bool]) -> None:
    until = time.perf_counter() + PATIENCE_SECONDS
    while not done():
        if (code := daemon.poll()) is not None or time.perf_counter() > until:
            state = f"ended with {code}" if code is not None else f"took over {PATIENCE_SECONDS:.0f} s"
            raise DaemonFailed(f"the daemon {state} before {what}: {last_line(Path(output).read_text())}")
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _quiet(pid: int) -> bool:
    """Without a worker for a while."""
    until = time.perf_counter() + QUIET_SECONDS
    while time.perf_counter() < until:
        if any(children(pid)):
            return False
        time.sleep(0.1)
    return True
