"""What people can say on an incident's page, and everybody who must not be able to."""

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from monitor.control.commands import Rate
from monitor.control.wire import pack_command, unpack_command
from monitor.daemon.daemon import Options, run_daemon
from monitor.daemon.wake import Signals
from monitor.errors import UserError
from monitor.incidents.incident import Resolution
from monitor.web.web_config import WebConfigFile
from tests.monitor.factories import stuck_evaluation
from tests.monitor.web.browser import SOON, Page, Site

ID = "home-same_item-3f9c1a"
INCIDENT = f"/incidents/{ID}"
SAY = f"{INCIDENT}/say"
HASH = "$2b$04$O3/aRwAdpsmGU9k2mj4Vhes0W8CKWERgAEZiJgdQl97Y..i06XWle"  # of "open sesame"
LOCAL = {"host": "127.0.0.1:10147"}


@pytest.fixture
def site() -> Iterator[Site]:
    with Site([stuck_evaluation()], says=True) as site:
        yield site


def mark(site: Site) -> str:
    found = re.search('name="mark" value="([0-9a-f]{64})"', site.ask(INCIDENT, headers=LOCAL).text)
    assert found
    return found[1]


def say(site: Site, what: str, headers: dict[str, str] = LOCAL, **fields: str) -> httpx.Response:
    return site.ask(SAY, "POST", headers, {"mark": mark(site), "say": what, **fields})


def nothing_was_said(site: Site) -> bool:
    return not (site.store.feedback() or site.store.acknowledgements() or site.store.rebaselines())


@pytest.mark.parametrize(
    ("what", "useful", "words"), [("useful", True, "useful"), ("false_alarm", False, "a false alarm")]
)
def test_one_tap_rates_an_incident_and_leads_back(site: Site, what: str, useful: bool, words: str) -> None:
    answer = say(site, what)
    assert (answer.status_code, answer.headers["location"]) == (303, INCIDENT)
    assert [(f.incident_id, f.useful, f.who, f.at) for f in site.store.feedback()] == [
        (ID, useful, "somebody on the page", SOON)
    ]
    assert f"somebody on the page : {words} 2026-03-14 12:20" in site.text(INCIDENT).replace(
        "page: ", "page : "
    )


def test_of_one_person_the_last_word_counts(site: Site) -> None:
    say(site, "useful")
    say(site, "false_alarm")
    assert [f.useful for f in site.store.feedback([ID])] == [False]
    assert site.store.feedback(["another"]) == []


def test_an_incident_is_acknowledged(site: Site) -> None:
    assert say(site, "acknowledge").status_code == 303
    assert [(a.incident_id, a.why) for a in site.store.acknowledgements()] == [(ID, "seen")]


def test_a_new_level_is_meant_with_a_reason(site: Site) -> None:
    assert "Say why" in Page(say(site, "rebaseline", why="  ").text).text
    assert nothing_was_said(site)
    assert say(site, "rebaseline", why="new model & more").status_code == 303
    [said] = site.store.rebaselines()
    assert (said.recommender, said.slice, said.detector, said.why) == (
        "home",
        "all",
        "same_item",
        "new model & more",
    )
    incident = site.store.incident(ID)
    assert incident is not None
    assert said.start == incident.onset_at
    assert incident.resolution is Resolution.INTENDED


def test_the_form_may_lead_to_this_page_alone(site: Site) -> None:
    headers = site.ask(INCIDENT).headers
    assert "form-action 'self'" in headers["content-security-policy"]
    assert headers["referrer-policy"] == "same-origin"
    assert "script" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    "headers",
    [
        {**LOCAL, "sec-fetch-site": "cross-site"},
        {**LOCAL, "sec-fetch-site": "same-site"},
        {**LOCAL, "sec-fetch-site": "none"},
        {**LOCAL, "origin": "https://evil.example"},
        {**LOCAL, "origin": "http://127.0.0.1:8000"},
        {"host": "rebound.evil.example"},
        {"host": "127.0.0.1.evil.example", "sec-fetch-site": "same-origin"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_other_sites_cannot_say_anything(site: Site, headers: dict[str, str]) -> None:
    assert say(site, "useful", headers).status_code == 403
    assert nothing_was_said(site)


@pytest.mark.parametrize(
    "headers",
    [
        {**LOCAL, "sec-fetch-site": "same-origin", "origin": "null"},
        {**LOCAL, "origin": "http://127.0.0.1:10147"},
        {"host": "localhost:10147"},
        {"host": "[::1]:10147"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_the_page_itself_can(site: Site, headers: dict[str, str]) -> None:
    assert say(site, "useful", headers).status_code == 303


@pytest.mark.parametrize("wrong", ["", "0" * 64, "é"])
def test_a_form_without_the_mark_says_nothing(site: Site, wrong: str) -> None:
    answer = site.ask(SAY, "POST", LOCAL, {"mark": wrong, "say": "useful"})
    assert answer.status_code == 403
    assert "older than recwatch's last start" in Page(answer.text).text
    assert nothing_was_said(site)


def test_the_mark_of_another_incident_says_nothing(site: Site) -> None:
    with Site([stuck_evaluation("other")], says=True) as other:
        foreign = re.search('value="([0-9a-f]{64})"', other.ask("/incidents/other-same_item-3f9c1a").text)
    assert foreign
    assert site.ask(SAY, "POST", LOCAL, {"mark": foreign[1], "say": "useful"}).status_code == 403


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"say": "drop"}, 400),
        ({}, 400),
        ({"say": "acknowledge", "why": "x" * 20_000}, 413),
        ({"say": "acknowledge", "why": "x" * 1001}, 400),
    ],
)
def test_nonsense_is_refused(site: Site, fields: dict[str, str], code: int) -> None:
    assert site.ask(SAY, "POST", LOCAL, {"mark": mark(site), **fields}).status_code == code
    assert nothing_was_said(site)


def test_no_such_incident_and_no_such_method(site: Site) -> None:
    assert site.ask("/incidents/none/say", "POST", LOCAL, {"say": "useful"}).status_code == 404
    assert site.ask(SAY).status_code == 404
    assert site.ask(INCIDENT, "POST").status_code == 405


def test_it_is_off_unless_the_configuration_says_so() -> None:
    with Site([stuck_evaluation()]) as site:
        assert "form" not in Page(site.ask(INCIDENT).text).tags
        answer = site.ask(SAY, "POST", LOCAL, {"say": "useful"})
        assert answer.status_code == 403
        assert "daemon.page_actions is off" in Page(answer.text).text
        assert nothing_was_said(site)


@pytest.mark.parametrize("address", [":10147", "0.0.0.0:10147", "10.1.2.3:10147", "ops.example.org:10147"])
def test_where_others_can_reach_the_page_only_users_can_say_anything(tmp_path: Path, address: str) -> None:
    with Site([stuck_evaluation()], says=True, listens_on=address) as site:
        assert "form" not in Page(site.ask(INCIDENT).text).tags
        assert site.ask(SAY, "POST", LOCAL, {"say": "useful"}).status_code == 403
    (tmp_path / "web.yaml").write_text("")
    nobody = WebConfigFile(tmp_path / "web.yaml")
    with Site([stuck_evaluation()], says=True, listens_on=address, web_config=nobody) as site:
        assert "form" not in Page(site.ask(INCIDENT).text).tags


def test_users_say_things_under_their_name_on_any_address(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(f"basic_auth_users: {{ann: {HASH}, bob: {HASH}}}")
    users = WebConfigFile(tmp_path / "web.yaml")
    ann, bob = (
        {"authorization": "Basic " + b64encode(f"{u}:open sesame".encode()).decode()} for u in ("ann", "bob")
    )
    with Site([stuck_evaluation()], says=True, listens_on=":10147", web_config=users) as site:
        found = re.search('value="([0-9a-f]{64})"', site.ask(INCIDENT, headers=ann).text)
        assert found
        form = {"mark": found[1], "say": "useful"}
        assert site.ask(SAY, "POST", bob, form).status_code == 403
        assert site.ask(SAY, "POST", {}, form).status_code == 401
        assert site.ask(SAY, "POST", {**ann, "host": "ops.example.org"}, form).status_code == 303
        assert [f.who for f in site.store.feedback()] == ["ann on the page"]


@pytest.mark.parametrize("command", [Rate(ID, True), Rate(ID, False)])
def test_what_is_thought_of_an_incident_goes_through_the_socket(command: Rate) -> None:
    assert unpack_command(pack_command(command, "ann")) == (command, "ann")


def test_a_daemon_that_everybody_could_talk_to_does_not_start(tmp_path: Path) -> None:
    config = tmp_path / "shop.yaml"
    config.write_text(
        "daemon: {page_actions: true}\n"
        "recommenders:\n- name: shop\n  log: {path: /nowhere, columns: {timestamp: time, item: item}}\n"
    )
    options = Options(config, tmp_path / "state", "0.0.0.0:0")
    with pytest.raises(UserError) as told:
        run_daemon(options, Signals(), {})
    assert str(told.value) == (
        f"{config}: daemon.page_actions: the page on 0.0.0.0:0 can be reached from other machines: "
        "listen on 127.0.0.1, or name basic_auth_users in --web.config.file"
    )
    assert not (tmp_path / "state").exists()
