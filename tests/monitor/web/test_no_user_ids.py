"""Who somebody is stands in the log alone: no page, answer, file, metric or incident has a user's id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from monitor.cycle import backtest
from monitor.evaluation import Evaluation
from tests.monitor.cycle.small_shop import due_at, hour, rows_of, shop, write_hour
from tests.monitor.web.browser import Page, Site

HOURS, PERSON = 30, "anna.berg"
NEVER_READ = ("/static/", "/docs/", "/runbooks/")  # of recwatch alone


def rows_with_people(k: int) -> list[dict[str, Any]]:
    """Addresses for ids; in the last hour one item is stuck, one user is everywhere, ids have another format."""
    rows = rows_of(k, requests=300, item="item-7" if k == HOURS - 1 else None)
    for row in rows:
        number = int(row["user_id"][1:])
        row["user_id"] = f"{PERSON}+{number}@example.org"
        if k == HOURS - 1:
            row["user_id"] = f"{PERSON}-crawler" if number % 3 == 0 else f"{PERSON}/{number:032x}"
    return rows


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Evaluation]]:
    log: Path = tmp_path_factory.mktemp("log")
    for k in range(HOURS):
        write_hour(log, k, rows_with_people(k))
    recommender = shop(log, slices=("surface",))
    return recommender, list(backtest(recommender, [hour(k) for k in range(HOURS)]))


def read_everything(site: Site) -> Iterator[tuple[str, str]]:
    """Every page that links lead to from the first, and every answer of the API that takes no more than a name."""
    todo, seen = ["/", "/metrics", "/api/v1/recommenders", "/api/v1/incidents"], set()
    described = json.loads(site.ask("/api/v1/openapi.json").text)["paths"]
    incidents = json.loads(site.ask("/api/v1/incidents").text)
    for path in described:
        at = f"?at={hour(HOURS - 1).start:%Y-%m-%dT%H:%MZ}" if path.endswith("explain") else ""
        todo.append(path.format(name="shop", id=incidents[0]["id"]) + at)
    while todo:
        address = todo.pop()
        if address in seen or address.startswith(NEVER_READ):
            continue
        seen.add(address)
        answer = site.ask(address)
        yield address, answer.text
        if "text/html" in answer.headers["content-type"]:
            links = (urlsplit(urljoin(address, link)) for link in Page(answer.text).links)
            todo += [link._replace(fragment="").geturl() for link in links if not link.netloc]


def test_an_id_is_nowhere_to_be_read(judged: tuple[Any, list[Evaluation]]) -> None:
    recommender, evaluations = judged
    last = evaluations[-1]
    breaches = {f.measure for f in last.findings if f.verdict.name == "BREACH"}
    assert "same_item.first_place_share" in breaches
    heavy = {f.measure: f for f in last.findings if f.slice == "all"}["traffic.heavy_users_share"]
    assert len(heavy.evidence["heaviest"]) == 1, "somebody is spoken of"
    with Site(evaluations, [recommender], now=due_at(HOURS)) as site:
        read = dict(read_everything(site))
        assert len(read) > HOURS
        assert any(f"/incidents/{i.id}" in read for i in last.open_incidents)
        assert [address for address, text in read.items() if PERSON in text] == []
        told = [incident.to_json() for incident in site.store.incidents()]
        assert PERSON not in json.dumps(
            [told, [f.evidence for e in evaluations for f in e.findings]], default=str
        )
