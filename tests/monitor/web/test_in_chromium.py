"""The pages in a real browser: nothing is blocked or missing, nothing needs JavaScript, everybody can read them."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.web.server import Address, WebServer
from tests.monitor.factories import (
    HOUR,
    NOON,
    config,
    evaluation,
    failed_evaluation,
    incident,
    stuck_evaluation,
)
from tests.monitor.web.browser import Site
from tests.monitor.web.chromium import DESK, PHONE, Browser, browsing

ID = "home-same_item-3f9c1a"
PAGES = {
    "overview": "/",
    "incident": f"/incidents/{ID}",
    "recommender": "/recommenders/home",
    "detector": "/recommenders/home/detectors/same_item",
    "window": "/recommenders/home/at/2026-03-14T11:00:00Z",
    "evaluations": "/recommenders/home/evaluations",
    "runbook": "/runbooks/same_item",
    "docs": "/docs",
    "not found": "/nothing",
}
HOSTILE = "\"><script>document.title='taken'</script><img src=x onerror=document.title='taken'>"

pytestmark = pytest.mark.needs("chromium")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Site, str]]:
    told = replace(
        incident(),
        items=("sku-007065",),
        before={"value": 0.031, "top_items": [{"item": "sku-1", "share": 0.05}], "lists": [["sku-1", None]]},
        after={
            "value": 0.969,
            "top_items": [{"item": "sku-007065", "share": 0.97}],
            "lists": [["sku-007065"]],
        },
    )
    evaluations = [
        *(evaluation(end=NOON - i * HOUR) for i in range(30, 1, -1)),
        failed_evaluation(end=NOON - HOUR),
        stuck_evaluation(open_incidents=(told,)),
        evaluation("fine", end=NOON),
        stuck_evaluation("hostile", item=HOSTILE),
    ]
    with Site(evaluations, [config(), config("fine"), config("hostile")], says=True) as site:
        server = WebServer(site.app, Address("127.0.0.1", 0))
        server.start()
        try:
            yield site, server.url
        finally:
            server.stop()


@pytest.mark.parametrize("path", [p for p in PAGES.values() if p != "/nothing"])
def test_nothing_is_blocked_missing_or_from_elsewhere(
    browser: Browser, served: tuple[Site, str], path: str
) -> None:
    browser.looks(DESK)
    browser.open(served[1] + path)
    assert browser.complaints() == []
    assert all(url.startswith((served[1], "data:")) for url in browser.asked())


@pytest.mark.parametrize("path", PAGES.values())
def test_a_phone_shows_a_page_without_scrolling_sideways(
    browser: Browser, served: tuple[Site, str], path: str
) -> None:
    browser.looks(PHONE)
    browser.open(served[1] + path)
    assert browser.value("document.documentElement.scrollWidth") <= PHONE[0]
    smallest = browser.value(
        "Math.min(99, ...[...document.querySelectorAll('button')].map(e => e.getBoundingClientRect().height))"
    )
    assert smallest >= 40


def test_what_a_log_says_runs_nowhere(browser: Browser, served: tuple[Site, str]) -> None:
    browser.looks(DESK)
    for path in ("/", "/incidents/hostile-same_item-3f9c1a", "/recommenders/hostile"):
        browser.open(served[1] + path)
        assert browser.value("document.title") != "taken"
        assert browser.value("document.querySelectorAll('script, img').length") == 0
        assert "<script>" in browser.value("document.body.innerText")


def test_one_tap_without_javascript_says_what_one_thinks(browser: Browser, served: tuple[Site, str]) -> None:
    site, url = served
    browser.looks(PHONE)
    browser.open(f"{url}/incidents/{ID}")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.click("button[value=false_alarm]")
    assert [(f.incident_id, f.useful) for f in site.store.feedback()] == [(ID, False)]
    assert browser.value("location.pathname") == f"/incidents/{ID}"
    assert "a false alarm" in browser.value("document.body.innerText")
    browser.click("button[value=acknowledge]")
    assert [a.why for a in site.store.acknowledgements()] == ["seen"]


def test_another_site_cannot_tap(browser: Browser, served: tuple[Site, str], tmp_path: Path) -> None:
    site, url = served
    before = site.store.acknowledgements()
    page = tmp_path / "evil.html"
    page.write_text(
        f'<form method="post" action="{url}/incidents/{ID}/say"><input name="mark" value="{"0" * 64}">'
        '<button name="say" value="acknowledge">win</button></form>'
    )
    browser.looks(DESK)
    browser.open(page.as_uri())
    browser.click("button")
    assert "This comes from another page" in browser.value("document.body.innerText")
    assert site.store.acknowledgements() == before


@pytest.fixture(scope="module")
def together() -> Iterator[dict[str, str]]:
    """Pages of an incident of the fleet, one of whose recommenders has a name to run away from."""
    names = ["cart", "home", "x" * 40 + "/" + "y" * 40]
    evaluations = [stuck_evaluation(name, item=HOSTILE) for name in names]
    with Site(evaluations, [config(name) for name in names], says=True) as site:
        server = WebServer(site.app, Address("127.0.0.1", 0))
        server.start()
        [one] = site.store.incidents("(fleet)")
        try:
            yield {
                "overview": f"{server.url}/",
                "fleet": f"{server.url}/incidents/{one.id}",
                "part": f"{server.url}/incidents/cart-same_item-3f9c1a",
                "recommender": f"{server.url}/recommenders/cart",
            }
        finally:
            server.stop()


@pytest.mark.parametrize("name", ["overview", "fleet", "part", "recommender"])
def test_an_incident_of_the_fleet_on_a_desk_and_on_a_phone(
    browser: Browser, together: dict[str, str], name: str
) -> None:
    for size in (DESK, PHONE):
        browser.looks(size)
        browser.open(together[name])
        assert browser.complaints() == []
        assert browser.value("document.title") != "taken"
        assert browser.value("document.documentElement.scrollWidth") <= size[0]
        assert "3 recommenders have the same trouble" in browser.value("document.body.innerText")


@pytest.mark.needs("axe-core")
@pytest.mark.parametrize("name", ["overview", "fleet", "part", "recommender"])
def test_everybody_can_read_an_incident_of_the_fleet(
    browser: Browser, together: dict[str, str], name: str
) -> None:
    browser.looks(DESK)
    browser.open(together[name])
    assert violations(browser) == []


@pytest.mark.needs("axe-core")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_everybody_can_read_it(browser: Browser, served: tuple[Site, str], path: str, dark: bool) -> None:
    browser.looks(PHONE if dark else DESK, dark=dark)
    browser.open(served[1] + path)
    assert violations(browser) == []


def violations(browser: Browser) -> object:
    """What axe-core finds wrong with the page that is open."""
    root = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=True).stdout.strip()
    browser.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    browser.value((Path(root) / "axe-core/axe.min.js").read_text() + ";0")
    return browser.value(
        "axe.run({resultTypes: ['violations']}).then(r => r.violations.map(v =>"
        " [v.id, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary]))"
    )
