"""How soon `/metrics` answers with thousands of series while evaluations keep both cores busy."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.config import recommender, write_config
from tests.bench.figures import CouldNotMeasure, Figure, millions
from tests.bench.hour import Shape, write_hour
from tests.bench.load import Client, latencies, percentile
from tests.bench.process import children, cpu_seconds
from tests.bench.running import Running, answers, running

P99_MS = 25.0
PAUSE_SECONDS = 0.02
SMALL_ROWS, SMALL = 50_000, Shape(surfaces=6, countries=12)  # 129 slices: more series than are wanted
BUSY = ("busy-1", "busy-2")  # one for each core
PATIENCE_SECONDS = 600.0
FEW = 100  # answers that say little of the slowest in a hundred


def measure(series: int, busy_rows: int, most: int, work: Path) -> list[Figure]:
    """A small recommender is evaluated and has the series; then two large ones are on their way."""
    # The newest window that is due: it ended, and has settled.
    hour = (datetime.now(UTC) - timedelta(minutes=71)).replace(minute=0, second=0, microsecond=0)
    small, large = work / "small.parquet", work / "large.parquet"
    write_hour(small, "plain", SMALL_ROWS, start=hour, shape=SMALL)
    write_hour(large, "hard", busy_rows, start=hour)
    watched = [
        recommender(small, "plain", name="scraped"),
        *(recommender(large, "hard", name=name) for name in BUSY),
    ]
    config = write_config(work / "scrape.yaml", *watched, daemon={"series_per_recommender": series})
    with running(config, work) as daemon:
        daemon.wait("it answered /-/ready", lambda: answers(f"{daemon.url}/-/ready"))
        client = Client(daemon.port, "/metrics")
        try:
            return _scraped(daemon, client, busy_rows, most)
        finally:
            client.close()


def _scraped(daemon: Running, client: Client, busy_rows: int, most: int) -> list[Figure]:
    body = b""

    def has_series() -> bool:
        nonlocal body
        body = client.ask()[1]
        return evaluated(body, "scraped")

    daemon.wait("it evaluated the small recommender", has_series, PATIENCE_SECONDS)
    if any(evaluated(body, name) for name in BUSY):
        raise CouldNotMeasure("the large recommenders were done before the small one: take more rows")
    used, begin = _used(daemon.pid), time.perf_counter()
    busy = {"cores": 0.0}

    def still_busy(answer: bytes) -> bool:
        done = any(evaluated(answer, name) for name in BUSY)
        if not done:
            busy["cores"] = (_used(daemon.pid) - used) / (time.perf_counter() - begin)
        return not done

    times = latencies(client, still_busy, most, PAUSE_SECONDS)
    if not times:
        raise CouldNotMeasure("evaluation ended before anything was asked: take more rows")
    note = (
        f"{len(times):,} answers, {busy['cores']:.2g} cores used by two evaluations of {millions(busy_rows)}"
    )
    note += f"; fewer than {FEW} answers say little" if len(times) < FEW else ""
    name = f"/metrics with {series_in(body):,} series while evaluating"
    return [
        Figure(f"{name}: median", 1e3 * percentile(times, 50), " ms"),
        Figure(f"{name}: 99th percentile", 1e3 * percentile(times, 99), " ms", P99_MS, note),
    ]


def evaluated(body: bytes, recommender: str) -> bool:
    """Whether an answer has what is exported of a recommender after its first evaluation."""
    return f'recwatch_window_rows{{recommender="{recommender}"'.encode() in body


def series_in(body: bytes) -> int:
    """
    >>> series_in(b"# HELP x X.\\nx 1\\nx{a=\\"b\\"} 2\\n# EOF\\n")
    2
    """
    return sum(bool(line) and not line.startswith(b"#") for line in body.splitlines())


def _used(pid: int) -> float:
    """Processor time of the workers that there are."""
    used = 0.0
    for child in children(pid):
        try:
            used += cpu_seconds(child)
        except OSError:  # it has ended
            continue
    return used
