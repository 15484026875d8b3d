"""The example for Alertmanager: amtool routes, and a real Alertmanager groups, holds back and reminds as it says."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.alerts.rules import ALERTS
from tests.monitor.alerts.quick_alertmanager import EXAMPLE, quick_example
from tests.servers import Alertmanager, Receiver, alertmanager, receiver, wait_for

pytestmark = pytest.mark.needs("amtool", "prometheus-alertmanager")

SEVERAL_INTERVALS = 4  # seconds in which what should not arrive would have


def test_amtool_accepts_it() -> None:
    done = subprocess.run(["amtool", "check-config", EXAMPLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"alertname": "RecwatchIncidentPage", "severity": "page", "team": "discovery"}, "discovery-pager"),
        ({"alertname": "RecwatchIncidentTicket", "severity": "ticket", "team": "discovery"}, "discovery-tickets"),
        ({"alertname": "RecwatchIncidentPage", "severity": "page", "team": "mobile"}, "mobile-pager"),
        ({"alertname": "RecwatchLogStale", "severity": "ticket", "team": "mobile"}, "mobile-tickets"),
        ({"alertname": "RecwatchIncidentPage", "severity": "page", "team": "unheard-of"}, "operations-pager"),
        ({"alertname": "RecwatchIncidentPage", "severity": "page"}, "operations-pager"),
        ({"alertname": "RecwatchDown", "severity": "page"}, "operations-pager"),
        ({"alertname": "RecwatchStoreFailing", "severity": "ticket"}, "operations-tickets"),
        ({"alertname": "RecwatchWatchdog", "severity": "none"}, "watchdog"),
        ({"alertname": "Anything", "severity": "none", "team": "discovery"}, "nobody"),
    ],
)  # fmt: skip
def test_amtool_routes_by_team_and_severity(labels: dict[str, str], receiver: str) -> None:
    done = subprocess.run(
        ["amtool", "config", "routes", "test", f"--config.file={EXAMPLE}"]
        + [f"{name}={value}" for name, value in labels.items()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, receiver)


def test_only_alerts_that_exist_are_named() -> None:
    names = {alert.name for alert in ALERTS}
    text = yaml.safe_dump(yaml.safe_load(EXAMPLE.read_text()))
    for alternatives in ("EvaluationLate|LogStale|InputQuarantined|LogClockSkewed|BudgetExhausted|DetectorFailing",
                         "Stalled|ConfigReloadFailed|StoreFailing|ClockSkewed"):  # fmt: skip
        assert f"Recwatch({alternatives})" in text
        text = text.replace(f"Recwatch({alternatives})", "")
        assert {f"Recwatch{name}" for name in alternatives.split("|")} <= names
    named = {word for word in text.replace("|", " ").replace('"', " ").split() if word.startswith("Recwatch")}
    assert named <= names


@pytest.fixture
def told() -> Iterator[Receiver]:
    with receiver() as got:
        yield got


@pytest.fixture
def manager(tmp_path: Path, told: Receiver) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path, quick_example(told.url)) as server:
        yield server


def alert(name: str, over: bool = False, description: str = "what is wrong", **labels: str) -> dict[str, Any]:
    """As Prometheus sends it when it begins to fire: an older one would not wait for its group."""
    now = datetime.now(UTC)
    return {
        "labels": {"alertname": f"Recwatch{name}", "job": "recwatch", **labels},
        "annotations": {"description": description},
        "startsAt": (now - timedelta(minutes=5) if over else now).isoformat(),
        "endsAt": (now - timedelta(seconds=1) if over else now + timedelta(minutes=4)).isoformat(),
    }


def page(
    incident: str, over: bool = False, description: str = "97 %", recommender: str = "home"
) -> dict[str, Any]:
    labels = {"incident": incident, "recommender": recommender, "severity": "page", "team": "discovery"}
    return alert("IncidentPage", over, description, **labels)


def test_an_incident_is_one_notification_and_one_resolution(manager: Alertmanager, told: Receiver) -> None:
    for share in range(90, 98):  # Prometheus sends it again and again, with its text of now
        manager.post([page("i1", description=f"{share} %")])
    manager.post([page("i2")])
    wait_for(lambda: len(told.at("discovery-pager")) == 2)
    time.sleep(SEVERAL_INTERVALS)
    manager.post([page("i1", description="99 %")])
    manager.post([page("i1", over=True)])
    wait_for(lambda: told.at("discovery-pager", "resolved"))
    time.sleep(SEVERAL_INTERVALS)
    groups = [
        (p["status"], p["groupLabels"]["incident"], len(p["alerts"])) for p in told.at("discovery-pager")
    ]
    assert sorted(groups) == [("firing", "i1", 1), ("firing", "i2", 1), ("resolved", "i1", 1)]
    assert {where for where, _ in told.arrived} == {"/discovery-pager"}


def test_twelve_recommenders_that_are_not_watched_are_one_notification(
    manager: Alertmanager, told: Receiver
) -> None:
    names = [f"shop/{number}" for number in range(12)]
    manager.post([alert("EvaluationLate", recommender=n, severity="ticket", team="discovery") for n in names])
    wait_for(lambda: told.at("discovery-tickets"))
    time.sleep(SEVERAL_INTERVALS)
    (only,) = told.at("discovery-tickets")
    assert sorted(a["labels"]["recommender"] for a in only["alerts"]) == sorted(names)


def test_when_the_daemon_is_down_only_that_is_told_and_incidents_stay(
    manager: Alertmanager, told: Receiver
) -> None:
    consequences = [
        alert(name, recommender=f"shop/{number}", severity="ticket", team="discovery")
        for number in range(12)
        for name in ("EvaluationLate", "LogStale", "DetectorFailing")
    ]
    down = alert("Down", severity="page", instance="a:10147")
    elsewhere = {**alert("EvaluationLate", recommender="other", severity="ticket")}
    elsewhere["labels"] = {**elsewhere["labels"], "job": "another"}
    manager.post([*consequences, down, page("i1"), elsewhere])
    wait_for(
        lambda: told.at("operations-pager") and told.at("discovery-pager") and told.at("operations-tickets")
    )
    time.sleep(SEVERAL_INTERVALS)
    assert [p["commonLabels"]["alertname"] for p in told.at("operations-pager")] == ["RecwatchDown"]
    assert [p["commonLabels"]["incident"] for p in told.at("discovery-pager")] == ["i1"]
    assert [p["commonLabels"]["job"] for p in told.at("operations-tickets")] == ["another"]
    assert told.at("discovery-tickets") == []


def test_a_cause_is_told_and_what_follows_from_it_is_not(manager: Alertmanager, told: Receiver) -> None:
    manager.post(
        [
            alert("BudgetExhausted", recommender="home", severity="ticket"),
            alert("EvaluationLate", recommender="home", severity="ticket"),
            alert("EvaluationLate", recommender="cart", severity="ticket"),
        ]
    )
    wait_for(lambda: len(told.at("operations-tickets")) == 2)
    time.sleep(SEVERAL_INTERVALS)
    found = {
        (a["labels"]["alertname"], a["labels"]["recommender"])
        for p in told.at("operations-tickets")
        for a in p["alerts"]
    }
    assert found == {("RecwatchBudgetExhausted", "home"), ("RecwatchEvaluationLate", "cart")}


def test_a_page_is_repeated_while_it_is_open(tmp_path: Path, told: Receiver) -> None:
    settings = quick_example(told.url, reminders="2s")
    with alertmanager(tmp_path, settings) as manager:
        manager.post([page("i1")])
        wait_for(lambda: len(told.at("discovery-pager")) >= 3)
        manager.post([page("i1", over=True)])
        wait_for(lambda: told.at("discovery-pager", "resolved"))
        count = len(told.arrived)
        time.sleep(SEVERAL_INTERVALS)
        assert len(told.arrived) == count


def muted(incident: str, over: bool = False, recommender: str = "home") -> dict[str, Any]:
    labels = {"incident": incident, "recommender": recommender, "severity": "none"}
    return alert("IncidentMuted", over, **labels)


def test_an_acknowledged_page_is_not_repeated_and_its_end_is_told(tmp_path: Path, told: Receiver) -> None:
    with alertmanager(tmp_path, quick_example(told.url, reminders="1s")) as manager:
        manager.post([page("i1")])
        wait_for(lambda: len(told.at("discovery-pager")) >= 3)
        manager.post([muted("i1")])
        time.sleep(SEVERAL_INTERVALS)
        count = len(told.arrived)
        time.sleep(SEVERAL_INTERVALS)
        assert len(told.arrived) == count
        manager.post([muted("i1", over=True)])  # in the order of the rules
        manager.post([page("i1", over=True)])
        wait_for(lambda: told.at("discovery-pager", "resolved"))


def test_an_incident_of_the_fleet_is_one_page_and_its_parts_are_none(
    manager: Alertmanager, told: Receiver
) -> None:
    names = [f"shop/{number}" for number in range(12)]
    parts = [page(f"i-{name}", recommender=name) for name in names]
    held_back = [muted(f"i-{name}", recommender=name) for name in names]
    manager.post([*parts, *held_back, page("of-the-fleet", recommender="(fleet)"), page("beside-it")])
    wait_for(lambda: len(told.at("discovery-pager")) == 2)
    time.sleep(SEVERAL_INTERVALS)
    told_of = {payload["groupLabels"]["incident"] for payload in told.at("discovery-pager")}
    assert (told_of, len(told.arrived)) == ({"of-the-fleet", "beside-it"}, 2)


def test_parts_that_paged_before_it_was_one_of_the_fleet_are_repeated_no_more_and_their_end_is_told(
    tmp_path: Path, told: Receiver
) -> None:
    def of(incident: str, status: str = "firing") -> int:
        return sum(p["groupLabels"]["incident"] == incident for p in told.at("discovery-pager", status))

    with alertmanager(tmp_path, quick_example(told.url, reminders="1s")) as manager:
        before = [page(f"i-{name}", recommender=name) for name in ("cart", "home")]
        manager.post(before)
        wait_for(lambda: all(of(f"i-{name}") >= 2 for name in ("cart", "home")))
        together = [page("of-the-fleet", recommender="(fleet)"), page("i-feed", recommender="feed")]
        manager.post([*together, *(muted(f"i-{n}", recommender=n) for n in ("cart", "home", "feed"))])
        wait_for(lambda: of("of-the-fleet") >= 2)
        counts = {name: of(f"i-{name}") for name in ("cart", "home")}
        time.sleep(SEVERAL_INTERVALS)
        assert {name: of(f"i-{name}") for name in ("cart", "home")} == counts
        assert of("i-feed") == 0
        manager.post([muted("i-cart", over=True, recommender="cart")])  # in the order of the rules
        manager.post([page("i-cart", over=True, recommender="cart")])
        wait_for(lambda: of("i-cart", "resolved") == 1)
