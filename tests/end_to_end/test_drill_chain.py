"""A drill through the whole chain: whoever would be paged is, reads that nothing is wrong, and it ends by itself."""

from __future__ import annotations

import subprocess
from pathlib import Path
from urllib.request import urlopen

import pytest

from monitor.alerts.rules import Rendering
from monitor.store import Store
from tests.end_to_end.live_log import LiveLog
from tests.end_to_end.real_chain import (
    HISTORY,
    PATIENCE,
    RECWATCH,
    daemon,
    evaluated,
    firing,
    pages,
    this_window,
)
from tests.monitor.alerts.quick_alertmanager import quick_example
from tests.servers import alertmanager, free_port, prometheus, receiver, wait_for

pytestmark = pytest.mark.needs("prometheus", "prometheus-alertmanager")


def test_a_drill_pages_whoever_would_be_paged_marked_as_one_and_ends_by_itself(tmp_path: Path) -> None:
    port = free_port()
    rules = tmp_path / "rules.yaml"
    rules.write_text(Rendering(external_url=f"http://127.0.0.1:{port}").file())
    log = LiveLog(tmp_path / "log")
    log.write_history(HISTORY)
    with (
        receiver() as told,
        alertmanager(tmp_path, quick_example(told.url)) as manager,
        prometheus(tmp_path, rules=[rules], alertmanager=manager.address) as server,
        log,
        daemon(tmp_path, port) as address,
    ):
        server.scrape(address)
        evaluated(server, this_window())
        assert firing(server) == set()

        place = ("--kind", "same_item", "--slice", "surface=email", "--for", "1m")
        command = [RECWATCH, "drill", *place, f"--storage.path={tmp_path / 'state'}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stderr) == (0, "")

        wait_for(lambda: pages(told), PATIENCE)
        (page,) = told.at("discovery-pager")
        (alert,) = page["alerts"]
        labels = {"drill": "true", "slice": "surface=email", "item": "recwatch-drill", "team": "discovery"}
        assert {**alert["labels"], **labels} == alert["labels"]
        assert alert["labels"]["alertname"] == "RecwatchIncidentPage"
        assert alert["labels"]["incident"].startswith("drill-")
        assert "DRILL, nothing is wrong: " in alert["annotations"]["description"]
        with urlopen(alert["annotations"]["dashboard_url"], timeout=PATIENCE) as opened:
            assert "DRILL, nothing is wrong" in opened.read().decode()

        wait_for(lambda: told.at("discovery-pager", "resolved"), PATIENCE)
        assert pages(told) == [("/discovery-pager", "firing"), ("/discovery-pager", "resolved")]
        assert firing(server) == set()
        with Store.open(tmp_path / "state", read_only=True) as store:
            assert store.incidents(include_silent=True) == []
            assert store.told() == []
