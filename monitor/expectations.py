"""Sameness that a configuration expects: what is in force on a day, and what has ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from detectors.core.expected import Expected
from detectors.core.hashing import hash_ids
from monitor.config.expected import Expectation, ExpectedSameness
from monitor.config.models import RecommenderConfig


def expected_on(recommender: RecommenderConfig, day: date) -> Expected:
    """What is in force on a day (UTC)."""
    expected = recommender.expected
    return Expected(
        recommender.kind.value,
        tuple((k.where, k.kind.value) for k in expected.kinds if _in_force(k, day)),
        tuple((p.where, p.position) for p in expected.positions if _in_force(p, day)),
        tuple((i.where, frozenset(hash_ids([i.item]).tolist())) for i in expected.items if _in_force(i, day)),
        tuple((b.where, frozenset(b.hours)) for b in expected.batches if _in_force(b, day)),
    )


def values_expected(recommender: RecommenderConfig) -> frozenset[tuple[str, str]]:
    """(column, value) of every place that an expectation is about."""
    entries = (e for name in ExpectedSameness.model_fields for e in getattr(recommender.expected, name))
    return frozenset(pair for entry in entries for pair in entry.where.items())


def ended(recommender: RecommenderConfig, day: date) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Expectations that were over before a day: the keys below the recommender, and what that means."""
    for name in ExpectedSameness.model_fields:
        for index, entry in enumerate(getattr(recommender.expected, name)):
            if not _in_force(entry, day):
                what = f"{entry} was expected until {entry.until}, and is judged like all else since"
                yield ("expected", name, index), f"{what}; remove it, or give it a later `until`"


def _in_force(entry: Expectation, day: date) -> bool:
    return entry.until is None or day <= entry.until
