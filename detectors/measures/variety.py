"""How varied a single list is: the mean distance of two of its items by category."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import Catalog, Labels
from detectors.measures.sampled_lists import F, Ratio, SampledLists


def category_distance(
    lists: SampledLists, keys: NDArray[np.uint64], catalog: Catalog, category: Labels
) -> Ratio:
    """Mean over lists of the share of pairs of their items that are of different categories, by slice.

    Over pairs, and not over all ordered combinations, the mean does not move with the length of the lists. Items whose
    category is not known are left out; lists with fewer than two others say nothing.

    Parameters
    ----------
    keys : array of uint64, shape (items,)
        Of `ItemCounts`.

    References
    ----------
    B. Smyth and P. McClave, "Similarity vs. diversity", ICCBR 2001; C.-N. Ziegler et al., "Improving recommendation
    lists through topic diversification", WWW 2005 (intra-list similarity).
    """
    distance = distances(of_items(catalog, keys, category)[lists.item], lists.row_list, len(lists.length))
    counted = np.isfinite(distance)
    return lists.ratio(np.where(counted, distance, 0.0), counted.astype(float))


def of_items(catalog: Catalog, keys: NDArray[np.uint64], labels: Labels) -> NDArray[np.int64]:
    """The label of each item by its key, -1 for none."""
    found = catalog.find(keys)
    return np.where(found >= 0, labels.codes[found], -1)


def distances(label: NDArray[np.int64], row_list: NDArray[np.int64], lists: int) -> F:
    """Share of the pairs in each list that have different labels, shape (lists,); NaN without a pair.

    Parameters
    ----------
    label, row_list : arrays of int, shape (rows,)
        -1 for rows without a label.

    >>> import numpy as np
    >>> distances(np.array([0, 0, 1, 2, -1]), np.array([0, 0, 0, 1, 1]), 2).round(4).tolist()
    [0.6667, nan]
    """
    known = np.flatnonzero(label >= 0)
    width = np.int64(max(int(label.max(initial=0)) + 1, 1))
    code = np.sort(row_list[known] * width + label[known], kind="stable")  # list after list
    start = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]])[: len(code)])
    times = np.diff(start, append=len(code)).astype(float)
    same = np.bincount(code[start] // width, times * (times - 1), lists)
    size = np.bincount(row_list[known], minlength=lists).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size >= 2, 1 - same / (size * (size - 1)), np.nan)
