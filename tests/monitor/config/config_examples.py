"""Configurations that tests start from."""

import json
from typing import Any

from monitor.config.loader import parse
from monitor.config.models import Config, RecommenderConfig

LOG = {
    "path": "/logs/shop",
    "columns": {"timestamp": "served_at", "item": "item_id", "request": "request_id"},
}


def config(recommenders: list[dict[str, Any]] | None = None, **sections: Any) -> Config:
    """What a file with these sections says; every recommender has a log."""
    entries = [{"log": LOG, **entry} for entry in recommenders or [{"name": "shop"}]]
    return parse(json.dumps({**sections, "recommenders": entries}), "shop.yaml", environment={})


def recommender(settings: dict[str, Any] | None = None, **sections: Any) -> RecommenderConfig:
    """The only recommender of a file."""
    [one] = config([{"name": "shop", **(settings or {})}], **sections).recommenders
    return one
