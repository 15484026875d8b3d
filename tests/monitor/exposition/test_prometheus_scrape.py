"""A real Prometheus scrapes a real server: every series arrives and nothing is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.exposition.state import read_state
from monitor.web.server import Address, WebServer
from tests.monitor.factories import config, evaluation, incident, stuck_evaluation
from tests.monitor.web.browser import SOON, Site
from tests.servers import prometheus, wait_for

pytestmark = pytest.mark.needs("prometheus")


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
        with prometheus(tmp_path, server.address) as scraper:
            # twice, so that the first scrape is complete
            wait_for(lambda: scraper.query("count_over_time(up[1m]) > 1 and up == 1"))
            (target,) = scraper.ask("targets")["activeTargets"]
            assert (target["health"], target["lastError"]) == ("up", "")

            body = site.exporter.answer().body.decode()
            sent = {line.rpartition(" ")[0] for line in body.splitlines() if not line.startswith("#")}
            names = {series.partition("{")[0] for series in sent}
            arrived = scraper.query('count by (__name__) ({job="recwatch",__name__!~"up|scrape_.*"})')
            counts = {labels["__name__"]: count for labels, count in arrived}
            counted_later = {"recwatch_http_requests_total"}  # begins with the first scrape
            assert counts.keys() - counted_later == names - counted_later
            assert {n: c for n, c in counts.items() if n not in counted_later} == {
                name: sum(series.partition("{")[0] == name for series in sent)
                for name in names - counted_later
            }

            assert scraper.query('recwatch_incident_open{item="sku-007065"}')[0][1] == 1
            assert scraper.query('recwatch_verdict{slice="all",detector="same_item"} == 1')[0][1] == 1
            (odd,) = scraper.query('recwatch_incident_open{incident="hostile"}')
            assert odd[0]["team"] == "é😀"
            assert odd[0]["item"].startswith('"}\ufffd# EOF\ufffd \\~')
            assert scraper.query("recwatch_evaluation_failures_total == 0")
            types = {name: entry[0]["type"] for name, entry in scraper.ask("metadata").items()}
            assert types["recwatch_incident_open"] == "gauge"
            assert types["recwatch_evaluation_duration_seconds"] == "histogram"

            site.exporter.retire("home")
            wait_for(lambda: not scraper.query('{recommender="home"}'))
            assert scraper.query('recwatch_recommender_info{recommender="email/DE"}')
    finally:
        server.stop()
