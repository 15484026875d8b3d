"""What somebody says on the page of a daemon that runs: through its door, its socket and its store, and back."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from real_daemon import PATIENCE_SECONDS, Daemon
from shop_log import drop_at, hour

from monitor.incidents.incident import Resolution
from monitor.store import Store

HASH = "$2b$04$QVNke06Al0dYo9HtenSaO.0uhOyj9F7/gyQEJUDRhhLdX6tRiCBdO"  # of "open sesame"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    users = tmp_path / "web.yaml"
    users.write_text(f"basic_auth_users: {{ann: {HASH}, bob: {HASH}}}\n")
    made = Daemon(tmp_path, users)
    made.config.write_text(made.config.read_text().replace("workers: 1", "workers: 1, page_actions: true"))
    made.start()
    yield made
    if made.process.poll() is None:
        made.stop()


def test_what_people_say_on_the_page_is_kept_and_only_they_can_say_it(daemon: Daemon) -> None:
    def browser(user: str | None) -> httpx.Client:
        return httpx.Client(base_url=daemon.url, auth=(user, "open sesame") if user else None, timeout=30)

    with browser("ann") as ann, browser("bob") as bob, browser(None) as nobody:
        daemon.wait_for(lambda: "recwatch_incident_open{" in ann.get("/metrics").text)
        with Store.open(daemon.state, read_only=True) as store:
            [incident] = store.incidents(open_only=True)
        page, say = f"/incidents/{incident.id}", f"/incidents/{incident.id}/say"
        found = re.search('name="mark" value="([0-9a-f]{64})"', ann.get(page).text)
        assert found
        form = {"mark": found[1], "say": "useful"}

        # nobody else: without a password, from another site, with a form that is not this user's, without a form
        assert nobody.get(page).status_code == 401
        assert nobody.post(say, data=form).status_code == 401
        assert ann.post(say, data=form, headers={"sec-fetch-site": "cross-site"}).status_code == 403
        assert ann.post(say, data=form, headers={"origin": "https://evil.example"}).status_code == 403
        assert bob.post(say, data=form).status_code == 403
        assert ann.post(say, data={"say": "useful"}).status_code == 403
        with Store.open(daemon.state, read_only=True) as store:
            assert (store.feedback(), store.acknowledgements(), store.rebaselines()) == ([], [], [])

        def said(**fields: str) -> str:
            answer = ann.post(say, data={**form, **fields})
            assert (answer.status_code, answer.headers["location"]) == (303, page)
            return ann.get(page).text

        for what, useful, words in (("useful", True, "useful"), ("false_alarm", False, "a false alarm")):
            assert f"<bdi>ann on the page</bdi>: <bdi>{words}</bdi>" in said(say=what)
            with Store.open(daemon.state, read_only=True) as store:
                assert [(f.useful, f.who) for f in store.feedback([incident.id])] == [
                    (useful, "ann on the page")
                ]

        said(say="acknowledge")
        muted = f'recwatch_incident_muted{{incident="{incident.id}",recommender="shop"}} 1\n'
        daemon.wait_for(lambda: muted in ann.get("/metrics").text)
        with Store.open(daemon.state, read_only=True) as store:
            assert [(a.incident_id, a.who) for a in store.acknowledgements()] == [
                (incident.id, "ann on the page")
            ]

        assert "the new level is meant" in said(say="rebaseline", why="fewer visitors").replace("\u00a0", " ")
        with Store.open(daemon.state, read_only=True) as store:
            [meant] = store.rebaselines("shop")
            closed = store.incident(incident.id)
        assert (meant.start, meant.detector, meant.why, meant.who) == (
            drop_at(),
            "traffic",
            "fewer visitors",
            "ann on the page",
        )
        assert closed is not None
        assert closed.resolution is Resolution.INTENDED


def test_measurements_as_parquet_are_those_of_the_store_and_arrow_stays_in_the_worker(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.time(hour(6) + timedelta(minutes=15))
    daemon.start()
    try:
        daemon.wait_for(lambda: daemon.evaluated(hour(6)))
        url = f"{daemon.url}/api/v1/recommenders/shop/measurements"
        asked = {"since": hour(2).isoformat(), "until": hour(5).isoformat(), "slice": "surface=email"}
        answer = httpx.get(f"{url}.parquet", params=asked, timeout=PATIENCE_SECONDS)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.apache.parquet")
        table = pq.read_table(io.BytesIO(answer.content))
        plain = httpx.get(url, params=asked, timeout=PATIENCE_SECONDS).json()
        nothing = httpx.get(f"{url}.parquet", params={**asked, "slice": "x=y"}, timeout=PATIENCE_SECONDS)
        wrong = httpx.get(f"{url}.parquet", params={"since": "noon"}, timeout=PATIENCE_SECONDS)
    finally:
        daemon.stop()
    assert daemon.output.strip() == "heavy modules in the parent: []"
    assert table.column_names == plain["columns"]
    rows = [
        [v.isoformat() if isinstance(v, datetime) else None if v != v else v for v in row.values()]
        for row in table.to_pylist()
    ]
    assert len(rows) > 30
    assert rows == [[None if isinstance(v, float) and v != v else v for v in row] for row in plain["rows"]]
    assert table.schema.field("window_start").type == pa.timestamp("us", "UTC")
    assert pq.read_table(io.BytesIO(nothing.content)).num_rows == 0
    assert (wrong.status_code, wrong.json()) == (400, {"error": "noon is no moment: write 2026-03-14T05:00Z"})
