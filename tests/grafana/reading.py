"""The committed dashboards: every panel, every query, and the queries as Grafana sends them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.servers import Prometheus

FOLDER = Path(__file__).parents[2] / "grafana" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
ALL = {"job": ".+", "instance": ".+", "recommender": ".+", "slice": ".+"}


def load(uid: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{uid}.json").read_text("utf-8"))


def panels(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows and panels, those inside of closed rows too."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


@dataclass(frozen=True)
class Query:
    """One query of one panel."""

    dashboard: str
    panel: str
    ref: str
    expression: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.dashboard.removeprefix('recwatch-')}: {self.panel} {self.ref}"


def queries(dashboard: Mapping[str, Any]) -> Iterator[Query]:
    for panel in panels(dashboard):
        for target in panel.get("targets", ()):
            yield Query(
                dashboard["uid"],
                panel["title"],
                target["refId"],
                target["expr"],
                target.get("instant", False),
            )
    for mark in dashboard["annotations"]["list"]:
        yield Query(dashboard["uid"], f"annotation {mark['name']}", "A", mark["expr"], False)


def variables(dashboard: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def filled(expression: str, chosen: Mapping[str, str]) -> str:
    """An expression with the variables of Grafana filled in; what is not chosen is everything."""
    values = {**ALL, "__rate_interval": "1m", **chosen}

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return values[name] if name in values else match[0]

    text = re.sub(r"\$\{(\w+)(?::\w+)?\}|\$([a-z_]\w*)", value, expression)
    assert not re.search(r"\$\{|\$[a-z_]", text), text
    return text


# Of every dashboard, and those that only a daemon that runs has series for.
EVERY = [query for file in FILES for query in queries(load(file.stem))]
ONLY_LIVE = re.compile(
    r"\b(?:up|process_\w+|scrape_\w+|recwatch_(?:build_info|page_info|\w+_total|evaluation_duration\w+"
    r"|config_\w+|last_tick\w+|clock_timestamp\w+|workers_busy|tick_interval\w+))\{"
)


def of(dashboard: str, panel: str, ref: str = "A") -> Query:
    (found,) = (q for q in queries(load(f"recwatch-{dashboard}")) if (q.panel, q.ref) == (panel, ref))
    return found


def label_values(
    server: Prometheus, variable: dict[str, Any], chosen: dict[str, str], begin: datetime, end: datetime
) -> set[str]:
    """What Grafana offers: it asks for the series of the dashboard's time."""
    series, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr]
    span = {"start": str(begin.timestamp()), "end": str(end.timestamp())}
    found = server.ask(f"label/{label}/values", **{"match[]": filled(series, chosen)}, **span)
    return set(found)
