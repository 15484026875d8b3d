"""A batch: rows of one window after column mapping, as numpy arrays and integer codes. Requests are whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.cells import Cells
from detectors.core.hashing import U64
from detectors.core.texts import Texts

F = NDArray[np.floating[Any]]
I64 = NDArray[np.int64]

Values = NDArray[Any] | Texts
OF_ROWS = ("item", "position", "score", "click", "click_known", "converted", "worth")
LONG_LIST = 64  # longer lists are looked through for repeats by sorting


@dataclass(frozen=True)
class Batch:
    """Requests with their lists. n requests, m rows (items shown), I distinct items.

    Parameters
    ----------
    cells : Cells
        The finest parts of the traffic that occur in this batch.
    cell : array of int, shape (n,)
        Index into `cells` of each request.
    offsets : array of int64, shape (n + 1,)
        Rows of request r are offsets[r]:offsets[r + 1], ordered by position.
    item : array of int, shape (m,)
        Codes into `item_hash` and `item_names`.
    item_hash : array of uint64, shape (I,)
    item_names : sequence of str, length I
    position : array of int, shape (m,)
        Place in the list, counted from 1.
    user : array of uint64, shape (n,)
        Hash of the user; where there is none (or a shared guest id), of the request, which is then a user of its own.
    user_known : array of bool, shape (n,)
    request : array of uint64, shape (n,)
        Hash of the request id, or of what comes closest.
    time : array of int64, shape (n,)
        Microseconds since the epoch.
    score, click : array, shape (m,), or None
        None where the log has no such column; NaN (score) where a row has none.
    click_known : array of bool, shape (m,), or None
        Whether the log says of a row if it was clicked; None where it says so of all.
    converted : array of bool, shape (m,), or None
        Whether what is hoped for came of it, such as a purchase; None where that is not known.
    worth : array, shape (m,), or None
        What came of it, in money; NaN where nothing did. None where that is not known.
    context : array of uint64, shape (n,), or None
        Hash of what was being looked at, 0 where that is not known; None where the log does not say it.
    id_format : array of uint16, shape (n, 3), or None
        How the ids of each request are written, by `detectors.core.id_formats.ROLES`, those of a sample of requests by
        hash; None where nobody looked.
    has : frozenset of str
        Columns that the log has, by role: "request", "user", "position", "score", "click", ...
        Without "request" every row stands alone and there are no lists.
    missing : mapping of str to array of int64, shape (cells,)
        Rows without a value, by role.
    repeated : array of int64, shape (cells,)
        Rows left out because the same request, position and item had been seen in the batch.
    first : array of int64, shape (n,), or None
        The place of each request that counts as its first; None where that is 1.
    columns : mapping of str to array or Texts, shape (m,)
        What detectors asked for beside the above, by `column_key`.
    """

    cells: Cells
    cell: NDArray[np.integer[Any]]
    offsets: I64
    item: NDArray[np.integer[Any]]
    item_hash: U64
    item_names: Sequence[str]
    position: NDArray[np.integer[Any]]
    user: U64
    user_known: NDArray[np.bool_]
    request: U64
    time: I64
    score: F | None = None
    click: NDArray[np.bool_] | None = None
    click_known: NDArray[np.bool_] | None = None
    converted: NDArray[np.bool_] | None = None
    worth: F | None = None
    context: U64 | None = None
    id_format: NDArray[np.uint16] | None = None
    has: frozenset[str] = frozenset()
    missing: Mapping[str, I64] = field(default_factory=dict)
    repeated: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    first: I64 | None = None
    columns: Mapping[str, Values] = field(default_factory=dict)

    @property
    def n_requests(self) -> int:
        return len(self.cell)

    @property
    def n_rows(self) -> int:
        return len(self.item)

    @cached_property
    def length(self) -> I64:
        """Rows of each request, shape (n,)."""
        return _read_only(np.diff(self.offsets))

    @cached_property
    def row_request(self) -> I64:
        """Request of each row, shape (m,)."""
        return _read_only(np.repeat(np.arange(self.n_requests), self.length))

    @cached_property
    def row_cell(self) -> NDArray[np.integer[Any]]:
        """Cell of each row, shape (m,)."""
        return _read_only(np.repeat(self.cell, self.length))

    @cached_property
    def requests_by_cell(self) -> I64:
        """Shape (cells,)."""
        return _read_only(np.bincount(self.cell, minlength=len(self.cells)))

    @property
    def at_first(self) -> NDArray[np.bool_]:
        """Whether a row is at the first place of its request, shape (m,)."""
        return np.asarray(self.position == (1 if self.first is None else self.first[self.row_request]))

    @cached_property
    def repeats_item(self) -> NDArray[np.bool_]:
        """Whether a row's item stands in the same list before it, shape (m,).

        Compares rows at every distance up to the length of a list: no sort, since repeats are rare. Only very long
        lists are sorted.
        """
        out = np.zeros(self.n_rows, bool)
        if not self.n_requests or "request" not in self.has:
            return out
        for distance in range(1, min(int(self.length.max()), LONG_LIST)):
            hits = np.flatnonzero(self.item[distance:] == self.item[:-distance]) + distance
            if len(hits):
                request = np.searchsorted(self.offsets, hits, "right") - 1
                out[hits[hits - distance >= self.offsets[request]]] = True
        rows = (
            np.flatnonzero((self.length > LONG_LIST)[self.row_request])
            if self.length.max() > LONG_LIST
            else ()
        )
        if len(rows):
            item, request = self.item[rows], self.row_request[rows]
            order = np.lexsort((item, request))  # stable: of equals, the earlier row first
            item, request = item[order], request[order]
            out[rows[order[1:]][(item[1:] == item[:-1]) & (request[1:] == request[:-1])]] = True
        return _read_only(out)

    def select(self, requests: NDArray[np.bool_]) -> Batch:
        """The batch of these requests alone; `missing` and `repeated` count all rows and are left out."""
        chosen = np.flatnonzero(requests)
        length = self.length[chosen]
        offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        rows = np.repeat(self.offsets[chosen] - offsets[:-1], length) + np.arange(offsets[-1])
        return replace(
            self,
            cell=self.cell[chosen],
            offsets=offsets,
            user=self.user[chosen],
            user_known=self.user_known[chosen],
            request=self.request[chosen],
            time=self.time[chosen],
            context=None if self.context is None else self.context[chosen],
            id_format=None if self.id_format is None else self.id_format[chosen],
            missing={},
            repeated=np.zeros(len(self.cells), np.int64),
            first=None if self.first is None else self.first[chosen],
            **self._columns_of(rows),
        )

    def without_rows(self, gone: NDArray[np.bool_], first: I64) -> Batch:
        """All requests without some of their rows; `missing` and `repeated` count all rows and are left out.

        Parameters
        ----------
        gone : array of bool, shape (m,)
        first : array of int64, shape (n,)
            Which place counts as a request's first then.
        """
        kept = ~gone
        return replace(
            self,
            offsets=np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)[self.offsets],
            missing={},
            repeated=np.zeros(len(self.cells), np.int64),
            first=first,
            **self._columns_of(kept),
        )

    def _columns_of(self, rows: NDArray[Any] | slice) -> dict[str, Any]:
        """What there is of each row, for some of them."""
        columns = {name: getattr(self, name) for name in OF_ROWS}
        own = {key: values[rows] for key, values in self.columns.items()}
        return {
            **{name: None if column is None else column[rows] for name, column in columns.items()},
            "columns": own,
        }

    def read_only(self) -> Batch:
        """Itself, with arrays that cannot be written into: all statistics get the same ones."""
        for value in [*(getattr(self, f.name) for f in fields(self)), *self.columns.values(),
                      *self.missing.values()]:  # fmt: skip
            for array in (value.codes, value.hashes) if isinstance(value, Texts) else (value,):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)
        for name in ("columns", "missing"):  # frozen, and so are the mappings in it from here on
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        return self

    def without_all_rows(self) -> Batch:
        """All requests, each with an empty list."""
        none = np.zeros(self.n_requests + 1, np.int64)
        return replace(
            self, offsets=none, missing={}, repeated=np.zeros(len(self.cells), np.int64),
            **self._columns_of(slice(0)),
        )  # fmt: skip

    def sample(self, rate: float) -> Batch:
        """The requests of a share of the users, chosen by hash: what a lower rate keeps, a higher one keeps too."""
        return self if rate >= 1 else self.select(self.in_sample(rate))

    def in_sample(self, rate: float) -> NDArray[np.bool_]:
        """Which requests `sample` keeps, shape (n,)."""
        return np.ones(self.n_requests, bool) if rate >= 1 else self.user < np.uint64(rate * 2.0**64)


KINDS: Mapping[type, str] = {float: "number", bool: "flag", str: "text"}


def column_key(name: str, kind: type) -> str:
    """Under which key `Batch.columns` has a column that was declared as `float`, `bool` or `str`.

    >>> column_key("price", float), column_key("catalog.adult", bool)
    ('number:price', 'flag:catalog.adult')
    """
    return f"{KINDS[kind]}:{name}"


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
