"""An incident of the fleet on the pages and in the API: first, with its parts, and they lead back to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from monitor.incidents.fleet import FLEET
from tests.monitor.factories import HOUR, NOON, config, evaluation, incident, stuck_evaluation
from tests.monitor.web.browser import Page, Site

NAMES = ("cart", "home", "search")
ALL = [config(name) for name in (*NAMES, "feed")]
PART = "home-same_item-3f9c1a"
SAID = "3 recommenders have the same trouble (same_item): cart, home and search."


def together() -> list[Any]:
    lonely = incident("feed", id="feed-diversity-1", detector="diversity")
    return [*map(stuck_evaluation, NAMES), evaluation("feed", open_incidents=(lonely,))]


@pytest.fixture
def site() -> Iterator[Site]:
    with Site(together(), ALL, says=True) as made:
        yield made


def fleet(site: Site) -> str:
    [one] = site.store.incidents(FLEET)
    return one.id


def page_of(site: Site, path: str) -> Page:
    answer = site.ask(path)
    assert answer.status_code == 200
    return Page(answer.text)


def test_it_comes_first_and_stands_for_its_parts(site: Site) -> None:
    seen = site.view.overview()
    assert seen.headline.word == "2 incidents are open"
    [card] = seen.fleet
    assert card.incident.id == fleet(site)
    assert [part.recommender for part in card.parts] == list(NAMES)
    assert [one.recommender for one in seen.open] == ["feed"]
    page = page_of(site, "/")
    assert page.text.index(SAID) < page.text.index("feed")
    for name in NAMES:
        assert f"/incidents/{name}-same_item-3f9c1a" in page.links
        assert f"/recommenders/{name}" in page.links
    assert "/recommenders/(fleet)" not in page.links


def test_its_page_has_its_parts_with_their_onset_and_state(site: Site) -> None:
    over = incident("cart", resolved_at=NOON + HOUR)
    site.store.record(evaluation("cart", NOON + HOUR, open_incidents=(over,)))
    page = page_of(site, f"/incidents/{fleet(site)}")
    assert f"{SAID[:-1]}, over in cart." in page.text
    assert "Its parts The same trouble in 3 recommenders." in page.text
    assert {f"/incidents/{name}-same_item-3f9c1a" for name in NAMES} <= set(page.links)
    assert page.text.count("1,523 requests") == 3
    assert "4,569" in page.text  # of all of them together
    assert "over since 2026-03-14 13:00" in page.text
    assert "Cost so far: cannot estimate: clicks are not measured in its place." in page.text
    assert "/runbooks/same_item" in page.links
    assert "The new level is meant" not in page.text
    assert "Before and after" not in page.text


def test_parts_and_their_recommenders_lead_back_to_it(site: Site) -> None:
    page = page_of(site, f"/incidents/{PART}")
    assert f"Part of an incident of the fleet, which is told instead: {SAID}" in page.text
    assert f"/incidents/{fleet(site)}" in page.links
    assert "Before and after" in page.text
    assert f"/incidents/{fleet(site)}" in page_of(site, "/recommenders/home").links
    for lonely in ("/recommenders/feed", "/incidents/feed-diversity-1"):
        assert "of the fleet" not in page_of(site, lonely).text


def test_who_takes_care_of_it_takes_care_of_its_parts(site: Site) -> None:
    path = f"/incidents/{fleet(site)}"
    here = {"host": "127.0.0.1", "origin": "http://127.0.0.1"}
    mark = site.ask(path, headers=here).text.partition('name="mark" value="')[2].partition('"')[0]
    answer = site.ask(f"{path}/say", "POST", here, {"mark": mark, "say": "acknowledge"})
    assert answer.status_code == 303
    assert {a.incident_id for a in site.store.acknowledgements()} == {
        fleet(site), *(f"{name}-same_item-3f9c1a" for name in NAMES),
    }  # fmt: skip


def test_the_end_of_it_is_among_what_closed(site: Site) -> None:
    for name in NAMES:
        over = incident(name, resolved_at=NOON + HOUR)
        site.store.record(evaluation(name, NOON + HOUR, open_incidents=(over,)))
    seen = site.view.overview()
    assert (seen.fleet, seen.headline.word) == ((), "1 incident is open")
    assert [one.recommender for one in seen.closed] == [FLEET, *NAMES]
    assert f"/incidents/{fleet(site)}" in page_of(site, f"/incidents/{PART}").links
    assert "which is told instead" not in page_of(site, f"/incidents/{PART}").text


def test_of_recommenders_that_are_not_watched_nothing_is_first(site: Site) -> None:
    with Site(together(), [config("feed")]) as other:
        assert other.view.overview().fleet == ()


def test_the_api_has_it_and_says_of_what_an_incident_is_a_part(site: Site) -> None:
    found = site.ask(f"/api/v1/incidents/{fleet(site)}").json()
    assert (found["recommender"], found["part_of"]) == (FLEET, None)
    assert [p["recommender"] for p in found["parts"]] == list(NAMES)
    assert site.ask(f"/api/v1/incidents/{PART}").json()["part_of"] == fleet(site)
    listed = site.ask("/api/v1/incidents?open=true").json()
    assert {i["id"]: i["part_of"] for i in listed} == {
        fleet(site): None,
        "feed-diversity-1": None,
        **{f"{name}-same_item-3f9c1a": fleet(site) for name in NAMES},
    }
    only = site.ask("/api/v1/incidents?recommender=(fleet)").json()
    assert [i["id"] for i in only] == [fleet(site)]
