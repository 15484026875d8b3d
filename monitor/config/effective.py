"""The configuration after all inheritance: as text for people, as data, and as a fingerprint of what it measures."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import yaml

from monitor.config.expected import ExpectedSameness
from monitor.config.models import Config, RecommenderConfig
from monitor.config.values import FLOAT

HEADER = (
    "# Effective configuration: every key after defaults, overrides and environment; valid input itself.\n"
)


class _Dumper(yaml.SafeDumper):
    """Quotes whatever YAML 1.1 or 1.2 could take for something other than text."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Line breaks and the like are escaped; otherwise YAML folds some of them into spaces."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(f"^(?:{FLOAT.pattern})$"), list("-+.0123456789")
)


def to_yaml(config: Config) -> str:
    """What `check --print-effective` prints: complete, in a stable order, and `parse` makes the same of it.

    >>> from monitor.config.loader import parse
    >>> shop = parse("recommenders: [{name: shop, log: {path: log, columns: {timestamp: t, item: i}}}]", "shop.yaml")
    >>> parse(to_yaml(shop), "effective") == shop
    True
    """
    data = _escaped(to_dict(config))
    return HEADER + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000)


def to_dict(config: Config) -> dict[str, Any]:
    """The same as mappings, lists and JSON's scalars; durations and sizes in their short form."""
    return config.model_dump(mode="json")


def fingerprint(recommender: RecommenderConfig) -> str:
    """A hash of what changes an evaluation: not who is told, nor labels, nor how the daemon goes about it.

    Evaluations of two configurations with the same fingerprint can be compared; the name plays no part.
    """
    data = recommender.model_dump(
        mode="json",
        exclude={
            "name": True,
            "labels": True,
            "mode": True,
            "overrides": True,
            "maintenance": True,
            "ask_after": True,
            "window": {"replay", "catch_up", "deadline"},
            "expected": {name: {"__all__": {"why"}} for name in ExpectedSameness.model_fields},
            "log": {"connect_timeout", "request_timeout"},
        },
    )
    for parameters in data["detectors"].values():
        parameters.pop("mode", None)
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]


def _escaped(data: Any) -> Any:
    """`${` in values would be read as a variable."""
    if isinstance(data, dict):
        return {key: _escaped(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_escaped(value) for value in data]
    return data.replace("${", "$${") if isinstance(data, str) else data
