"""Pages over HTTP: what they say, their headers, their links, their errors."""

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from monitor.config.models import Columns, LogConfig
from monitor.errors import StoreError, UserError
from monitor.evaluation import CannotMeasure
from monitor.exposition.state import read_state
from monitor.incidents.incident import Resolution, Symptom
from tests.monitor.factories import NOON, config, evaluation, failed_evaluation, incident, stuck_evaluation
from tests.monitor.web.browser import SOON, Page, Site

INCIDENT = "/incidents/home-same_item-3f9c1a"


@pytest.fixture
def site() -> Site:
    with Site([stuck_evaluation(), failed_evaluation("email/DE")], [config(), config("email/DE")]) as site:
        yield site


def test_the_first_page_tells_the_whole_story(site: Site) -> None:
    text = site.text("/").replace("\u00a0", " ")
    for words in (
        "1 incident is open",
        "page sku-007065 is on top of 97 % of the lists (1,523 of 1,571 requests); 3 % is usual.",
        "Since 2026-03-14 11:00 UTC (for 1 h 20 min)",
        "Where everywhere",
        "Item sku-007065",
        "this item before 3.1 % this item now 96.9 %",
        "sku-007065 96.9 % 96 % to 97.7 % 3.1 % 1,523",
        "email/DE failed The last window was not evaluated: no file of the window could be read.",
        "Quarantined: date=2026-03-14/hour=11/part-0.parquet: not a Parquet file: it ends in 'html>'",
        "Cannot measure 1 thing 1 because the log has no user column : same_item.users",
        "Newest event 2026-03-14 11:59 UTC (20 min ago)",
        "1,571 requests, 15,710 rows",
        "Windows that could not be evaluated, or not fully",
    ):
        assert words in text.replace("same_ item. users", "same_item.users"), words


def test_a_log_that_does_not_tell_which_rows_are_one_request_is_counted_in_rows() -> None:
    shown = {"lists": [["sku-1"], ["sku-2"]]}
    found = stuck_evaluation(open_incidents=(replace(incident(), counts="rows", after=shown),))
    of_rows = config(log=LogConfig(path="log", columns=Columns(timestamp="time", item="item")))
    with Site([found], [of_rows]) as site:
        text, overview = site.text(INCIDENT).replace("\u00a0", " "), site.text("/").replace("\u00a0", " ")
    assert "Rows affected 1,523" in text
    assert "2 rows, which may be of one list or not:" in text
    assert "users got" not in text
    assert "item share usual rows sku-007065" in text
    assert "Traffic 15,710 rows" in overview
    assert "requests, 15,710" not in overview


def test_what_cannot_be_measured_is_told_by_its_reason() -> None:
    lacks = [
        CannotMeasure("b.x", "no catalogue"),
        CannotMeasure("a.y", "no scores"),
        CannotMeasure("a.z", "no catalogue"),
    ]
    with Site([evaluation(cannot_measure=tuple(lacks))]) as site:
        text = Page(site.ask("/recommenders/home").text).text
    assert "Cannot measure 3 things 2 because no catalogue : b. x , a. z 1 because no scores : a. y" in text


def test_an_incident_has_a_page(site: Site) -> None:
    text = site.text(INCIDENT).replace("\u00a0", " ")
    for words in (
        "page open",
        "Share of requests that have the same item on top.",
        "top items",
        "Symptoms",
        "The same item is on top of 95 % of the lists in e-mails.",
        "Could first be told 2026-03-14 12:10 UTC",
        "Closed not yet",
        "Model version ranker-2026-03-14",
        "Team discovery",
        "How to confirm (three steps)",
        "everything 1,474 96.9 % 3.1 % breach",
        "surface= email 294 95 % 3.1 % breach",
    ):
        assert words in text, words


def test_an_incident_shows_what_people_got_before_and_since() -> None:
    told = replace(
        incident(),
        items=("sku-007065",),
        before={"value": 0.031, "top_items": [{"item": "sku-1", "share": 0.05}], "lists": [["sku-1", None]]},
        after={"value": 0.969, "top_items": [{"item": "sku-007065", "share": 0.969}], "lists": []},
    )
    with Site([stuck_evaluation(open_incidents=(told,))]) as site:
        html = site.ask(INCIDENT).text
    text = Page(html).text.replace("\u00a0", " ")
    assert "Before sku-1 5 % What one user got: sku-1 rare When it was found sku-007065 96.9 %" in text
    assert '<code class="blamed"><bdi>sku-007065</bdi></code>' in html
    assert "<code><bdi>sku-1</bdi></code>" in html


def test_many_symptoms_are_folded_and_what_to_do_is_one_tap_away() -> None:
    many = tuple(Symptom("x", f"x.m{n}", {}, None, None, f"Symptom {n} of many.") for n in range(9))
    with Site([evaluation(open_incidents=(incident(symptoms=many),))]) as site:
        html = site.ask(INCIDENT).text
    at_once, _, folded = html.partition("<details><summary>3 more</summary>")
    assert [n for n in range(9) if f"Symptom {n} of many." in at_once] == list(range(6))
    assert [n for n in range(9) if f"Symptom {n} of many." in folded] == [6, 7, 8]
    assert '<a href="#todo">What to do</a>' in at_once
    assert html.count('id="todo"') == 1


def test_an_incident_that_is_over_says_why() -> None:
    over = replace(incident(), resolved_at=NOON, resolution=Resolution.INTENDED)
    with Site([stuck_evaluation(open_incidents=(over,))]) as site:
        assert "the new level is meant" in site.text(INCIDENT)


def test_a_recommender_has_a_page_even_with_a_slash_in_its_name(site: Site) -> None:
    assert "same_ item. first_ place_ share" in site.text("/recommenders/home")
    assert "No window has been evaluated so far." in site.text("/recommenders/email/DE")
    assert site.ask("/recommenders/email%2FDE").status_code == 200


def test_every_link_leads_somewhere(site: Site) -> None:
    seen, ahead = set(), ["/"]
    while ahead:
        path = ahead.pop()
        if path not in seen:
            seen.add(path)
            answer = site.ask(path)
            assert answer.status_code == 200, path
            if "html" in answer.headers["content-type"]:
                links = [link.partition("#")[0] for link in Page(answer.text).links]
                ahead += [link for link in links if link and not link.startswith("http")]
    assert {INCIDENT, "/recommenders/home", "/recommenders/email/DE", "/metrics"} <= {
        unquote(p) for p in seen
    }


@pytest.mark.parametrize(
    "path", ["/", INCIDENT, "/recommenders/home", "/nope", "/metrics", "/-/ready", "/static/style.css"]
)
def test_every_answer_has_the_security_headers(site: Site, path: str) -> None:
    headers = site.ask(path).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers
    assert headers["cache-control"] == ("public, max-age=86400" if "static" in path else "no-store")


@pytest.mark.parametrize(
    "path",
    [
        "/nope",
        "/incidents/nope",
        "/recommenders/nope",
        "/static/../app.py",
        "/static/nope.css",
        "//evil.example",
        "/recommenders/",
        "/-/quit",
    ],
)
def test_what_is_not_there_is_a_404_page_and_never_a_redirect(site: Site, path: str) -> None:
    answer = site.ask("http://recwatch.test" + path)
    assert answer.status_code == 404
    assert "Not found" in Page(answer.text).text
    assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_nothing_can_be_changed(site: Site, method: str) -> None:
    for path in ("/", "/metrics", "/-/healthy", INCIDENT):
        answer = site.ask(path, method)
        assert answer.status_code == 405
        assert sorted(answer.headers["allow"].split(", ")) == ["GET", "HEAD"]


def test_head_is_answered_everywhere(site: Site) -> None:
    for path in ("/", "/metrics", "/-/healthy", INCIDENT):
        assert site.ask(path, "HEAD").status_code == 200


def test_probes_follow_the_daemon() -> None:
    seconds = [0.0]
    with Site(clock=lambda: seconds[0]) as site:
        assert site.ask("/-/healthy").text == "recwatch is healthy.\n"
        answer = site.ask("/-/ready")
        assert (answer.status_code, answer.text) == (503, "recwatch is starting.\n")
        site.health.ready = True
        assert site.ask("/-/ready").text == "recwatch is ready.\n"
        seconds[0] = 400  # the scheduler stands still
        answer = site.ask("/-/healthy")
        assert answer.status_code == 503
        assert re.fullmatch(
            r"recwatch is not healthy: the scheduler has not ticked for \d+ s\.\n", answer.text
        )


def test_metrics_are_served_as_asked_for(site: Site) -> None:
    site.exporter.update(read_state(site.store, config(), SOON))
    plain = site.ask("/metrics", headers={"accept-encoding": "identity"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'recwatch_incident_open{incident="home-same_item-3f9c1a"' in plain.text
    asked = {"accept": "application/openmetrics-text;version=1.0.0", "accept-encoding": "gzip"}
    packed = site.ask("/metrics", headers=asked)
    assert packed.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text.endswith("# EOF\n")


def test_requests_are_counted_under_a_fixed_list_of_names(site: Site) -> None:
    for path in ("/", "/wp-login.php", "/incidents/a", "/incidents/b", "/" + "x" * 3000):
        site.ask(path)
    site.ask("/", "BREW")
    counted = {
        (sample.labels["handler"], sample.labels["code"]): sample.value
        for family in site.health.registry.collect()
        for sample in family.samples
        if sample.name == "recwatch_http_requests_total"
    }
    assert counted == {("/", "200"): 1, ("/", "405"): 1, ("other", "404"): 2, ("/incidents/", "404"): 2}


@pytest.mark.parametrize("asked", ["", "/tools/recwatch"])
def test_links_carry_the_prefix_whether_or_not_the_proxy_strips_it(asked: str) -> None:
    with Site([stuck_evaluation()], external_url="https://ops.example.org/tools/recwatch/") as site:
        answer = site.ask(asked + "/")
        assert answer.status_code == 200
        links = Page(answer.text).links
        assert links
        assert all(link.startswith("/tools/recwatch/") for link in links)
        assert site.ask(asked + INCIDENT).status_code == 200
        assert site.ask(asked + "/-/healthy").status_code == 200
        assert site.ask("/tools/recwatchful/").status_code == 404


@pytest.mark.parametrize(
    "url", ["ops.example.org", "javascript:alert(1)", "https://", "http://h/p?q=1", "http://h/#x"]
)
def test_an_external_url_that_is_none_is_refused(url: str) -> None:
    message = f"--web.external-url {url}: write http:// or https://, a host, and a path if there is one"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"), Site(external_url=url):
        pass


def test_a_broken_store_is_said_and_metrics_go_on(site: Site) -> None:
    def broken(*args: object, **more: object) -> None:
        raise StoreError("/state/recwatch.db is damaged")

    site.store.incidents = site.store.incident = broken  # type: ignore[method-assign,assignment]  # the fault injected
    for path in ("/", INCIDENT):
        answer = site.ask(path)
        assert answer.status_code == 503
        assert "What recwatch found cannot be read: /state/recwatch.db is damaged" in Page(answer.text).text
    assert site.ask("/metrics").status_code == 200


def test_a_mistake_in_a_page_says_nothing_of_its_inside(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*args: object, **more: object) -> None:
        raise KeyError("user-17")

    site.store.incident = broken  # type: ignore[method-assign,assignment]  # the fault injected
    answer = site.ask(INCIDENT)
    assert (answer.status_code, answer.text) == (500, "recwatch failed to make this page.\n")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [record.getMessage() for record in caplog.records if record.name == "web"] == ["a page failed"]


def test_an_empty_configuration_has_a_page() -> None:
    with Site(recommenders=[]) as site:
        assert "No recommender is watched" in site.text("/")


def test_a_closed_incident_says_how_long_it_lasted() -> None:
    closed = incident(resolved_at=NOON)
    with Site([evaluation(open_incidents=(closed,))]) as site:
        text = site.text(INCIDENT).replace("\u00a0", " ")
        assert "page closed" in text
        assert "(lasted 1 h)" in text
        assert "while it lasted 96.9 %" in text
        assert "Closed in the last 7 days" in site.text("/")


def test_example_lists_that_are_no_longer_kept_say_so() -> None:
    found = incident(before={"value": 0.1, "lists": []}, after={"value": 0.9, "lists": [["sku-1", None]]})
    with Site([stuck_evaluation(open_incidents=(found,))]) as site:
        shown = site.text(f"/incidents/{found.id}")
    removed = "The lists of single users were removed: they are kept as long as daemon.examples says."
    assert shown.count(removed) == 1
    assert "What one user got:" in shown
