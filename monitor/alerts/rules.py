"""All alert rules, and the file that Prometheus reads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from monitor.alerts.alert import PROCESS, PROCESS_LABELS, SELECTOR, Alert, Group
from monitor.alerts.of_daemon import DAEMON
from monitor.alerts.of_incidents import INCIDENTS
from monitor.alerts.of_recommenders import RECOMMENDERS
from monitor.config.problems import shown, suggestion
from monitor.errors import UserError

GROUPS = (
    Group("recwatch-incidents", INCIDENTS),
    Group("recwatch-recommenders", RECOMMENDERS),
    Group("recwatch-daemon", DAEMON),
)
ALERTS = tuple(alert for group in GROUPS for alert in group.alerts)
SEVERITIES = ("page", "ticket", "none")
JOB = 'job="recwatch"'
ADDRESS = "http://127.0.0.1:10147"

MATCHER = r'[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\`]|\\[^`])*"'
HEADER = """\
# Alert rules for recwatch, made by
#
#   {command}
#
# docs/alerts.md says what each of them means and what to do. Change how they are made, not this file.
"""


@dataclass(frozen=True)
class Rendering:
    """What differs from one Prometheus to another.

    Parameters
    ----------
    selector : str
        Label matchers of the series of recwatch.
    severities : mapping of severity or alert to text
        What the label `severity` says instead; an alert's own entry is the stronger.
    external_url : str
        Under which people reach the daemon's page.
    runbook_url : str
        Below which the runbooks are; by default on the daemon's page.
    dashboard_url : str
        Where people reach Grafana: what is about a recommender or the daemon itself leads to its dashboard there.
        Without it, and for incidents, links lead to the daemon's page.
    process_labels : sequence of str
        Labels beside `PROCESS_LABELS` that tell a replaced daemon from the one before.

    Raises
    ------
    UserError
        When one of them is wrong.
    """

    selector: str = JOB
    severities: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ADDRESS
    runbook_url: str = ""
    dashboard_url: str = ""
    process_labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(rf"\s*{MATCHER}(?:\s*,\s*{MATCHER})*\s*", self.selector):
            raise UserError(
                f"--selector {self.selector}: write label matchers of Prometheus, such as {JOB}, with a comma between"
            )
        known = [*SEVERITIES, *(alert.name for alert in ALERTS)]
        for key in self.severities:
            if key not in known:
                raise UserError(
                    f"--map {key}: {shown(key)} is neither a severity nor an alert; {suggestion(key, known)}"
                )
        for label in self.process_labels:
            if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", label):
                raise UserError(f"--process-label {label}: {shown(label)} is not a label name")
        _check_address("--external-url", self.external_url)
        if self.runbook_url:
            _check_address("--runbook-url", self.runbook_url)
        if self.dashboard_url:
            _check_address("--dashboard-url", self.dashboard_url)

    def rules(self) -> dict[str, Any]:
        """The rules as Prometheus's file has them."""
        return {
            "groups": [
                {"name": group.name, "rules": [self._rule(alert) for alert in group.alerts]}
                for group in GROUPS
            ]
        }

    def file(self, command: str = "recwatch rules") -> str:
        """The file, with what made it at its head."""
        body = yaml.dump(self.rules(), Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
        return HEADER.format(command=command) + body

    def _rule(self, alert: Alert) -> dict[str, Any]:
        base = self.external_url.rstrip("/")
        runbooks = self.runbook_url.rstrip("/") or f"{base}/runbooks"
        more = f"{base}/{alert.page}"
        if self.dashboard_url and alert.dashboard:
            more = f"{self.dashboard_url.rstrip('/')}/{alert.dashboard}"
        timing = {"for": alert.lasts, "keep_firing_for": alert.keeps}
        return {
            "alert": alert.name,
            "expr": self._filled(alert.expression),
            **{key: value for key, value in timing.items() if value},
            "labels": {"severity": self._severity(alert)},
            "annotations": {
                "summary": alert.summary,
                "description": self._filled(alert.description),
                "runbook_url": f"{runbooks}/{alert.runbook or f'alerts#{alert.name.lower()}'}",
                "dashboard_url": more,
            },
        }

    def _severity(self, alert: Alert) -> str:
        own = self.severities.get(alert.name, alert.severity)
        return self.severities.get(own, own)

    def _filled(self, text: str) -> str:
        labels = ", ".join((*PROCESS_LABELS, *self.process_labels))
        return text.replace(SELECTOR, self.selector.strip()).replace(PROCESS, labels)


def _check_address(option: str, url: str) -> None:
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or parts.query
        or parts.fragment
        or "{{" in url
    ):
        raise UserError(f"{option} {url}: write http:// or https://, a host, and a path if there is one")


class _Dumper(yaml.SafeDumper):
    """Expressions as blocks of lines, so that people can read them."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
