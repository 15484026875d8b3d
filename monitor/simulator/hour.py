"""One hour of the log while it is being made: a request is a row of arrays, a place in its list a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from monitor.errors import UserError
from monitor.simulator.shop import COUNTRIES, SURFACES

KNOWN, GUEST, MISSING = 0, 1, 2


@dataclass
class Hour:
    """All requests of one hour; n of them with k places each. Events change it in place.

    Parameters
    ----------
    number : int
        Hours since the start of the simulation.
    versions : tuple of str
        Names of the model versions that `version` counts in.
    request : uint64 array, shape (n,)
    offset : int64 array, shape (n,)
        Time in the log, microseconds since the start of the hour; may lie outside it when clocks are wrong.
    user, country, surface, version : int64 arrays, shape (n,)
    who : uint64 array, shape (n,)
        What the list depends on.
    taste : uint8 array, shape (n, TASTE)
    keys : uint64 array, shape (n, k)
        The draws behind the lists.
    lists : int32 array, shape (n, k)
    scores : float32 array, shape (n, k)
    luck : float32 array, shape (n, k)
        The place is clicked when this is below the rate.
    appeal : float64 array, shape (n,)
        Factor on the click rate.
    length : int64 array, shape (n,)
        So many places are shown.
    context : int64 array, shape (n,)
        Item that is being looked at; -1 for none.
    known : int8 array, shape (n,)
        KNOWN, GUEST or MISSING: what the log says of the user.
    written : int64 array, shape (n,)
        How often the request is written; 0 keeps it out of the log.
    odd_items, odd_users : bool arrays, shape (n,)
        Ids written in another format.
    """

    number: int
    versions: tuple[str, ...]
    request: np.ndarray
    offset: np.ndarray
    user: np.ndarray
    country: np.ndarray
    surface: np.ndarray
    version: np.ndarray
    who: np.ndarray
    taste: np.ndarray
    keys: np.ndarray
    lists: np.ndarray
    scores: np.ndarray
    luck: np.ndarray
    appeal: np.ndarray
    length: np.ndarray
    context: np.ndarray
    known: np.ndarray
    written: np.ndarray
    odd_items: np.ndarray
    odd_users: np.ndarray

    def __len__(self) -> int:
        return len(self.request)

    @property
    def slots(self) -> int:
        return int(self.lists.shape[1])

    def at(self, where: Mapping[str, str]) -> np.ndarray:
        """Which requests lie in a place; bool, shape (n,).

        Raises
        ------
        UserError
            When the log has no such column.
        """
        hit = np.ones(len(self), bool)
        for column, value in where.items():
            codes, names = self._column(column)
            hit &= codes == names.index(value) if value in names else False
        return hit

    def _column(self, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
        if name == "country":
            return self.country, COUNTRIES
        if name == "surface":
            return self.surface, SURFACES
        if name == "model_version":
            return self.version, self.versions
        raise UserError(f"where: no column {name!r}; known are country, surface, model_version")

    def take(self, rows: np.ndarray) -> Hour:
        """These requests, in this order."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ARRAYS})

    def with_more(self, other: Hour) -> Hour:
        """These requests and those of another, in order of time."""
        both: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in ARRAYS
        }
        joined = replace(self, **both)
        return joined.take(np.argsort(joined.offset, kind="stable"))


ARRAYS = tuple(f.name for f in fields(Hour) if f.name not in ("number", "versions"))
