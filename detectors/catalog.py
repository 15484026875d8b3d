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
from detectors.core.measurement import Evidence, Measure, Measurement, Unit, share
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from detectors.measures.circulation import circulation
from detectors.measures.sampled_lists import F, SampledLists
from detectors.measures.shown_items import ShownItems, worst
from detectors.statistics.item_counts import ItemCounts, MeantItems
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
    statistics = (ItemCounts, MeantItems, ListTally, Panel)
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
            # Somebody chose what is pinned, against what the catalogue says: one of the two is wrong, the recommender
            # is not. Who chose has to know; who is on call for the recommender need not get up.
            Measure("pinned_blocked_share", Unit.RATIO,
                    "Share of requests that show, pinned or expected everywhere, an item which must not be shown.",
                    (Floor(above=self.blocked_above),), requests | blocked,
                    says="{value} of {requests} show a pinned item that must not be shown"),
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
        lists, items = SampledLists.of(summary), ShownItems(summary)
        shown = _Shown(summary, context, catalog, lists, items)
        for kind in ("unknown", "blocked", "out_of_stock"):
            marked = shown.marked(kind)
            if marked is not None:
                organic, meant = marked
                if kind == "blocked":
                    if "request" in summary.has and meant is not None:
                        yield shown.meant_share("pinned_blocked_share", meant)
                    meant = None
                if "request" in summary.has:
                    yield shown.requests_share(f"{kind}_requests_share", organic, meant)
                yield shown.rows_share(f"{kind}_share", organic, meant)
        for part in ("category", "provider"):
            labels = getattr(catalog, part)
            if labels is not None:
                yield circulation(part, labels, catalog, items, lists, context)


class _Shown:
    """Rows and requests that show items of some kind.

    At pinned places anything may be shown that is not of the catalogue, such as advertisements, but nothing that is
    blocked: that is counted apart, as nothing that the recommender has chosen.
    """

    def __init__(
        self, summary: Summary, context: Context, catalog: Known, lists: SampledLists, items: ShownItems
    ) -> None:
        self._catalog, self._lists, self._items = catalog, lists, items
        self._meant = ShownItems(summary, MeantItems)
        self._requests = lists.totals(np.ones(len(lists.length)))
        self._n = self._requests / summary.clustering

    def marked(self, kind: str) -> tuple[Flags, Flags | None] | None:
        """Items of that kind among the organic ones, and among those that are meant, if these are to be looked at.

        None where the catalogue does not say it.
        """
        found, meant = (self._catalog.find(i.counts.keys) for i in (self._items, self._meant))
        if kind == "unknown":
            return found < 0, None
        flags = getattr(self._catalog, kind)
        return None if flags is None else ((found >= 0) & flags[found], (meant >= 0) & flags[meant])

    def requests_share(self, measure: str, organic: Flags, meant: Flags | None) -> Measurement:
        """Share of requests with at least one such item: from the lists of the panel, and what is pinned on top."""
        lists = self._lists
        hit = (lists.sums(organic[lists.item]) > 0).astype(float)
        value, error = lists.ratio(hit, np.ones(len(hit)))
        if meant is not None:
            pinned = self._pinned(meant)
            value = value + pinned - value * pinned
            error = np.hypot(error * (1 - pinned), _share_error(pinned, self._n) * (pinned > 0))
        error = np.fmax(error, _share_error(value, lists.n))
        return Measurement(measure, value, error, lists.n, self._worst(organic, meant))

    def meant_share(self, measure: str, meant: Flags) -> Measurement:
        """Share of requests in which such an item is meant."""
        value = np.where(self._requests > 0, self._pinned(meant), np.nan)
        return Measurement(measure, value, _share_error(value, self._n), self._n, self._worst(None, meant))

    def rows_share(self, measure: str, organic: Flags, meant: Flags | None) -> Measurement:
        """Share of rows with such an item, counted in full."""
        rows, hits = self._items.rows, self._items.total(organic)
        if meant is not None:
            rows, hits = rows + self._meant.rows, hits + self._meant.total(meant)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = hits / rows
            length = np.maximum(rows / self._requests, 1)
        error = self._items.mean(organic, self._lists).error
        # Few such items: as many requests have one, and of each list it is one row.
        least = _share_error(np.minimum(value * length, 1), self._n) / length
        return Measurement(measure, value, np.fmax(error, least), self._n, self._worst(organic, meant))

    def _pinned(self, meant: Flags) -> F:
        """Share of requests in which such an item is meant."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.nan_to_num(np.minimum(self._meant.total(meant) / self._requests, 1))

    def _worst(self, organic: Flags | None, meant: Flags | None) -> Evidence:
        both = ((self._items, organic), (self._meant, meant))
        parts = [(items, flags) for items, flags in both if flags is not None]

        def evidence(s: int) -> Mapping[str, Any]:
            return {**worst(parts, s, self._catalog), "catalogue": {"items": len(self._catalog)}}

        return evidence


def _share_error(value: F, n: F) -> F:
    """The error of a share of so many independent requests: one that is zero is not known exactly."""
    return share("", value * n, n, np.ones(len(n))).error
