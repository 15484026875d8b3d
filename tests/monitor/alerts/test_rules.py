"""The alert rules: real promtool checks and tests them, and each alert has tests that it would fail without."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.alerts.alert import Alert
from monitor.alerts.rules import ALERTS, Rendering
from monitor.errors import UserError
from monitor.exposition.daemon_families import DAEMON
from monitor.exposition.families import RECOMMENDER

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "grafana" / "alerts" / "recwatch.rules.yaml"
UNIT_TESTS = sorted((COMMITTED.parent / "tests").glob("*.yaml"))
RUNBOOK = ROOT / "docs" / "alerts.md"
KINDS = ("quiet", "firing", "resolving", "restart", "gap")


def promtool(*arguments: object) -> tuple[int, str]:
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def unit_tests() -> list[dict[str, Any]]:
    return [test for file in UNIT_TESTS for test in yaml.safe_load(file.read_text())["tests"]]


def by_name(alert: Alert) -> str:
    return alert.name


def test_the_committed_rules_are_what_the_code_says() -> None:
    assert COMMITTED.read_text("utf-8") == Rendering().file(), (
        "run: recwatch rules -o grafana/alerts/recwatch.rules.yaml"
    )


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.stem)
def test_promtool_finds_the_rules_as_their_unit_tests_say(file: Path) -> None:
    assert promtool("test", "rules", file)[0] == 0, promtool("test", "rules", file)[1]


@pytest.mark.parametrize("alert", ALERTS, ids=by_name)
def test_every_alert_has_unit_tests_of_every_kind(alert: Alert) -> None:
    names = [test["name"] for test in unit_tests() if test["name"].startswith(f"{alert.name}: ")]
    never = {"RecwatchWatchdog": ("quiet", "resolving")}
    for kind in KINDS:
        if kind not in never.get(alert.name, ()):
            assert any(kind in name for name in names), f"{alert.name} has no unit test named {kind!r}"


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    ("expression", "survives"), [("vector(0) > 1", ()), ("vector(1)", ("RecwatchWatchdog",))]
)
def test_an_alert_that_never_or_always_fires_fails_its_unit_tests(
    tmp_path: Path, expression: str, survives: tuple[str, ...]
) -> None:
    rules = Rendering().rules()
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule["expr"] = expression
    (tmp_path / "tests").mkdir()
    (tmp_path / COMMITTED.name).write_text(yaml.safe_dump(rules))
    said = ""
    for file in UNIT_TESTS:
        copy = tmp_path / "tests" / file.name
        copy.write_text(file.read_text())
        said += promtool("test", "rules", copy)[1]
    failed = set(re.findall(r"alertname: (\w+)", said))
    assert failed == {alert.name for alert in ALERTS} - {*survives}


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    "rendering",
    [
        Rendering(),
        Rendering(
            'job=~"rec.{2,}h|50%", namespace="shop"',
            {"page": "critical", "ticket": "warning", "RecwatchDown": "ticket"},
            "https://ops.example.org/recwatch/",
            "https://wiki.example.org/runbooks",
            "https://grafana.example.org/",
            ("uid",),
        ),
    ],
    ids=["default", "all options"],
)
def test_promtool_accepts_the_rules(rendering: Rendering, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(rendering.file(), "utf-8")
    assert promtool("check", "rules", "--lint=all", "--lint-fatal", file) == (
        0,
        f"Checking {file}\n  SUCCESS: {len(ALERTS)} rules found\n\n",
    )


@pytest.mark.parametrize("alert", ALERTS, ids=by_name)
def test_every_metric_named_exists(alert: Alert) -> None:
    assert alert.metrics <= {family.name for family in (*RECOMMENDER, *DAEMON)}


@pytest.mark.parametrize("alert", ALERTS, ids=by_name)
def test_every_alert_on_a_value_asks_how_old_it_is(alert: Alert) -> None:
    """What is rendered after an evaluation stays until the next. Only an incident is open until it is closed: that it
    is not looked at any more is what RecwatchEvaluationLate says."""
    rendered = {family.name for family in RECOMMENDER} & alert.metrics
    if rendered and not alert.name.startswith("RecwatchIncident"):
        assert rendered & {
            "recwatch_last_evaluation_timestamp_seconds",
            "recwatch_last_success_timestamp_seconds",
        }
        assert "time() - " in alert.expression


@pytest.mark.parametrize("alert", ALERTS, ids=by_name)
def test_every_alert_is_written_as_mixins_are(alert: Alert) -> None:
    assert re.fullmatch(r"Recwatch(?:[A-Z][a-z]+)+", alert.name)
    assert alert.summary.endswith(".")
    assert "{{" not in alert.summary
    assert alert.description.endswith((".", "{{ end }}"))


def test_what_marks_a_process_is_on_no_alert_of_an_incident() -> None:
    for rule in Rendering(process_labels=("uid",)).rules()["groups"][0]["rules"]:
        without = re.match(r"max without \(([^)]*)\) \(", rule["expr"])
        assert without is not None
        assert {"instance", "pod", "node", "uid"} <= set(without[1].split(", "))


def test_the_options_are_in_every_rule() -> None:
    rendering = Rendering(
        'app="recwatch"',
        {"page": "critical", "ticket": "warning", "RecwatchDown": "ticket", "RecwatchStalled": "info"},
        "https://ops.example.org/recwatch/",
        "https://wiki.example.org/recwatch",
    )
    rules = {rule["alert"]: rule for group in rendering.rules()["groups"] for rule in group["rules"]}
    severities = {name: rule["labels"]["severity"] for name, rule in rules.items()}
    assert severities["RecwatchIncidentPage"] == "critical"
    assert severities["RecwatchIncidentTicket"] == severities["RecwatchDown"] == "warning"
    assert severities["RecwatchStalled"] == "info"
    assert severities["RecwatchWatchdog"] == "none"
    assert 'job="recwatch"' not in str(rules)
    assert "127.0.0.1" not in str(rules)
    assert rules["RecwatchIncidentPage"]["annotations"]["dashboard_url"] == (
        "https://ops.example.org/recwatch/incidents/{{ $labels.incident }}"
    )
    assert rules["RecwatchDown"]["annotations"]["runbook_url"] == (
        "https://wiki.example.org/recwatch/alerts#recwatchdown"
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"selector": "recwatch"},
            '--selector recwatch: write label matchers of Prometheus, such as job="recwatch", with a comma between',
        ),
        (
            {"selector": 'job="a"} or up{job="b"'},
            '--selector job="a"} or up{job="b": write label matchers of Prometheus, such as job="recwatch",'
            " with a comma between",
        ),
        (
            {"severities": {"pages": "critical"}},
            '--map pages: "pages" is neither a severity nor an alert; did you mean "page"?',
        ),
        ({"process_labels": ("my-label",)}, '--process-label my-label: "my-label" is not a label name'),
        (
            {"external_url": "ops.example.org"},
            "--external-url ops.example.org: write http:// or https://, a host, and a path if there is one",
        ),
        (
            {"dashboard_url": "grafana:3000"},
            "--dashboard-url grafana:3000: write http:// or https://, a host, and a path if there is one",
        ),
        (
            {"runbook_url": "https://wiki.example.org/?page={{"},
            "--runbook-url https://wiki.example.org/?page={{: write http:// or https://, a host, and a path if there"
            " is one",
        ),
    ],
)
def test_a_mistake_says_what_to_write(options: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError) as raised:
        Rendering(**options)
    assert str(raised.value) == says


def test_alerts_lead_to_dashboards_that_there_are_and_incidents_to_their_page() -> None:
    rendering = Rendering(dashboard_url="https://grafana.example.org/grafana/")
    for group in rendering.rules()["groups"]:
        for rule in group["rules"]:
            url = rule["annotations"]["dashboard_url"]
            if group["name"] == "recwatch-incidents":
                assert url == "http://127.0.0.1:10147/incidents/{{ $labels.incident }}"
                continue
            query = r"(?:\?var-([a-z]+)=\{\{ urlquery \$labels\.\2 \}\})?"
            found = re.fullmatch(rf"https://grafana\.example\.org/grafana/d/([a-z-]+){query}", url)
            assert found, url
            board = json.loads((ROOT / "grafana" / "dashboards" / f"{found[1]}.json").read_text("utf-8"))
            assert board["uid"] == found[1]
            assert found[2] in {None, *(variable["name"] for variable in board["templating"]["list"])}
            assert (found[2] is None) == (group["name"] == "recwatch-daemon")


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    own = {alert.name for alert in ALERTS}
    assert set(re.findall(r"(?m)^## (Recwatch\w+)$", RUNBOOK.read_text("utf-8"))) == own
