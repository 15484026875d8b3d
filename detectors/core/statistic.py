"""A statistic: a mergeable summary of rows, kept for each cell of the traffic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import Field, fields
from functools import reduce
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core import state
from detectors.core.batch import Batch
from detectors.core.hashing import U64, distinct


class Uncounted(ABC):
    """What a batch adds to a state, counted only when `merge_all` of its statistic adds it up with others.

    Attributes
    ----------
    kind : type of Statistic
    """

    kind: type[Statistic]


class Statistic(ABC):
    """A commutative monoid over batches.

    Subclasses are frozen dataclasses whose fields are numpy arrays, in a canonical order, so that equal states have
    equal arrays. The laws, tested for every statistic that discovery finds: `merge` is associative and commutative with
    `empty()` as its neutral element; `from_batch` of parts merged in any order equals `from_batch` of the whole, for
    any split that keeps requests whole; `from_bytes(to_bytes(s)) == s`. A batch's cells are groups of its state even
    where nothing was counted in them: what was seen to be zero is not the same as what was not looked at.

    Attributes
    ----------
    name : str
        Names the state in its bytes.
    version : int
        Raised when the meaning of the arrays changes.
    census : bool
        True for what must not be sampled: it then sees every row of the window.
    organic : bool
        True for what speaks of sameness: it does not see rows that are meant to be the same, at pinned places and of
        expected items.
    meant : bool
        True for what sees those rows, and no others.
    outcome : str
        Of what people do with their lists, what it is made of: "click", "conversion" or "value". Such outcomes may have
        a log of their own, where they come late.
    approximate : str
        Empty when exact, else what the error is, in one sentence.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    census: ClassVar[bool] = False
    organic: ClassVar[bool] = False
    meant: ClassVar[bool] = False
    outcome: ClassVar[str] = ""
    approximate: ClassVar[str] = ""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]  # every statistic is a dataclass
    groups: U64  # keys of the cells, sorted

    @classmethod
    @abstractmethod
    def empty(cls) -> Self:
        """The summary of no rows."""

    @classmethod
    @abstractmethod
    def from_batch(cls, batch: Batch) -> Self:
        """Summarise a batch."""

    def contribution(self, batch: Batch) -> Self | Uncounted:
        """What a batch adds to this state: by `merge_all` with it, the same as `from_batch`; overridden where less will
        do.
        """
        return self.from_batch(batch)

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """The summary of both."""

    @classmethod
    def merge_all(cls, parts: Sequence[Any]) -> Self:
        """The summary of many states, and of what `contribution` gave; overridden where that is cheaper than one after
        the other.
        """
        return reduce(cls.merge, parts, cls.empty()) if len(parts) != 1 else parts[0]

    def to_bytes(self) -> bytes:
        return state.encode(self.name, self.version, {f.name: getattr(self, f.name) for f in fields(self)})

    @classmethod
    def from_bytes(cls, blob: bytes) -> Self:
        """Read what `to_bytes` wrote; ValueError when it is something else."""
        return cls(**state.decode(blob, cls.name, cls.version))

    def equals(self, other: Self) -> bool:
        """Whether both states hold the same arrays."""
        return all(np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))


def align(a: U64, b: U64) -> tuple[U64, NDArray[np.int64], NDArray[np.int64]]:
    """The sorted union of two sorted key arrays, and where each of theirs stands in it.

    >>> import numpy as np
    >>> keys, ia, ib = align(np.array([1, 3], np.uint64), np.array([2, 3], np.uint64))
    >>> keys.tolist(), ia.tolist(), ib.tolist()
    ([1, 2, 3], [0, 2], [1, 2])
    """
    if np.array_equal(a, b):
        same = np.arange(len(a))
        return a, same, same
    keys = distinct(np.concatenate([a, b]))
    return keys, np.searchsorted(keys, a), np.searchsorted(keys, b)


def as_members(members: NDArray[np.bool_], cell_keys: U64, groups: U64) -> NDArray[np.bool_]:
    """`Slices.members` for the groups of a statistic, which may lack cells, shape (slices, groups)."""
    if len(cell_keys) == len(groups) and (cell_keys == groups).all():
        return members
    return members[:, np.searchsorted(cell_keys, groups)]
