"""What a function of yours is given: a batch, with the columns that it declared by their own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch, Values, column_key
from detectors.core.texts import Texts


class View:
    """A batch of n requests and m rows (items shown), as a function of yours sees it. Nothing in it can be changed.

    Every attribute of `Batch` is here: `position`, `score` and `click`, shape (m,); `length` and `time`, shape (n,).

    >>> from detectors.core.cells import Cells
    >>> batch = Batch(Cells((), ((),)), np.zeros(2, int), np.array([0, 2, 3]), np.zeros(3, int), np.zeros(1, np.uint64),
    ...     ["a"], np.array([1, 2, 1]), np.zeros(2, np.uint64), np.ones(2, bool), np.zeros(2, np.uint64),
    ...     np.zeros(2, np.int64), columns={"number:price": np.array([5.0, 2000.0, 7.0])})
    >>> view = View(batch, {"price": float})
    >>> view.any_row(view["price"] > 1000).tolist(), view.all_rows(view["price"] < 10).tolist()
    ([True, False], [False, True])
    """

    def __init__(self, batch: Batch, columns: Mapping[str, type]) -> None:
        self._batch, self._columns = batch, columns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __getitem__(self, name: str) -> Values:
        """A column that was declared, shape (m,): NaN, False or no text where a row has no value."""
        if name not in self._columns:
            raise KeyError(f"column {name!r} was not declared: name it in columns={{{name!r}: float}}")
        return self._batch.columns[column_key(name, self._columns[name])]

    @property
    def items(self) -> Texts:
        """The item of each row, shape (m,)."""
        return Texts(self._batch.item, self._batch.item_hash, self._batch.item_names)

    def any_row(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Requests that have a marked row, shape (n,)."""
        return self.count_rows(rows) > 0

    def all_rows(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Requests that have rows, all of them marked, shape (n,)."""
        return (self.count_rows(rows) == self._batch.length) & (self._batch.length > 0)

    def count_rows(self, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Marked rows of each request, shape (n,)."""
        return np.diff(np.concatenate([[0], np.cumsum(rows)])[self._batch.offsets])

    def sum_rows(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Sum over the rows of each request, 0 where it has none, shape (n,)."""
        return np.bincount(self._batch.row_request, values, self._batch.n_requests).astype(float)

    def spread_rows(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Standard deviation inside each list, NaN where it has none, shape (n,).

        In two passes: the difference of squares loses all digits where prices are large and alike.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.sum_rows(values) / self._batch.length
            off = np.asarray(values, float) - mean[self._batch.row_request]
            return np.sqrt(self.sum_rows(off**2) / self._batch.length)

    def first_row(self, values: Values) -> Values:
        """The value of each request's first row; NaN, False or no text where it has none, shape (n,)."""
        there = self._batch.length > 0
        at = np.where(there, self._batch.offsets[:-1], 0)
        if isinstance(values, Texts):
            codes = np.append(values.codes, -1)
            return Texts(np.where(there, codes[at], -1), values.hashes, values.names)
        values = np.append(values, np.zeros(1, values.dtype))
        return np.where(there, values[at], np.nan if values.dtype.kind == "f" else values.dtype.type(0))
