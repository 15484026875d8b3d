"""Who gets the attention: exposure of categories and providers, and whose share of it has changed most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import Catalog, Labels
from detectors.core.detector import Context, Earlier
from detectors.core.measurement import Measurement
from detectors.core.summary import Summary
from detectors.measures.reference import untroubled
from detectors.measures.sampled_lists import F, SampledLists
from detectors.measures.variety import of_items
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.panel import Panel

REFERENCE_ROWS = 50_000  # of the day before that are enough
PARTS = 100  # categories (providers) that are looked at, those with most exposure
NAMED = 5


def exposure_change(part: str, lists: SampledLists, catalog: Catalog, context: Context) -> Measurement:
    """The largest change of a part's share of exposure since the day before, by slice; NaN without a day before.

    A row at position p gets an exposure of 1 / log2(1 + p). The part whose share has changed most is looked for among
    half of the users and measured on the other half, and the other way round: the largest of many differences would
    grow with chance, and so with fewer users.

    Parameters
    ----------
    part : str
        "category" or "provider".

    References
    ----------
    A. Singh and T. Joachims, "Fairness of exposure in rankings", KDD 2018.
    """
    summary, labels = lists.summary, getattr(catalog, part)
    before = list(untroubled(context, REFERENCE_ROWS))
    whole = _rows(summary, catalog, part).whole + sum(_rows(w.summary, catalog, part).whole for w in before)
    parts = np.argsort(-whole, kind="stable")[: min(PARTS, int((whole > 0).sum()))]
    if not before or not len(parts):
        nothing = np.full(len(lists.members), np.nan)
        return Measurement(f"{part}_exposure_change", nothing, nothing, np.zeros(len(nothing)))
    then, users_then = _before(summary, catalog, part, parts, before)
    halves = _by_slice(lists, catalog, part, parts)
    now = _shares(halves.sum(axis=0))
    first, second = (_shares(half) for half in halves)
    with np.errstate(invalid="ignore"):
        top = [np.nan_to_num(np.abs(half - then)).argmax(axis=1) for half in (first, second)]
    slices = np.arange(len(now))
    value, variance = np.zeros(len(now)), np.zeros(len(now))
    n = np.minimum(lists.n, users_then)
    for found, other, which in ((first, second, top[0]), (second, first, top[1])):
        sign = np.sign(found[slices, which] - then[slices, which])
        value += sign * (other[slices, which] - then[slices, which]) / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            p, q = now[slices, which], then[slices, which]
            # As if all of a list were of one part: at most that much do shares vary.
            variance += p * (1 - p) / lists.n / 2 + q * (1 - q) / users_then / 2
    error = np.sqrt(variance)

    def evidence(s: int) -> Mapping[str, Any]:
        change = now[s] - then[s]
        if not np.isfinite(change).all():
            return {}
        order = np.argsort(-np.abs(change), kind="stable")[:NAMED]
        named = [
            {part: labels.names[int(parts[i])], "exposure": round(float(now[s, i]), 4),
             "exposure_before": round(float(then[s, i]), 4)}
            for i in order
        ]  # fmt: skip
        return {"part": str(named[0][part]), "changed": named}

    return Measurement(f"{part}_exposure_change", np.maximum(value, 0), error, np.nan_to_num(n), evidence)


class _Rows:
    """Label and exposure of each row of a panel."""

    def __init__(self, summary: Summary, catalog: Catalog, labels: Labels) -> None:
        counts, panel = summary[ItemCounts], summary[Panel]
        label = of_items(catalog, counts.keys, labels)
        item = np.searchsorted(counts.keys, panel.item)
        self.label = label[item].astype(np.int32) if len(item) else np.empty(0, np.int32)
        self.exposure = 1 / np.log2(1 + np.maximum(panel.position, 1))
        known = self.label >= 0
        self.whole = np.bincount(self.label[known], self.exposure[known], len(labels.names))


def _rows(summary: Summary, catalog: Catalog, name: str) -> _Rows:
    labels: Labels = getattr(catalog, name)
    return summary.derived(f"exposure by {name}", lambda: _Rows(summary, catalog, labels), catalog)


def _by_slice(lists: SampledLists, catalog: Catalog, part: str, parts: NDArray[np.int64]) -> F:
    """Exposure of each part, for the two halves of the users, shape (2, slices, parts)."""
    rows, panel = _rows(lists.summary, catalog, part), lists.panel
    number = np.full(len(rows.whole) + 1, -1)
    number[parts] = np.arange(len(parts))
    of_row = number[rows.label]
    known = np.flatnonzero(of_row >= 0)
    half = (panel.user & np.uint64(1)).astype(np.int64)[panel.request_user]
    of_list = lists.row_list[known]
    cells = len(panel.groups)
    code = (half[of_list] * cells + lists.cell[of_list]) * len(parts) + of_row[known]
    table = np.bincount(code, rows.exposure[known] * lists.weight[of_list], 2 * cells * len(parts))
    return np.asarray(lists.members @ table.reshape(2, cells, len(parts)))


def _shares(exposure: F) -> F:
    with np.errstate(invalid="ignore", divide="ignore"):
        return exposure / exposure.sum(axis=1, keepdims=True)


def _before(
    summary: Summary, catalog: Catalog, part: str, parts: NDArray[np.int64], before: Sequence[Earlier]
) -> tuple[F, F]:
    """Share of exposure of each part in the same slices of the day before, and independent requests behind it."""
    texts = summary.slices.texts
    exposure, n = np.zeros((len(texts), len(parts))), np.zeros(len(texts))
    for window in before:
        lists = SampledLists.of(window.summary)
        at = {text: i for i, text in enumerate(window.summary.slices.texts)}
        place = np.array([at.get(text, -1) for text in texts])
        there = np.flatnonzero(place >= 0)
        found = _by_slice(lists, catalog, part, parts).sum(axis=0)
        exposure[there] += found[place[there]]
        n[there] += lists.n[place[there]]
    return _shares(exposure), n
