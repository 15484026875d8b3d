"""Every query of what a daemon says of itself, asked of a real Prometheus that scrapes a real daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.end_to_end.live_log import PARTITIONS, LiveLog
from tests.grafana.reading import EVERY, ONLY_LIVE, filled, label_values, load, of, variables
from tests.monitor.cycle.small_shop import HOUR
from tests.servers import free_port, prometheus, wait_for

pytestmark = pytest.mark.needs("prometheus", "promtool")

ROOT = Path(__file__).parents[2]
RECWATCH = Path(sys.executable).with_name("recwatch")
LIVE = [q for q in EVERY if q.dashboard == "recwatch-daemon" or ONLY_LIVE.search(q.expression)]
NEVER = {"daemon: annotation Restarts A": "it was not restarted"}


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    config, port = folder / "shop.yaml", free_port()
    columns = {"timestamp": "ts", "item": "items", "request": "request", "user": "user"}
    recommender = {
        "name": "live",
        "log": {
            "path": str(folder / "log"),
            "format": "jsonl",
            "layout": "list",
            "partitions": PARTITIONS,
            "columns": columns,
        },
        "window": {"length": "5s", "settle": "1s", "lateness": "1m"},
        "detectors": {"tests.grafana.awkward_detectors:Raising": {}},
    }
    config.write_text(yaml.safe_dump({"daemon": {"tick": "1s", "workers": 1}, "recommenders": [recommender]}))
    command = [
        RECWATCH,
        "run",
        config,
        f"--storage.path={folder / 'state'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "recwatch.log").open("wb") as said:
        process = subprocess.Popen(
            command, stdout=said, stderr=said, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        try:
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def test_every_query_of_the_daemon_has_series_of_a_real_one(tmp_path: Path) -> None:
    log = LiveLog(tmp_path / "log")
    log.write_history(timedelta(seconds=30))
    with log, daemon(tmp_path) as address, prometheus(tmp_path, address) as server:
        chosen = {"recommender": "live", "detector": "raising"}

        def empty() -> set[str]:
            return {str(q) for q in LIVE if not server.query(filled(q.expression, chosen))}

        wait_for(lambda: empty() <= NEVER.keys())  # two windows and a few scrapes later
        assert empty() == NEVER.keys()
        wait_for(
            lambda: server.query('increase(recwatch_detector_failures_total{detector="raising"}[1h]) > 0')
        )

        def now(dashboard: str, panel: str) -> float:
            ((_, value),) = server.query(filled(of(dashboard, panel).expression, chosen))
            return value

        assert now("daemon", "Scraped") == now("overview", "recwatch") == 1
        assert now("daemon", "Configuration") == 1
        assert 0 <= now("daemon", "Clock") < 10
        assert 0 <= now("daemon", "Last look for work") < 60
        assert now("daemon", "Memory") > 1e7
        assert now("detectors", "Failures in a day") > 0
        begin, end = datetime.now().astimezone() - HOUR, datetime.now().astimezone() + HOUR
        offered = {
            name: label_values(server, variables(load("recwatch-daemon"))[name], {}, begin, end)
            for name in ("job", "instance", "page", "recommender")
        }
        assert offered == {
            "job": {"recwatch"},
            "instance": {address},
            "page": {f"http://{address}"},
            "recommender": {"live"},
        }
    assert json.loads((tmp_path / "targets.json").read_text())[0]["targets"] == [address]
