"""Three recommenders break at once, from their log to a webhook: one page, whatever happens, and one end."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from live_log import LiveLog
from real_chain import HISTORY, PATIENCE, daemon, evaluated, firing, next_window, pages, this_window

from monitor.alerts.rules import Rendering
from monitor.incidents.fleet import FLEET
from monitor.store import Store
from tests.monitor.alerts.quick_alertmanager import EXAMPLE, quick_example
from tests.servers import alertmanager, free_port, prometheus, receiver, wait_for

pytestmark = pytest.mark.needs("prometheus", "prometheus-alertmanager")

NAMES = ("cart", "home", "search")


def as_patient_as_the_example(url: str) -> dict[str, Any]:
    """Pages wait as long as in the example, in which the third recommender is evaluated too."""
    assert "group_wait: 10s" in EXAMPLE.read_text()
    settings = quick_example(url)
    for team in settings["route"]["routes"]:
        for route in team.get("routes", ()):
            route["group_wait"] = "10s"
    return settings


def test_three_that_break_at_once_are_one_page_through_a_restart_and_one_end(tmp_path: Path) -> None:
    port = free_port()
    rules = tmp_path / "rules.yaml"
    rules.write_text(Rendering(external_url=f"http://127.0.0.1:{port}").file())
    log = LiveLog(tmp_path / "log")
    log.write_history(HISTORY)
    with (
        receiver() as told,
        alertmanager(tmp_path, as_patient_as_the_example(told.url)) as manager,
        prometheus(tmp_path, rules=[rules], alertmanager=manager.address) as server,
        log,
    ):
        with daemon(tmp_path, port, NAMES) as address:
            server.scrape(address)
            evaluated(server, this_window())
            assert firing(server) == set()
            log.show(next_window().start, "sku-stuck")
            wait_for(lambda: pages(told), PATIENCE)
            (page,) = told.at("discovery-pager")
            (alert,) = page["alerts"]
            assert (alert["labels"]["recommender"], alert["labels"]["item"]) == (FLEET, "sku-stuck")
            text = alert["annotations"]["description"]
            assert "3 recommenders have the same trouble (same_item): cart, home and search. " in text
            assert "Place: " not in text
            with urlopen(alert["annotations"]["dashboard_url"], timeout=PATIENCE) as opened:
                assert "3 recommenders have the same trouble" in opened.read().decode()
            assert {"RecwatchIncidentMuted", "RecwatchIncidentPage"} <= firing(server)
        with daemon(tmp_path, port, NAMES):
            evaluated(server, next_window())
            log.show(next_window().start, None)
            wait_for(lambda: told.at("discovery-pager", "resolved"), PATIENCE)
            assert pages(told) == [("/discovery-pager", "firing"), ("/discovery-pager", "resolved")]
            wait_for(lambda: firing(server) == set(), PATIENCE)
        with Store.open(tmp_path / "state", read_only=True) as store:
            fleet = store.incidents(FLEET)
            said = [t.what for t in store.told() if t.recommender == FLEET]
        assert [(i.open, len(i.parts)) for i in fleet] == [(False, 3)]
        assert said == ["opened", "resolved"]
