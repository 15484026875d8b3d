"""`recwatch run` on a tiny log: how soon it answers, and what it needs when it has nothing to do."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.config import recommender, write_config
from tests.bench.figures import MB, Figure
from tests.bench.hour import write_hour
from tests.bench.process import children, cpu_seconds, memory
from tests.bench.running import answers, running

QUIET_SECONDS = 5.0  # without a worker: then it is at rest
WATCHED_SECONDS = 20.0

READY_SECONDS, MEMORY_MB, CORE_PERCENT = 2.0, 120.0, 0.2


def measure(folder: Path) -> list[Figure]:
    """Start the daemon, wait until it is at rest, measure it, end it."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    write_hour(folder / "tiny.parquet", "plain", 5_000, start=hour)
    config = write_config(folder / "tiny.yaml", recommender(folder / "tiny.parquet", "plain"))
    begin = time.perf_counter()
    with running(config, folder) as daemon:
        daemon.wait("it answered /-/ready", lambda: answers(f"{daemon.url}/-/ready"))
        ready = time.perf_counter() - begin
        daemon.wait("its workers ended", lambda: _quiet(daemon.pid))
        used, since = cpu_seconds(daemon.pid), time.perf_counter()
        time.sleep(WATCHED_SECONDS)
        share = (cpu_seconds(daemon.pid) - used) / (time.perf_counter() - since)
        return [
            Figure("daemon: start to ready", ready, " s", READY_SECONDS),
            Figure("daemon at rest: memory", memory(daemon.pid, "VmRSS") / MB, " MB", MEMORY_MB),
            Figure("daemon at rest: share of a core", share * 100, " %", CORE_PERCENT),
        ]


def _quiet(pid: int) -> bool:
    """Without a worker for a while."""
    until = time.perf_counter() + QUIET_SECONDS
    while time.perf_counter() < until:
        if any(children(pid)):
            return False
        time.sleep(0.1)
    return True
