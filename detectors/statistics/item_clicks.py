"""Which items are clicked, and which are converted. Never sampled."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.hashing import distinct
from detectors.statistics.keyed import KeyedCounts, tabulate


@dataclass(frozen=True)
class _ItemEvents(KeyedCounts):
    """Rows with an event, by cell and item's hash."""

    census = True

    @classmethod
    @abstractmethod
    def marked(cls, batch: Batch) -> NDArray[np.bool_] | None:
        """Rows with the event, shape (m,); None where that is not known."""

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not len(batch.cells):
            return cls.empty()
        marked = cls.marked(batch)
        at: NDArray[Any] = np.empty(0, np.int64) if marked is None else np.flatnonzero(marked)
        item = batch.item_hash[batch.item[at]]
        keys = distinct(item)
        codes = batch.row_cell[at].astype(np.int64) * len(keys) + np.searchsorted(keys, item)
        return cls(*tabulate(batch.cells.keys, keys, [codes]))


@dataclass(frozen=True)
class ItemClicks(_ItemEvents):
    """Clicked rows by cell and item."""

    name = "item_clicks"
    outcome = "click"

    @classmethod
    def marked(cls, batch: Batch) -> NDArray[np.bool_] | None:
        return batch.click


@dataclass(frozen=True)
class ItemConversions(_ItemEvents):
    """Converted rows by cell and item."""

    name = "item_conversions"
    outcome = "conversion"

    @classmethod
    def marked(cls, batch: Batch) -> NDArray[np.bool_] | None:
        return batch.converted
