"""Bottom-k samples of users by hash: what samples of several parts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from detectors.core.batch import I64
from detectors.core.hashing import U64, distinct

EVERYONE = np.uint64(2**64 - 1)  # a bound that no hash is above


class Sample(Protocol):
    """Of each group the users with a hash up to its bound."""

    @property
    def groups(self) -> U64: ...

    @property
    def bound(self) -> U64: ...


def united(parts: Sequence[Sample]) -> tuple[U64, list[I64], U64]:
    """The groups of all parts, where those of each part stand among them, and the least bound of each group.

    Beyond the least bound a user is missing from one part, whatever the others kept.

    >>> from types import SimpleNamespace
    >>> a, b = (SimpleNamespace(groups=np.array(g, np.uint64), bound=np.array(u, np.uint64))
    ...         for g, u in (([1, 2], [50, 60]), ([2, 3], [40, 70])))
    >>> groups, at, bound = united([a, b])
    >>> groups.tolist(), [here.tolist() for here in at], bound.tolist()
    ([1, 2, 3], [[0, 1], [1, 2]], [50, 40, 70])
    """
    groups = distinct(np.concatenate([p.groups for p in parts]))
    at = [np.searchsorted(groups, p.groups) for p in parts]
    bound = np.full(len(groups), EVERYONE)
    for part, here in zip(parts, at, strict=True):
        bound[here] = np.minimum(bound[here], part.bound)
    return groups, at, bound
