"""What a drill breaks: each kind is a function over a batch, of which it changes a copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.expected import Expected, in_place
from detectors.core.hashing import hash_ids

ITEM = "recwatch-drill"  # an item that no shop has: whoever reads it on a page knows
PLACES = 20  # of a list that is made up; longer lists are filled with its last item

Rows = NDArray[np.bool_]
Kind = Callable[[Batch, Rows, Expected], Batch]


def same_item(batch: Batch, hit: Rows, expected: Expected) -> Batch:
    """One item at the first place of every list, pinned ones not counted; where the log has no requests, in every row.

    Parameters
    ----------
    hit : array of bool, shape (n,)
        Requests to break.
    """
    rows = hit[batch.row_request]
    if "request" in batch.has:
        first = expected.organic(batch).first
        rows &= batch.position == (1 if first is None else first[batch.row_request])
    return _shown(batch, rows, np.zeros(batch.n_rows, np.int64), 1)


def same_list(batch: Batch, hit: Rows, expected: Expected) -> Batch:
    """One list for everybody."""
    place = np.minimum(batch.position, PLACES) - 1
    return _shown(batch, hit[batch.row_request], np.maximum(place, 0), PLACES)


KINDS: Mapping[str, Kind] = {"same_item": same_item, "same_list": same_list}


def breaking(kind: str, where: Mapping[str, str], expected: Expected) -> Callable[[Batch], Batch]:
    """What breaks the requests of a place, and leaves all others as they are."""

    def broken(batch: Batch) -> Batch:
        return KINDS[kind](batch, in_place(batch.cells, where)[batch.cell], expected)

    return broken


def _shown(batch: Batch, rows: Rows, which: NDArray[np.integer], items: int) -> Batch:
    """The batch with made-up items in some rows; `which` of them, shape (m,)."""
    names = [ITEM] if items == 1 else [f"{ITEM}-{n}" for n in range(1, items + 1)]
    known = len(batch.item_hash)
    return replace(
        batch,
        item=np.where(rows, known + which, batch.item),
        item_hash=np.concatenate([batch.item_hash, hash_ids(names)]),
        item_names=[*batch.item_names, *names],
    )
