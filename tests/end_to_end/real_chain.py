"""Everything between a log and a webhook, for real: the daemon, Prometheus, Alertmanager and what waits for them.

Time is short, nothing else is: windows of ten seconds instead of an hour.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from monitor.windows import Window
from tests.end_to_end.live_log import PARTITIONS
from tests.servers import Prometheus, Receiver, wait_for

WINDOW = timedelta(seconds=10)
HISTORY = timedelta(minutes=1)
PATIENCE = 300.0  # only a broken chain takes that long
RECWATCH = Path(sys.executable).with_name("recwatch")


def configured(folder: Path, names: Sequence[str] = ("shop",)) -> Path:
    """Recommenders that all watch one log."""
    config = folder / "shop.yaml"
    shop = {
        "labels": {"team": "discovery"},
        "log": {
            "path": str(folder / "log"),
            "format": "jsonl",
            "layout": "list",
            "partitions": PARTITIONS,
            "columns": {"timestamp": "ts", "item": "items", "request": "request", "user": "user"},
        },
        "slices": ["surface"],
        "window": {"length": "10s", "settle": "2s", "lateness": "1m"},
    }
    daemon = {"tick": "1s", "workers": 1}
    recommenders = [{"name": name} for name in names]
    config.write_text(yaml.safe_dump({"daemon": daemon, "defaults": shop, "recommenders": recommenders}))
    return config


@contextmanager
def daemon(folder: Path, port: int, names: Sequence[str] = ("shop",)) -> Iterator[str]:
    """`recwatch run` until the block ends; it is killed, as a machine that goes away does."""
    command = [RECWATCH, "run", configured(folder, names), f"--storage.path={folder / 'state'}"]
    with (folder / f"recwatch-{port}.log").open("wb") as said:
        listen = f"--web.listen-address=127.0.0.1:{port}"
        process = subprocess.Popen([*command, listen], stdout=said, stderr=said)
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait(PATIENCE)


def this_window() -> Window:
    return Window.containing(datetime.now(UTC), WINDOW)


def next_window() -> Window:
    """The first that begins from now on."""
    now = this_window()
    return Window(now.end, now.end + WINDOW)


def evaluated(server: Prometheus, window: Window) -> None:
    """Wait until a window was judged, and Prometheus knows."""
    end = window.end.timestamp()
    wait_for(lambda: server.query(f"min(recwatch_window_end_timestamp_seconds) >= {end}"), PATIENCE)


def firing(server: Prometheus) -> set[str]:
    found = server.query('ALERTS{alertstate="firing",alertname!="RecwatchWatchdog"}')
    return {labels["alertname"] for labels, _ in found}


def pages(told: Receiver) -> list[tuple[str, str]]:
    """Everything that arrived but the watchdog's: where, and its status."""
    return [(where, payload["status"]) for where, payload in list(told.arrived) if where != "/watchdog"]
