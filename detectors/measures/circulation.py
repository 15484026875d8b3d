"""How much of the catalogue is in circulation: parts of it that are not shown any more, and which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import UNKNOWN_TIME, Catalog, Labels
from detectors.core.detector import Context
from detectors.core.measurement import Measurement
from detectors.measures.reference import REFERENCE_ROWS, item_counts, untroubled
from detectors.measures.sampled_lists import F, SampledLists
from detectors.measures.shown_items import ShownItems

SHOWN = 0.05  # a part is in circulation in full when it gets this much of what its size would give
LEAST_ROWS = 20  # that its size would give: smaller parts may be missing by chance
LEAST_SHARE = 0.002  # of the catalogue: smaller parts are not looked at
NAMED = 5


def circulation(
    part: str,
    labels: Labels,
    catalog: Catalog,
    items: ShownItems,
    lists: SampledLists,
    context: Context,
) -> Measurement:
    """Share of the catalogue, by number of items, whose category (or provider) is shown.

    A part counts in full from a twentieth of the exposure on that its size would give, and below that by as much less.
    Only parts that are large enough for the rows of the slice to show their absence are looked at, so the share does
    not fall with the number of rows; and the catalogue is that of items that may be shown: not blocked, in stock, and
    there already.

    Parameters
    ----------
    part : str
        "category" or "provider".
    """
    found = catalog.find(items.counts.keys)
    allowed = may_be_shown(catalog, context.window_us[1])
    size = np.bincount(labels.codes[allowed] + 1, minlength=len(labels.names) + 1)[1:].astype(float)
    large = np.flatnonzero(size >= max(LEAST_SHARE * size.sum(), 1))
    weight = size[large] / max(size.sum(), 1)
    number = np.full(len(labels.names) + 1, -1)
    number[large] = np.arange(len(large))
    of_item = number[np.where(found >= 0, labels.codes[found], -1)]

    shown = _by_slice(of_item, items, len(large))
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = items.rows[:, None]
        enough = weight * rows >= LEAST_ROWS
        wanted = SHOWN * weight * rows  # rows that are enough
        lit = np.where(enough, np.minimum(shown / wanted, 1), 0.0)
        total = (enough * weight).sum(axis=1)
        value = (lit * weight).sum(axis=1) / total
        # Rows of one list, and lists of one user, come together; a part that is shown enough adds no error.
        together = items.rows / (lists.totals(np.ones(len(lists.length))) / lists.summary.clustering)
        chance = np.sqrt(np.maximum(shown, 1) * np.maximum(together, 1)[:, None]) / wanted
        error = (
            np.sqrt((np.where(enough & (lit < 1), np.minimum(chance, 1) * weight, 0.0) ** 2).sum(axis=1))
            / total
        )
        n = np.where(total > 0, items.rows / together, 0.0)

    def evidence(s: int) -> Mapping[str, Any]:
        dark = np.flatnonzero(enough[s] & (lit[s] < 1))
        if not len(dark):
            return {}
        before = _before(context, catalog, labels, number, len(large))
        order = dark[np.lexsort((-weight[dark], -before[dark]))][:NAMED]
        named = [
            {part: labels.names[int(large[i])], "items": int(size[large[i]]),
             "share_of_rows": round(float(shown[s, i] / items.rows[s]), 5),
             "share_of_rows_before": round(float(before[i]), 5)}
            for i in order
        ]  # fmt: skip
        return {"part": str(named[0][part]), "not_shown": named}

    return Measurement(f"{part}_circulation", value, error, n, evidence)


def may_be_shown(catalog: Catalog, end_us: int) -> NDArray[np.bool_]:
    """Which items are neither blocked nor out of stock, and were there before that moment, shape (items,)."""
    out = np.ones(len(catalog), bool)
    for flags in (catalog.blocked, catalog.out_of_stock):
        if flags is not None:
            out &= ~flags
    if catalog.created_us is not None:
        out &= (catalog.created_us < end_us) | (catalog.created_us == UNKNOWN_TIME)
    return out


def _by_slice(of_item: NDArray[np.int64], items: ShownItems, parts: int) -> F:
    """Rows of each slice that show each part, shape (slices, parts)."""
    counts = items.counts
    code = of_item[counts.key]
    code[code < 0] = parts  # one column more, for what is of no part that is looked at
    code += counts.group * np.int64(parts + 1)
    cells = len(counts.groups)
    table = np.bincount(code, items.shown, cells * (parts + 1)).reshape(cells, parts + 1)
    return np.asarray(items.members @ table[:, :parts])


def _before(context: Context, catalog: Catalog, labels: Labels, number: NDArray[np.int64], parts: int) -> F:
    """Share of the rows of earlier windows that showed each part, shape (parts,); 0 where there are none."""
    out, rows = np.zeros(parts), 0.0
    for window in untroubled(context, REFERENCE_ROWS):
        keys, shown = item_counts(window.summary)
        found = catalog.find(keys)
        of_item = number[np.where(found >= 0, labels.codes[found], -1)]
        out += np.bincount(of_item[of_item >= 0], shown[of_item >= 0], parts)
        rows += float(shown.sum())
    return out / rows if rows else out
