"""Grafana's dashboards as code: `python -m grafana.builder` writes grafana/dashboards/. For development only."""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana.builder.daemon import daemon
from grafana.builder.detectors import detectors
from grafana.builder.overview import overview
from grafana.builder.recommender import recommender


def dashboards() -> tuple[Dashboard, ...]:
    """All of them, from the whole to the parts."""
    return overview(), recommender(), detectors(), daemon()


def files() -> Iterator[tuple[str, str]]:
    """Name and text of the file of each dashboard."""
    encoder = JSONEncoder(sort_keys=True, indent=2)
    for dashboard in dashboards():
        built = dashboard.build()
        yield f"{built.uid}.json", encoder.encode(built) + "\n"
