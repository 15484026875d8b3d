"""The whole chain with nothing mocked: a log in real time, the daemon, Prometheus, Alertmanager, a webhook.

Time is short, nothing else is: windows of ten seconds instead of an hour.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from live_log import PARTITIONS, LiveLog

from monitor.alerts.rules import Rendering
from monitor.windows import Window
from tests.monitor.alerts.quick_alertmanager import quick_example
from tests.servers import Prometheus, Receiver, alertmanager, free_port, prometheus, receiver, wait_for

pytestmark = pytest.mark.needs("prometheus", "prometheus-alertmanager")

WINDOW = timedelta(seconds=10)
HISTORY = timedelta(minutes=1)
PATIENCE = 300.0  # only a broken chain takes that long
RECWATCH = Path(sys.executable).with_name("recwatch")


def configured(folder: Path) -> Path:
    config = folder / "shop.yaml"
    shop = {
        "name": "shop",
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
    config.write_text(yaml.safe_dump({"daemon": {"tick": "1s", "workers": 1}, "recommenders": [shop]}))
    return config


@contextmanager
def daemon(folder: Path, port: int) -> Iterator[str]:
    """`recwatch run` until the block ends; it is killed, as a machine that goes away does."""
    command = [RECWATCH, "run", configured(folder), f"--storage.path={folder / 'state'}"]
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
    wait_for(lambda: server.query(f"recwatch_window_end_timestamp_seconds >= {end}"), PATIENCE)


def firing(server: Prometheus) -> set[str]:
    found = server.query('ALERTS{alertstate="firing",alertname!="RecwatchWatchdog"}')
    return {labels["alertname"] for labels, _ in found}


def pages(told: Receiver) -> list[tuple[str, str]]:
    """Everything that arrived but the watchdog's: where, and its status."""
    return [(where, payload["status"]) for where, payload in list(told.arrived) if where != "/watchdog"]


def test_one_incident_is_one_notification_from_its_first_window_to_its_end(tmp_path: Path) -> None:
    first, second = free_port(), free_port()
    rules = tmp_path / "rules.yaml"
    rules.write_text(Rendering(external_url=f"http://127.0.0.1:{first}").file())
    log = LiveLog(tmp_path / "log")
    log.write_history(HISTORY)
    with (
        receiver() as told,
        alertmanager(tmp_path, quick_example(told.url)) as manager,
        prometheus(tmp_path, rules=[rules], alertmanager=manager.address) as server,
        log,
    ):
        with daemon(tmp_path, first) as address:
            server.scrape(address)
            evaluated(server, this_window())
            assert firing(server) == set()

            broken = next_window()
            log.show(broken.start, "sku-stuck", surface="email")
            wait_for(lambda: pages(told), PATIENCE)
            (page,) = told.at("discovery-pager")
            (alert,) = page["alerts"]
            assert alert["labels"]["alertname"] == "RecwatchIncidentPage"
            assert alert["labels"]["incident"].startswith(f"{broken.start:%Y%m%dT%H%M}")
            assert alert["labels"]["item"] == "sku-stuck"
            assert alert["labels"]["slice"] == "surface=email"
            text = alert["annotations"]["description"]
            assert "item sku-stuck" in text
            assert " % of " in text
            assert "surface email" in text
            with urlopen(alert["annotations"]["dashboard_url"], timeout=PATIENCE) as opened:
                shown = opened.read().decode()
            assert opened.status == 200
            assert "sku-stuck" in shown

        # the daemon is gone, and nothing is scraped
        server.scrape()
        wait_for(lambda: not server.query("recwatch_incident_open"), PATIENCE)
        with daemon(tmp_path, second) as address:
            assert firing(server) == {"RecwatchIncidentPage"}
            server.scrape(address)
            wait_for(lambda: server.query("recwatch_incident_open == 1"), PATIENCE)

            wider = next_window()
            log.show(wider.start, "sku-other", surface=None)
            evaluated(server, wider)
            assert firing(server) == {"RecwatchIncidentPage"}
            assert pages(told) == [("/discovery-pager", "firing")]

            log.show(next_window().start, None)
            wait_for(lambda: told.at("discovery-pager", "resolved"), PATIENCE)
            assert firing(server) == set()
            assert pages(told) == [("/discovery-pager", "firing"), ("/discovery-pager", "resolved")]
