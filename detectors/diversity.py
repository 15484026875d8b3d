"""Diversity: how much of the catalogue is shown, how lists differ from one another and in themselves, who gets seen.

Coverage, entropy and the number of distinct items grow with the sample. Every measure here is in a form that does not:
unbiased for pairs, corrected for unseen items, or rarefied to a fixed number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import UNKNOWN_TIME, Catalog
from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from detectors.measures.circulation import may_be_shown
from detectors.measures.concentration import CatalogItems, Concentration
from detectors.measures.exposure import exposure_change
from detectors.measures.popularity import LEAST_ROWS, of_popularity
from detectors.measures.reference import REFERENCE_ROWS, Popularity, untroubled
from detectors.measures.sampled_lists import SampledLists
from detectors.measures.shown_items import ShownItems
from detectors.measures.variety import category_distance
from detectors.sameness.shared_lists import WHOLE_LISTS
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

LEAST_REQUESTS = 100  # independent requests below which diversity says too little
LEAST_PAIRED = 50  # the same for what two lists share, which has no bias and knows its error
LEAST_LISTS = 20  # the same for what each list says of itself
DAY_US = 86_400_000_000
FOLLOWS = WHOLE_LISTS | {"same_item", "personalization", "fallback"}  # what many lists have in common


@dataclass(frozen=True)
class Diversity(Detector):
    """Diversity between lists, inside lists, over the catalogue, by popularity, age, category and provider.

    Parameters
    ----------
    rarefied_to : int
        Rows to which distinct items and coverage are brought down; slices with fewer have too few.
    gini_rows : int
        The same for the Gini index.
    overlap_above : float
        Limit for the overlap between lists that holds without history.
    alike : float
        Least relative rise of that overlap which says that personalisation is lost: 1 is twice as much.
    fall, rise : float
        Least relative change against history that matters.
    overlap_rise, gini_rise, exposure_rise : float
        Least rise of a share (of the index) over history that matters.
    novelty_fall : float
        Least fall in bits: one is twice as popular.
    new_days : float
        Days for which an item is new.

    References
    ----------
    M. O. Hill, "Diversity and evenness", Ecology 54, 1973 (effective numbers).
    E. H. Simpson, "Measurement of diversity", Nature 163, 1949 (unbiased order 2).
    Those of the others stand where they are computed, in `detectors/measures`.
    """

    name = "diversity"
    statistics = (ItemCounts, ListTally, Panel)
    telling = 40

    rarefied_to: int = 500
    gini_rows: int = 2000
    overlap_above: float = 0.6
    alike: float = 1.0
    fall: float = 0.3
    rise: float = 0.5
    overlap_rise: float = 0.05
    gini_rise: float = 0.03
    exposure_rise: float = 0.1
    novelty_fall: float = 0.7
    new_days: float = 7.0

    def measures(self) -> tuple[Measure, ...]:
        down, lists = (History("down", change=self.fall, relative=True),), frozenset({"request"})
        known, least = frozenset({"catalog"}), LEAST_REQUESTS
        category, provider = known | {"catalog.category"}, known | {"catalog.provider"}
        moved = (History("up", change=self.exposure_rise),)
        return (
            Measure("category_distance", Unit.RATIO,
                    "Share of the pairs of items in a list that are of different categories, mean over lists.",
                    down, lists | category, LEAST_LISTS, "{value} of the pairs of items in a list differ in category"),
            Measure("list_overlap", Unit.RATIO,
                    "Share of a list's items that another request's list has too, on average.",
                    (Floor(above=self.overlap_above),
                     History("up", change=self.alike, relative=True, severity=Severity.PAGE, least=0.015),
                     History("up", change=self.overlap_rise)), lists, LEAST_PAIRED,
                    "any two lists share {value} of their items", of_sameness=True, averaged=True,
                    follows=FOLLOWS),
            Measure("effective_items_q1", Unit.ITEMS,
                    "Effective number of items, order 1: exponential of the entropy.", down, least_n=least,
                    says="as diverse as if {value} items were shown equally often"),
            Measure("effective_items_q2", Unit.ITEMS,
                    "Effective number of items, order 2: one over the chance that two rows show one item.", down,
                    least_n=least,
                    says="as diverse as if {value} items were shown equally often (frequent ones count more)"),
            Measure("distinct_items", Unit.ITEMS, f"Distinct items expected among {self.rarefied_to} rows.", down,
                    least_n=least, says="{value} distinct items among so many rows"),
            Measure("coverage", Unit.RATIO,
                    f"Share of the catalogue that may be shown expected among {self.rarefied_to} rows.", down, known,
                    least, "{value} of the catalogue among so many rows"),
            Measure("gini", Unit.RATIO,
                    f"Gini index of exposure over the catalogue that may be shown, expected of {self.gini_rows} rows.",
                    (History("up", change=self.gini_rise),), known, least,
                    "exposure is as uneven as a Gini index of {value} says"),
            Measure("long_tail_share", Unit.RATIO,
                    "Share of rows whose item was not among the most popular fifth of the catalogue the day before.",
                    down, known, least, "{value} of rows are of the long tail"),
            Measure("average_popularity", Unit.FREQUENCY,
                    f"Of {LEAST_ROWS} rows of the day before, those that showed an item of a list, on average.",
                    (History("up", change=self.rise, relative=True),), least_n=least,
                    says=f"items on lists were in {{value}} of {LEAST_ROWS:,} rows of the day before, on average"),
            Measure("novelty", Unit.SHANNONS,
                    "Self-information of the items on lists by how often the day before showed them, on average.",
                    (History("down", change=self.novelty_fall),), least_n=least,
                    says="items on lists are {value} bits of news"),
            Measure("new_items_share", Unit.RATIO, f"Share of rows with an item younger than {self.new_days:g} days.",
                    (History("down", change=self.rise, relative=True),), known | {"catalog.created_at"}, least,
                    "{value} of rows show an item that is new"),
            Measure("category_exposure_change", Unit.RATIO,
                    "Largest change of a category's share of exposure against the day before.", moved,
                    category | {"position"}, least, "the share of {part} in the exposure has changed by {value}"),
            Measure("provider_exposure_change", Unit.RATIO,
                    "Largest change of a provider's share of exposure against the day before.", moved,
                    provider | {"position"}, least, "the share of {part} in the exposure has changed by {value}"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        lists, items = SampledLists.of(summary), ShownItems(summary)
        catalog = context.catalog if context.catalog is not None and len(context.catalog) else None
        yield from self._concentration(summary, lists, items, catalog, context)
        n = lists.n
        before = list(untroubled(context, REFERENCE_ROWS))
        found = of_popularity(Popularity(before), items, lists, catalog)
        yield Measurement("average_popularity", *found.average, n)
        yield Measurement("novelty", *found.novelty, n)
        if catalog is None:
            return
        yield Measurement("long_tail_share", *found.long_tail, n)
        if catalog.category is not None and "request" in summary.has:
            distance = category_distance(lists, items.counts.keys, catalog, catalog.category)
            yield Measurement("category_distance", *distance, n)
        if catalog.created_us is not None:
            yield self._new_items(catalog, catalog.created_us, lists, items, context)
        if "position" in summary.has:
            for part in ("category", "provider"):
                if getattr(catalog, part) is not None:
                    yield exposure_change(part, summary, catalog, before)

    def _concentration(
        self,
        summary: Summary,
        lists: SampledLists,
        items: ShownItems,
        catalog: Catalog | None,
        context: Context,
    ) -> Iterator[Measurement]:
        size, known = 0, None
        if catalog is not None:
            allowed, found_at = may_be_shown(catalog, context.window_us[1]), catalog.find(items.counts.keys)
            size = int(allowed.sum())
            known = CatalogItems((found_at >= 0) & allowed[found_at], size)
        made = Concentration(summary, lists, to=self.rarefied_to, gini_to=self.gini_rows, catalog=known)
        found, n = made.measure(), made.n
        if "request" in summary.has:
            yield Measurement("list_overlap", *found["overlap"], n)
        yield Measurement("effective_items_q1", *found["q1"], n)
        yield Measurement("effective_items_q2", *found["q2"], n)
        yield Measurement("distinct_items", *found["distinct"], n)
        if size:
            value, error = found["known"]
            yield Measurement("coverage", value / size, error / size, n)
            yield Measurement("gini", *found["gini"], n)

    def _new_items(
        self,
        catalog: Catalog,
        created_us: NDArray[np.int64],
        lists: SampledLists,
        items: ShownItems,
        context: Context,
    ) -> Measurement:
        """Share of rows with new items; nothing is said while the catalogue has none."""
        end = context.window_us[1]
        new = (created_us != UNKNOWN_TIME) & (created_us >= end - self.new_days * DAY_US) & (created_us < end)
        found = catalog.find(items.counts.keys)
        value, error = items.mean((found >= 0) & new[found], lists)
        if not (new & may_be_shown(catalog, end)).any():
            value = np.full(len(value), np.nan)
        # Where no new item is shown, it is all rows that say so, those of one user's lists taken as one list's.
        return Measurement("new_items_share", value, error, items.rows / lists.summary.clustering)
