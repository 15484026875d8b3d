"""Detectors' own parameters are checked by whoever knows them; what is wrong is told with its place."""

from collections.abc import Iterable

import pytest

from monitor.config.checks import Keys
from monitor.config.loader import parse
from monitor.config.models import RecommenderConfig
from monitor.errors import UserError

TEXT = """
defaults:
  log: {path: logs, columns: {timestamp: t, item: i}}
  detectors:
    scores: {above: 0.5}
recommenders:
- name: shop
  split_by: surface
- name: cart
  detectors:
    scores: {abvoe: 0.4}
    lists: {shortest: 3}
overrides:
  shop/home:
    detectors: {scores: {abvoe: 1}}
"""


def check(recommender: RecommenderConfig) -> Iterable[tuple[Keys, str]]:
    for detector, parameters in recommender.detectors.items():
        for key in parameters:
            if key not in ("above", "enabled"):
                yield (detector, key), f'unknown parameter; "{recommender.name}" has above'
        if "above" not in parameters:
            yield (detector, "above"), "is missing"


def test_told_with_line_and_key() -> None:
    with pytest.raises(UserError) as told:
        parse(TEXT, "shop.yaml", check_detectors=check)
    assert str(told.value).splitlines() == [
        'shop.yaml:11: recommenders[1].detectors.scores.abvoe: unknown parameter; "cart" has above',
        "shop.yaml:12: recommenders[1].detectors.lists.above: is missing",
        'shop.yaml:12: recommenders[1].detectors.lists.shortest: unknown parameter; "cart" has above',
        'shop.yaml:15: overrides["shop/home"].detectors.scores.abvoe: unknown parameter; "shop" has above',
    ]


def test_without_a_check_they_are_taken_as_they_are() -> None:
    cart = parse(TEXT, "shop.yaml").recommenders[1]
    assert cart.detectors == {"scores": {"above": 0.5, "abvoe": 0.4}, "lists": {"shortest": 3}}
