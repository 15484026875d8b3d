"""A real Prometheus scrapes a real server: every series arrives and nothing is refused."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from monitor.exposition.state import read_state
from monitor.web.server import Address, WebServer
from tests.monitor.factories import config, evaluation, incident, stuck_evaluation
from tests.monitor.web.browser import SOON, Site

PATIENCE = 60.0  # seconds until a test gives up


class Prometheus:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/api/v1/"

    def ask(self, path: str, **parameters: str) -> Any:
        with urlopen(f"{self.url}{path}?{urlencode(parameters)}", timeout=PATIENCE) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        found = self.ask("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any]) -> Any:
    """What the condition gives as soon as it gives something."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            if found := condition():
                return found
        except OSError:  # not up yet
            pass
        assert time.monotonic() < give_up
        time.sleep(0.1)


@contextmanager
def scraping(target: Address, folder: Path) -> Iterator[Prometheus]:
    job = {"job_name": "recwatch", "static_configs": [{"targets": [str(target)]}]}
    settings = folder / "prometheus.yml"
    settings.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}))
    port = free_port()
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={settings}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture
def site() -> Iterator[Site]:
    hostile = incident(
        id="hostile", item='"}\n# EOF\ud800 \\', slice={"surface": "<b>\x00"}, labels={"team": "é😀"}
    )
    names = ("home", "email/DE")
    with Site(
        [stuck_evaluation("home"), evaluation("email/DE", open_incidents=(hostile,))],
        [config(n) for n in names],
    ) as site:
        for name in names:
            site.health.expect(name, ["same_item"])
            site.exporter.update(read_state(site.store, config(name), SOON))
        yield site


def test_prometheus_takes_everything(site: Site, tmp_path: Path) -> None:
    server = WebServer(site.app, Address("127.0.0.1", 0))
    server.start()
    try:
        with scraping(server.address, tmp_path) as prometheus:
            # twice, so that the first scrape is complete
            wait_for(lambda: prometheus.query("count_over_time(up[1m]) > 1 and up == 1"))
            (target,) = prometheus.ask("targets")["activeTargets"]
            assert (target["health"], target["lastError"]) == ("up", "")

            body = site.exporter.answer().body.decode()
            sent = {line.rpartition(" ")[0] for line in body.splitlines() if not line.startswith("#")}
            names = {series.partition("{")[0] for series in sent}
            arrived = prometheus.query('count by (__name__) ({job="recwatch",__name__!~"up|scrape_.*"})')
            counts = {labels["__name__"]: count for labels, count in arrived}
            counted_later = {"recwatch_http_requests_total"}  # begins with the first scrape
            assert counts.keys() - counted_later == names - counted_later
            assert {n: c for n, c in counts.items() if n not in counted_later} == {
                name: sum(series.partition("{")[0] == name for series in sent)
                for name in names - counted_later
            }

            assert prometheus.query('recwatch_incident_open{item="sku-007065"}')[0][1] == 1
            assert prometheus.query('recwatch_verdict{slice="all",detector="same_item"} == 1')[0][1] == 1
            (odd,) = prometheus.query('recwatch_incident_open{incident="hostile"}')
            assert odd[0]["team"] == "é😀"
            assert odd[0]["item"].startswith('"}\ufffd# EOF\ufffd \\~')
            assert prometheus.query("recwatch_evaluation_failures_total == 0")
            types = {name: entry[0]["type"] for name, entry in prometheus.ask("metadata").items()}
            assert types["recwatch_incident_open"] == "gauge"
            assert types["recwatch_evaluation_duration_seconds"] == "histogram"

            site.exporter.retire("home")
            wait_for(lambda: not prometheus.query('{recommender="home"}'))
            assert prometheus.query('recwatch_recommender_info{recommender="email/DE"}')
    finally:
        server.stop()
