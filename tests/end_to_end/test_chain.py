"""The whole chain with nothing mocked: a log in real time, the daemon, Prometheus, Alertmanager, a webhook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.alerts.rules import Rendering
from tests.end_to_end.live_log import LiveLog
from tests.end_to_end.real_chain import (
    HISTORY,
    PATIENCE,
    WINDOW,
    daemon,
    evaluated,
    firing,
    next_window,
    pages,
    this_window,
)
from tests.grafana.reading import FILES, filled, load, queries
from tests.monitor.alerts.quick_alertmanager import quick_example
from tests.monitor.web.chromium import PHONE, browsing
from tests.servers import Prometheus, alertmanager, free_port, prometheus, receiver, wait_for

pytestmark = pytest.mark.needs("prometheus", "prometheus-alertmanager", "chromium")


SCRAPE = EVALUATION_OF_RULES = timedelta(seconds=1)


def on_the_dashboards(server: Prometheus) -> dict[str, list[tuple[dict[str, str], float]]]:
    """What every query of every dashboard shows now, by dashboard and panel."""
    chosen = {"recommender": "shop", "slice": "surface=email"}
    chosen |= {"detector": "same_item", "measure": "same_item.first_place_share"}
    every = (query for file in FILES for query in queries(load(file.stem)))
    return {str(query): server.query(filled(query.expression, chosen)) for query in every}


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
            calm = on_the_dashboards(server)  # every query is answered, by what was scraped

            broken = next_window()
            log.show(broken.start, "sku-stuck", surface="email")
            wait_for(lambda: pages(told), PATIENCE)
            late = datetime.now(UTC) - broken.start - WINDOW - SCRAPE - EVALUATION_OF_RULES
            assert late <= timedelta(seconds=30), (
                "of which `settle` takes two, and grouping in Alertmanager one"
            )
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
            troubled = on_the_dashboards(server)
            for panel in ("overview: State of the recommenders A", "recommender: State A"):
                assert [[value for _, value in on[panel]] for on in (calm, troubled)] == [[0], [1]], panel
            for panel in ("recommender: Top item at the first place A", "detectors: $measure A"):
                [(_, before)], [(_, since)] = calm[panel], troubled[panel]
                assert before < 0.3 < 0.9 < since, panel
            ((listed, _),) = troubled["overview: Open incidents A"]
            assert listed["summary"] in text
            with browsing(tmp_path / "profile") as browser:
                browser.looks(PHONE, script=False)
                browser.open(alert["annotations"]["dashboard_url"])
                shown = browser.value("document.querySelector('h1').innerText")
                assert browser.complaints() == []
            assert "item sku-stuck" in shown
            assert "surface email" in shown

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
