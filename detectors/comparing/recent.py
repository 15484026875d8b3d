"""Rows that belong to no request: whether the last hours show other items than any hours of the day before did.

Such rows are no independent answers: a bandit that serves one visitor fills one place with one item for an hour, and
nothing is wrong. So a window alone says little. Hours together are held against the rest of the day, and how far other
hours of that day were from its rest says what is usual.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.comparing.references import Reference
from detectors.comparing.shift import Shift
from detectors.comparing.turnover import Rows, distance
from detectors.core.detector import Context, Earlier
from detectors.core.hashing import U64, distinct
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ItemCounts

HOUR = 3_600_000_000
HOURS = 4  # of a stretch
STRETCHES = 6  # of a day, the last hours included
LEAST_ROWS = 40  # of each stretch
NAMED = 0.3  # rise of one item's share from which on it is what happened
TOP = 5  # items that a person is shown


def recent_shift(summary: Summary, context: Context) -> Shift:
    """By how much the last hours are further from the rest of the day than any other such hours of it, by slice.

    Distances are one less Morisita's index, as `detectors.comparing.turnover.distance` has them. NaN where a stretch of
    the day is not known or has few rows, and where windows are longer than a stretch.
    """
    slices = len(summary.slices)
    value, error = np.full((2, slices), np.nan)
    n = np.zeros(slices)
    stretches = _stretches(summary, context)
    evidence: dict[int, Mapping[str, Any]] = {}
    if stretches is None:
        return Shift(value, error, n, lambda s: {})
    keys = distinct(np.concatenate([r.keys(ItemCounts) for r in stretches]))
    totals = [r.totals(ItemCounts, keys, range(slices)) for r in stretches]
    for s in range(slices):
        rows = np.array([next(of_stretch) for of_stretch in totals])
        if (rows.sum(axis=1) < LEAST_ROWS).any():
            continue
        day = rows.sum(axis=0)
        rest = np.array([day - rows[0], *(day - rows[0] - other for other in rows[1:])])
        apart = distance(_alone(rows), _alone(rest), np.ones(len(rows)))
        furthest = 1 + int(np.argmax(apart.value[1:]))
        value[s] = apart.value[0] - apart.value[furthest]
        # One row more or less is the least that can be said, also of what has nothing in common.
        error[s] = np.sqrt(apart.error[0] ** 2 + apart.error[furthest] ** 2 + rows[0].sum() ** -2.0)
        # As many as a share of them would be known as well from: rows that come together count for fewer.
        share = np.clip(value[s], 0.1, 0.9)
        n[s] = min(share * (1 - share) / error[s] ** 2, rows[0].sum())
        evidence[s] = _moved(rows[0], rest[0], keys, [w for r in stretches for w in r.windows])
    return Shift(value, error, n, lambda s: evidence.get(s, {}))


def _stretches(summary: Summary, context: Context) -> list[Reference] | None:
    """The windows of each stretch, the newest first; None unless all are known."""
    start, end = context.window_us
    if not 0 < end - start <= HOURS * HOUR:
        return None
    windows: list[list[Earlier]] = [[Earlier(start, summary)], *([] for _ in range(STRETCHES - 1))]
    for earlier in context.earlier():
        at = (end - 1 - earlier.start_us) // (HOURS * HOUR)
        if at < STRETCHES and not earlier.troubled:
            windows[at].append(earlier)
    return [Reference.of(summary, w) for w in windows] if all(windows) else None


def _alone(counts: np.ndarray) -> Rows:
    """Rows each of which stands for itself."""
    return Rows(counts, counts.sum(axis=1), np.ones(len(counts)))


def _moved(now: np.ndarray, before: np.ndarray, keys: U64, windows: list[Summary]) -> Mapping[str, Any]:
    """The items whose share moved most, and the one that rose so far that it is to blame."""
    share, share_before = now / now.sum(), before / before.sum()
    change = (share - share_before).round(12)  # equal ones in the order of their hashes

    def said(i: int) -> dict[str, Any]:
        found = [w[ItemCounts].text_of(int(keys[i])) for w in windows]
        name = next((text for text in found if not text.startswith("#")), found[0])
        return {
            "item": name,
            "share": round(float(share[i]), 4),
            "share_before": round(float(share_before[i]), 4),
        }

    moved = {"items": [said(i) for i in np.argsort(-np.abs(change), kind="stable")[:TOP].tolist()]}
    most = int(change.argmax())
    return {**said(most), **moved} if change[most] >= NAMED else moved
