"""The example for Alertmanager, with its receivers at the test's own and its times short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

EXAMPLE = Path(__file__).parents[3] / "grafana" / "alertmanager.yml"
QUICK = {"group_wait": "1s", "group_interval": "1s"}


def quick_example(url: str, reminders: str = "1h") -> dict[str, Any]:
    """Settings whose receivers are at `url`/NAME."""
    example = yaml.safe_load(EXAMPLE.read_text())

    def shorter(route: dict[str, Any]) -> dict[str, Any]:
        routes = [shorter(child) for child in route.get("routes", ())]
        return {**route, **QUICK, "repeat_interval": reminders} | ({"routes": routes} if routes else {})

    receivers = [
        {**r, "webhook_configs": [{**w, "url": f"{url}/{r['name']}"} for w in r["webhook_configs"]]}
        if "webhook_configs" in r
        else r
        for r in example["receivers"]
    ]
    return {**example, "route": shorter(example["route"]), "receivers": receivers}
