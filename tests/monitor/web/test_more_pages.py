"""A detector's page, a window explained, and the history of evaluations."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.config.models import Mode
from monitor.daemon.inspection import inspect
from monitor.evaluation import CannotMeasure, Status
from monitor.reading.described import Described
from monitor.reading.explanation import Settings
from tests.monitor.factories import (
    HOUR,
    NOON,
    evaluation,
    failed_evaluation,
    healthy_findings,
    stuck_evaluation,
)
from tests.monitor.web.browser import Page, Site

DETECTOR = "/recommenders/home/detectors/same_item"


@pytest.fixture
def site() -> Iterator[Site]:
    evaluations = [
        evaluation(end=NOON - 2 * HOUR),
        failed_evaluation(end=NOON - HOUR),
        stuck_evaluation(failures={"same_item": "ZeroDivisionError in same_item.py, line 7"}),
        evaluation(end=NOON + HOUR, status=Status.NO_DATA),
    ]
    with Site(evaluations) as site:
        yield site


def text_of(site: Site, path: str) -> str:
    return site.text(path).replace("\u00a0", " ").replace("_ ", "_").replace(". first", ".first")


def test_a_detector_says_what_it_measures_and_how_it_is_set(site: Site) -> None:
    measure = "same_item.first_place_share"
    known = Described(
        Mode.TICKET, (("rise", "0.15"),), {measure: ("Floor(above=0.3)",)}, {measure: ("position",)}
    )
    site.view.sources = replace(site.view.sources, described=lambda: {"home": {"same_item": known}})
    text = text_of(site, DETECTOR)
    for words in (
        "Tickets only. Runbook",
        "It failed 2026-03-14 11:00–12:00 UTC : ZeroDivisionError in same_item.py, line 7",
        "Share of requests that have the same item on top.",
        "Floor(above=0.3)",
        "needs position",
        "rise 0.15",
        "sku-007065 is on top of 97 % of the lists",
        "2026-03-14 11:00–12:00 UTC 96.9 % 3.1 % at most 9 % breach",
    ):
        assert words in text, words


def test_a_detector_is_looked_at_in_any_slice(site: Site) -> None:
    assert f"{DETECTOR}?slice=surface%3Demail" in Page(site.ask(DETECTOR).text).links
    text = text_of(site, f"{DETECTOR}?slice=surface%3Demail")
    assert "95 % – at most 10 % breach" in text
    missing = site.ask(f"{DETECTOR}?slice=surface%3Dfax")
    assert missing.status_code == 404
    assert "there was no such slice lately" in Page(missing.text).text


def test_what_cannot_be_measured_says_why() -> None:
    why = (CannotMeasure("diversity.effective_items", "the log has no item column"),)
    with Site([evaluation(cannot_measure=why)]) as site:
        text = site.text("/recommenders/home/detectors/diversity")
    assert "Cannot be measured: the log has no item column" in text


def test_settings_and_limits_come_from_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        "recommenders:\n- name: shop\n  log: {path: /nowhere, columns: {timestamp: time, item: item}}\n"
        "  detectors: {same_item: {first_place_above: 0.55}}\n"
    )
    found = inspect(str(tmp_path / "shop.yaml"))
    assert ("first_place_above", "0.55") in found.described["shop"]["same_item"].settings
    assert found.limits["shop"].above["same_item.first_place_share"] == 0.55
    assert found.limits["shop"].modes["same_item"] is Mode.PAGE


def test_a_window_says_why_there_was_a_page(site: Site) -> None:
    site.view.sources = replace(
        site.view.sources, limits=lambda: {"home": Settings(above={"same_item.first_place_share": 0.3})}
    )
    text = text_of(site, "/recommenders/home/at/2026-03-14T11:30Z")
    for words in (
        "2026-03-14 11:00–12:00 UTC evaluated",
        "A page opened in this window: home-same_item-3f9c1a",
        "Not judged: detector same_item failed: ZeroDivisionError",
        "everything breach 96.9 % 3.1 % at most 9 % 9 % from history 87.9 % beyond",
        "surface= email breach 95 % – at most 10 % 10 % from history 85 % beyond",
    ):
        assert words in text, words
    narrow = text_of(site, "/recommenders/home/at/2026-03-14T11:30Z?slice=surface=email&detector=same_item")
    assert "everything breach" not in narrow
    assert "85 % beyond" in narrow


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (
            "2026-03-14T10:00:00Z",
            "No page: nothing was judged (failed: no file of the window could be read).",
        ),
        ("2026-03-14T09:30:00Z", "No page: 6 measurements were as expected; nearest to its limit:"),
        ("2026-03-10T00:00:00Z", "Nothing is kept of 2026-03-10 00:00 UTC"),
        ("2026-03-15", "The window of 2026-03-15 00:00 UTC has not been evaluated"),
    ],
)
def test_a_window_says_why_there_was_no_page(site: Site, moment: str, words: str) -> None:
    assert words in text_of(site, f"/recommenders/home/at/{moment}")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/recommenders/home/at/noon", "noon is no moment: write 2026-03-14T05:00Z"),
        ("/recommenders/hom/at/2026-03-14T10:00:00Z", 'did you mean "home"?'),
        ("/recommenders/home/at/2026-03-14T11:00:00Z?detector=same", "same"),
        ("/recommenders/home/evaluations?before=x", "x is no moment"),
        ("/recommenders/none/evaluations", "No recommender of this name is watched."),
        ("/recommenders/home/detectors/none", "No recommender of this name is watched by such a detector."),
    ],
)
def test_what_is_not_there_says_what_may_have_been_meant(site: Site, path: str, words: str) -> None:
    answer = site.ask(path)
    assert answer.status_code == 404
    assert words in Page(answer.text).text


def test_the_history_has_every_state_and_goes_back_page_by_page() -> None:
    many = [
        evaluation(end=NOON - i * HOUR, findings=healthy_findings()) if i % 2 else
        failed_evaluation(end=NOON - i * HOUR)
        for i in range(130)
    ]  # fmt: skip
    with Site(many) as site:
        first = Page(site.ask("/recommenders/home/evaluations").text)
        assert first.text.count("no file of the window could be read") == 50
        [earlier] = [link for link in first.links if "?before=" in link]
        assert earlier == f"/recommenders/home/evaluations?before={(NOON - 100 * HOUR):%Y-%m-%dT%H:%M:%SZ}"
        second = Page(site.ask(earlier).text)
        assert second.text.count("no file of the window could be read") == 15
        assert not [link for link in second.links if "?before=" in link]
        oldest = (NOON - timedelta(days=30)).isoformat().replace("+00:00", "Z")
        assert "No earlier window is kept." in site.text(f"/recommenders/home/evaluations?before={oldest}")
