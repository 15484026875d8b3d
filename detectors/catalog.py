"""The catalogue: items are shown that it does not know, that are blocked or cannot be had; parts of it are not shown.

What an item is, is what the catalogue says when the window is measured: old windows that are measured again are held
against a newer catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import Catalog as Known
from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from detectors.measures.circulation import circulation
from detectors.measures.sampled_lists import F, SampledLists
from detectors.measures.shown_items import ShownItems
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

LEAST_REQUESTS = 100  # independent requests below which a part that is not shown says too little

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Catalog(Detector):
    """Rows and requests with items that should not be shown, and parts of the catalogue that are not.

    Parameters
    ----------
    blocked_above, unknown_above, out_of_stock_above : float
        Limits that hold without history: a share of requests for blocked items, of rows for the others. A catalogue
        need not know every item, so the limit for unknown ones is high.
    blocked_rise, unknown_rise, out_of_stock_rise : float
        Least rise of the share of rows over history that matters; of requests twice as much.
    unknown_surge : float
        Rise of the share of rows with unknown items that pages.
    lost : float
        Least share of the catalogue whose category, or provider, is not shown any more that matters.
    """

    name = "catalog"
    statistics = (ItemCounts, ListTally, Panel)
    telling = 85

    blocked_above: float = 0.02
    blocked_rise: float = 0.01
    unknown_above: float = 0.8
    unknown_rise: float = 0.05
    unknown_surge: float = 0.2
    out_of_stock_above: float = 0.5
    out_of_stock_rise: float = 0.05
    lost: float = 0.02

    def measures(self) -> tuple[Measure, ...]:
        page = Severity.PAGE
        known, requests = frozenset({"catalog"}), frozenset({"catalog", "request"})
        blocked, sold_out = frozenset({"catalog.blocked"}), frozenset({"catalog.out_of_stock"})
        shown = (Floor(above=self.blocked_above, severity=page),)
        lost = (History("down", change=self.lost),)
        return (
            Measure("blocked_requests_share", Unit.RATIO,
                    "Share of requests that show an item which must not be shown.",
                    (*shown, History("up", change=2 * self.blocked_rise, severity=page)), requests | blocked,
                    says="{value} of {requests} show an item that must not be shown"),
            Measure("blocked_share", Unit.RATIO, "Share of rows with an item which must not be shown.",
                    (*shown, History("up", change=self.blocked_rise, severity=page)), known | blocked,
                    says="{value} of rows have an item that must not be shown"),
            Measure("unknown_share", Unit.RATIO, "Share of rows with an item that the catalogue does not know.",
                    (Floor(above=self.unknown_above, severity=page),
                     History("up", change=self.unknown_surge, severity=page),
                     History("up", change=self.unknown_rise)), known,
                    says="{value} of rows have an item that the catalogue does not know"),
            Measure("unknown_requests_share", Unit.RATIO,
                    "Share of requests that show an item which the catalogue does not know.",
                    (History("up", change=2 * self.unknown_rise),), requests,
                    says="{value} of {requests} show an item that the catalogue does not know"),
            Measure("out_of_stock_requests_share", Unit.RATIO,
                    "Share of requests that show an item which is out of stock.",
                    (History("up", change=2 * self.out_of_stock_rise),), requests | sold_out,
                    says="{value} of {requests} show an item that is out of stock"),
            Measure("out_of_stock_share", Unit.RATIO, "Share of rows with an item that is out of stock.",
                    (Floor(above=self.out_of_stock_above), History("up", change=self.out_of_stock_rise)),
                    known | sold_out, says="{value} of rows have an item that is out of stock"),
            Measure("category_circulation", Unit.RATIO,
                    "Share of the catalogue, by number of items, whose category is shown.", lost,
                    frozenset({"catalog", "catalog.category"}), LEAST_REQUESTS,
                    "{part} is not shown any more: {value} of the catalogue are in a category that is"),
            Measure("provider_circulation", Unit.RATIO,
                    "Share of the catalogue, by number of items, whose provider is shown.", lost,
                    frozenset({"catalog", "catalog.provider"}), LEAST_REQUESTS,
                    "{part} is not shown any more: {value} of the catalogue are of a provider who is"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        catalog = context.catalog
        if catalog is None or not len(catalog):
            return
        lists = SampledLists(summary)
        items = ShownItems(summary, lists)
        found = catalog.find(items.counts.keys)
        for kind, marked in _marked(catalog, found).items():
            if "request" in summary.has:
                yield _of_requests(f"{kind}_requests_share", marked, items, lists, catalog)
            yield _of_rows(f"{kind}_share", marked, items, lists, catalog)
        for part in ("category", "provider"):
            labels = getattr(catalog, part)
            if labels is not None:
                yield circulation(part, labels, catalog, found, items, lists, context)


def _marked(catalog: Known, found: NDArray[np.int64]) -> dict[str, Flags]:
    """The items that should not be shown, by why, shapes (items,)."""
    known = found >= 0
    out = {"unknown": ~known}
    for kind in ("blocked", "out_of_stock"):
        flags = getattr(catalog, kind)
        if flags is not None:
            out[kind] = known & flags[found]
    return out


def _of_requests(
    measure: str, marked: Flags, items: ShownItems, lists: SampledLists, catalog: Known
) -> Measurement:
    """Share of requests with at least one such item, from the lists of the panel."""
    hit = (lists.sums(marked[lists.item]) > 0).astype(float)
    value, error = lists.ratio(hit, np.ones(len(hit)))
    return Measurement(
        measure, value, _at_least(value, error, lists.n), lists.n, _worst(marked, items, catalog)
    )


def _of_rows(
    measure: str, marked: Flags, items: ShownItems, lists: SampledLists, catalog: Known
) -> Measurement:
    """Share of rows with such an item, counted in full."""
    value, error = items.mean(marked.astype(float))
    requests = lists.totals(np.ones(len(lists.length)))
    n = requests / lists.summary.clustering
    with np.errstate(invalid="ignore", divide="ignore"):
        length = np.maximum(items.rows / requests, 1)
    # Few such items: as many requests have one, and of each list it is one row.
    floor = _at_least(np.minimum(value * length, 1), 0 * value, n) / length
    return Measurement(measure, value, np.maximum(error, floor), n, _worst(marked, items, catalog))


def _at_least(value: F, error: F, n: F) -> F:
    """The error, but never less than that of a share among so many independent requests: zero is not known exactly."""
    plain = share("", value * n, n, np.ones(len(n))).error
    return np.fmax(np.where(np.isnan(value), np.nan, error), np.where(np.isnan(value), np.nan, plain))


def _worst(marked: Flags, items: ShownItems, catalog: Known) -> Any:
    def evidence(s: int) -> Mapping[str, Any]:
        return {**items.worst(s, marked, catalog), "catalogue": {"items": len(catalog)}}

    return evidence
