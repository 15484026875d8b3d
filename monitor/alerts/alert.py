"""What an alert rule is, and the words that the expressions of all of them share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

PREFIX = "Recwatch"
METRIC = re.compile(r"\brecwatch_[a-z0-9_]+\b")

# Placeholders of expressions: what selects recwatch's series, and the labels that tell one process of a daemon from
# the next. The latter are on no alert, so that a replaced pod does not make a new one.
SELECTOR = "SELECTOR"
PROCESS = "PROCESS"
PROCESS_LABELS = (
    *("instance", "pod", "node", "host", "hostname", "kubernetes_pod_name", "kubernetes_node"),
    *("pod_template_hash", "controller_revision_hash"),
)
# Dashboards of Grafana that alerts lead to, by the uid that they have in every Grafana.
OVERVIEW_DASHBOARD = "recwatch-overview"
RECOMMENDER_DASHBOARD = "recwatch-recommender"
DAEMON_DASHBOARD = "recwatch-daemon"

# One recommender of one daemon.
ONE = "on (job, instance, recommender)"


@dataclass(frozen=True)
class Alert:
    """An alert rule before it is rendered.

    Parameters
    ----------
    severity : str
        "page" wakes somebody, "ticket" is for the morning, "none" tells nobody: it is there for Alertmanager.
    expression : str
        PromQL in which `SELECTOR` and `PROCESS` stand for what `recwatch rules` is told; it is the same in 2.42 and 3.
    summary : str
        One sentence that is always the same.
    description : str
        The sentences that a person reads, as a template of Prometheus.
    page : str
        Path on the daemon's page that shows more, as a template.
    dashboard : str
        Path below Grafana's address that is linked in place of the page where `recwatch rules` is told that address;
        empty where the page shows more than a dashboard could.
    runbook : str
        Page that says what to do, as a template; by default the alert's section of `docs/alerts.md`.
    lasts : str
        How long the expression has to hold before somebody is told: the rule's `for`.
    keeps : str
        How long the alert stays when the expression no longer holds: the rule's `keep_firing_for`.
    """

    name: str
    severity: Literal["page", "ticket", "none"]
    expression: str
    summary: str
    description: str
    page: str = ""
    dashboard: str = ""
    runbook: str = ""
    lasts: str = ""
    keeps: str = ""

    @property
    def metrics(self) -> frozenset[str]:
        """Metrics of recwatch that the rule reads, in its templates too."""
        return frozenset(METRIC.findall(self.expression + self.description))


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated together, in this order."""

    name: str
    alerts: tuple[Alert, ...]


def of_recommender(condition: str) -> str:
    """A condition on a recommender, with the labels that its configuration gives it: team, tier.

    Their names are not known here, so the condition, which has one value for a recommender, is brought to
    `recwatch_recommender_info`, never the other way.
    """
    info = f"recwatch_recommender_info{{{SELECTOR}}}"
    return (
        f"max without ({PROCESS}) (\n  {info}\n  * {ONE} group_left ()\n  (\n{indented(condition, 4)}\n  )\n)"
    )


# What is found in maintenance is told to nobody.
NOT_IN_MAINTENANCE = f"""\
unless {ONE}
  recwatch_in_maintenance{{SELECTOR}} == 1"""


def indented(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.strip("\n").splitlines())


# The condition that a value is of now. Where it does not hold, RecwatchEvaluationLate does: a value never goes stale
# by itself, so that every alert on one has to ask for its age.
FRESH = f"""\
and {ONE}
  time() - recwatch_last_evaluation_timestamp_seconds{{SELECTOR}}
    <= 2 * recwatch_window_length_seconds{{SELECTOR}} + 600"""
