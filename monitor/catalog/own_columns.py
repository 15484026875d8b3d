"""Columns of the catalogue that detectors ask for, joined to the rows of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch, Values
from detectors.core.texts import Texts
from monitor.catalog.read import CatalogRead
from monitor.engine.codes import Codes

NOTHING: Mapping[str, float | bool] = {"f": np.nan, "b": False}  # by kind of array


def joining(read: CatalogRead | None) -> Callable[[Batch], Batch]:
    """Adds the catalogue's columns to a batch: NaN, False or no text for items that it does not know."""

    def join(batch: Batch) -> Batch:
        if read is None or not read.columns:
            return batch
        at = read.find(batch.item_hash)
        added = {key: _of_rows(column, at, batch.item) for key, column in read.columns.items()}
        return replace(batch, columns={**batch.columns, **added}, has=batch.has | read.asked)

    return join


def _of_rows(column: Codes | NDArray[Any], at: NDArray[np.int64], item: NDArray[np.integer[Any]]) -> Values:
    """`at`: where each distinct item stands in the catalogue, -1 where it does not."""
    if isinstance(column, Codes):
        return Texts(np.append(column.codes, -1)[at][item], column.hashes, column.names)
    filled = np.append(column, np.array([NOTHING[column.dtype.kind]], column.dtype))
    return filled[at][item]
