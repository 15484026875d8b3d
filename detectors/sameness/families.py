"""One product under many ids: items counted by their family in the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import Catalog
from detectors.core.hashing import distinct
from detectors.core.measurement import Measurement, share
from detectors.core.summary import Summary
from detectors.measures.sampled_lists import SampledLists
from detectors.sameness.shown import F, lists_of
from detectors.sameness.tops import Tops
from detectors.statistics.item_counts import ItemCounts

ONE_PRODUCT = 0.02  # of the catalogue: a larger family is a department, not a product
ITEMS = 10  # ids in the evidence


class Families:
    """The families of a catalogue that are one product under several ids, such as its sizes and colours.

    Parameters
    ----------
    summary : Summary
    code : array of int, shape (items,)
        Family of each item of `ItemCounts.keys`, -1 where it has none.
    names : sequence of str
    """

    def __init__(self, summary: Summary, code: NDArray[np.int64], names: Sequence[str]) -> None:
        self.summary, self.code, self.names = summary, code, names
        self.width = len(names) + 1  # the last one stands for items of no family

    @classmethod
    def of(cls, summary: Summary, catalog: Catalog | None) -> Families | None:
        """None where the catalogue knows no families."""
        if catalog is None or (family := catalog.family) is None:
            return None
        size = np.bincount(family.codes[family.codes >= 0], minlength=len(family.names) + 1)
        product = (size > 1) & (size <= max(2, ONE_PRODUCT * len(catalog)))
        at = catalog.find(summary[ItemCounts].keys)
        code = np.append(family.codes, -1)[at].astype(np.int64)  # the last one is for what is not found
        return cls(summary, np.where(product[code], code, -1), family.names)

    def at_first(self, measure: str, tops: Tops) -> Measurement:
        """The share of first places that the most frequent product has."""
        totals = [self._by_family(by_item) for by_item in tops.shown.by_item()]
        return self._top(measure, totals, tops.shown.answers, tops)

    def anywhere(self, measure: str, tops: Tops) -> Measurement:
        """The share of lists that have it, from the panel: one with two ids of a family has it once."""
        rows = SampledLists.of(self.summary)
        request = rows.row_list
        family = self.code[rows.item] if len(rows.item) else request
        request, family = np.divmod(
            distinct(request[family >= 0] * self.width + family[family >= 0]), self.width
        )
        lists = lists_of(self.summary)
        totals = [np.bincount(family[mine[request]], minlength=self.width).astype(float) for mine in lists]
        return self._top(measure, totals, np.array([np.count_nonzero(mine) for mine in lists], float), tops)

    def _by_family(self, by_item: F) -> F:
        totals = np.bincount(self.code % self.width, by_item, self.width).astype(float)
        totals[-1] = 0.0
        return totals

    def _top(self, measure: str, totals: Sequence[F], answers: F, tops: Tops) -> Measurement:
        best = [int(np.argmax(by_family)) for by_family in totals]
        hits = np.array([by_family[b] for by_family, b in zip(totals, best, strict=True)])

        def evidence(s: int) -> Mapping[str, Any]:
            if not hits[s]:
                return {}
            ids = self.summary[ItemCounts].keys[self.code == best[s]][:ITEMS]
            items = [tops.counts.text_of(int(key)) for key in ids]
            return {"family": str(self.names[best[s]]), "position": tops.position(s), "items": items}

        return share(measure, hits, answers, tops.shown.clustering, evidence)
