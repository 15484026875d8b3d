"""How popular the items on lists are, by how often the windows of the day before showed them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import Catalog
from detectors.measures.reference import Popularity
from detectors.measures.sampled_lists import F, Ratio, SampledLists
from detectors.measures.shown_items import ShownItems

LEAST_ROWS = 10_000  # of the day before without which nothing is said
HEAD = 0.2  # share of the catalogue whose most popular items are no long tail


class OfPopularity(NamedTuple):
    """By slice: rows of `LEAST_ROWS` that showed an item of a list; bits; share of rows."""

    average: Ratio
    novelty: Ratio
    long_tail: Ratio


def of_popularity(
    popularity: Popularity, items: ShownItems, lists: SampledLists, catalog: Catalog | None
) -> OfPopularity:
    """Average popularity, novelty and share of the long tail (of the catalogue); NaN where too little was shown before.

    The reference is that of the whole, for every slice. It is never the window itself: an item that is new and on every
    list is not popular in this sense, and shows elsewhere.

    References
    ----------
    H. Yin et al., "Challenging the long tail recommendation", VLDB 2012 (average recommendation popularity);
    T. Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS 107 (10), 2010
    (self-information); H. Abdollahpouri et al., "Managing popularity bias in recommender systems with personalized
    re-ranking", FLAIRS 2019 (share of the long tail).
    """
    nothing = Ratio(*np.full((2, len(items.rows)), np.nan))
    if popularity.rows < LEAST_ROWS:
        return OfPopularity(nothing, nothing, nothing)
    shown = popularity.of(items.counts.keys)
    surprise = -np.log2(np.maximum(shown, 1 / LEAST_ROWS))
    average = items.mean(LEAST_ROWS * shown, lists)
    tail = nothing
    if catalog is not None:
        tail = items.mean(~_in_the_head(popularity, catalog, items), lists)
    return OfPopularity(average, items.mean(surprise, lists), tail)


def _in_the_head(popularity: Popularity, catalog: Catalog, items: ShownItems) -> NDArray[np.bool_]:
    """Whether each item that was shown is among the most popular of the catalogue, shape (items,)."""
    of_catalog: F = popularity.of(catalog.keys)
    size = max(round(HEAD * len(catalog)), 1)
    least = np.partition(of_catalog, len(catalog) - size)[len(catalog) - size]
    return popularity.of(items.counts.keys) >= max(least, np.finfo(float).tiny)
