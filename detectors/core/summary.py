"""A summary: all statistics of one window, and what every detector asks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.cells import Cells, Slices
from detectors.core.expected import MIXED, NOTHING_EXPECTED, PERSONALISED, Expected
from detectors.core.pairs import CellPairs, pairs_of
from detectors.core.statistic import Statistic, as_members
from detectors.statistics.keyed import KeyedCounts
from detectors.statistics.panel import Panel

KEPT_TOTALS = 1 << 23  # numbers: 64 MB for each kind of count

S = TypeVar("S", bound=Statistic)
T = TypeVar("T")


@dataclass(frozen=True)
class Summary:
    """Statistics of one window, by type, over the same cells.

    Parameters
    ----------
    cells : Cells
    has : frozenset of str
        Columns that the log has, by role.
    statistics : mapping of type to Statistic
    rate : float
        Share of users behind the statistics that are no census.
    kinds : mapping of a cell's values to str
        What lists depend on where it is not the user: "contextual" or "popular".
    left_out : frozenset of a cell's values
        Cells that no slice counts.
    """

    cells: Cells = field(default_factory=Cells)
    has: frozenset[str] = frozenset()
    statistics: Mapping[type[Statistic], Statistic] = field(default_factory=dict)
    rate: float = 1.0
    kinds: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    left_out: frozenset[tuple[str, ...]] = frozenset()

    @classmethod
    def of(
        cls,
        batch: Batch,
        types: Iterable[type[Statistic]],
        rate: float = 1.0,
        expected: Expected = NOTHING_EXPECTED,
    ) -> Summary:
        """Summarise one batch: a census sees all of it; what is organic, no row that is meant to be the same."""
        sampled = batch.sample(rate)
        seen = {(True, False, False): batch, (False, False, False): sampled}
        made = {}
        for t in types:
            if (view := (t.census, t.organic, t.meant)) not in seen:
                everything = seen[t.census, False, False]
                seen[view] = expected.meant(everything) if t.meant else expected.organic(everything)
            made[t] = t.from_batch(seen[view])
        kinds = zip(batch.cells.values, expected.kind_of_cells(batch.cells), strict=True)
        return cls(batch.cells, batch.has, made, rate, {v: kind for v, kind in kinds if kind != PERSONALISED})

    @classmethod
    def merge_all(cls, parts: Sequence[Summary]) -> Summary:
        """The summary of all parts; several at once cost less than one after the other."""
        if len(parts) == 1:
            return parts[0]
        kinds = dict.fromkeys(kind for part in parts for kind in part.statistics)
        made = {k: k.merge_all([p.statistics[k] for p in parts if k in p.statistics]) for k in kinds}
        return cls(
            reduce(Cells.merge, (p.cells for p in parts), Cells()),
            frozenset().union(*(p.has for p in parts)),
            made,
            min((p.rate for p in parts), default=1.0),
            {values: kind for p in parts for values, kind in p.kinds.items()},
        )

    def merge(self, other: Summary) -> Summary:
        """The summary of both parts."""
        return self.merge_all([self, other])

    def __getitem__(self, kind: type[S]) -> S:
        found = self.statistics.get(kind)
        return found if isinstance(found, kind) else kind.empty()

    @cached_property
    def slices(self) -> Slices:
        slices = self.cells.slices
        if not self.left_out:
            return slices
        return replace(slices, members=slices.members & [v not in self.left_out for v in self.cells.values])

    def without(self, kind: str) -> Summary:
        """The same with slices that leave out all traffic of one kind: they keep their names, and may be empty."""
        gone = frozenset(v for v in self.cells.values if self.kinds.get(v, PERSONALISED) == kind)
        return replace(self, left_out=self.left_out | gone) if gone else self

    @cached_property
    def kind_of_slices(self) -> tuple[str, ...]:
        """What lists depend on in each slice: "mixed" where not all of its traffic is alike."""
        of_cell = np.array([self.kinds.get(v, PERSONALISED) for v in self.cells.values], object)
        found = [set(of_cell[cells].tolist()) for cells in self.slices.members]
        return tuple(kinds.pop() if len(kinds) == 1 else MIXED for kinds in found)

    def members(self, statistic: Statistic) -> NDArray[np.bool_]:
        """Which cells of a statistic make up which slice, shape (slices, groups)."""
        return as_members(self.slices.members, self.cells.keys, statistic.groups)

    def totals(self, statistic: type[KeyedCounts], kind: int = 0) -> Iterable[NDArray[np.float64]]:
        """Counts by key for one slice after the other, each of shape (keys,); added up once while they are few."""
        found = self[statistic]
        if (statistic, kind) not in self._totals:
            by_slice = found.by_slice(self.members(found), kind)
            if len(self.slices) * len(found.keys) > KEPT_TOTALS:
                return by_slice
            kept = self._totals[statistic, kind] = list(by_slice)
            for totals in kept:
                totals.setflags(write=False)  # shared by detectors
        return self._totals[statistic, kind]

    @cached_property
    def _totals(self) -> dict[tuple[type[KeyedCounts], int], list[NDArray[np.float64]]]:
        return {}

    def derived(self, what: str, make: Callable[[], T], of: object = None) -> T:
        """What was made of it once, kept as long as it is: windows of the day before are looked at again and again.

        Parameters
        ----------
        what : str
            Names it.
        make : callable
            Makes it where it is not there yet.
        of : object
            What else it was made from, such as a catalogue: made of another one it is made anew.
        """
        if what not in self._derived or self._derived[what][0] is not of:
            self._derived[what] = of, make()
        made: T = self._derived[what][1]
        return made

    @cached_property
    def _derived(self) -> dict[str, tuple[object, Any]]:
        return {}

    @cached_property
    def clustering(self) -> NDArray[np.float64]:
        """Requests for each independent user, by slice (Kish's design effect for clusters), shape (slices,).

        Requests of one user resemble each other: n requests are worth n / clustering independent ones.

        References
        ----------
        L. Kish, "Survey Sampling", 1965, section 5.4, with the requests of a user taken as alike.
        """
        panel = self[Panel]
        members = self.members(panel).astype(float)
        # Each user of a cell stands for as many as its sample leaves out; bounds are shares of the range of hashes.
        stands_for = 2.0**64 / np.maximum(panel.bound.astype(float), 1.0)
        known = np.flatnonzero(panel.user_known)
        left, right = (known[side] for side in pairs_of(panel.user[known]))
        requests, cell = panel.user_requests.astype(float), panel.user_group.astype(np.int64)
        squares = CellPairs(members, stands_for).by_slice(
            cell[left], cell[right], requests[left] * requests[right]
        )
        # A request without a user belongs with no other.
        alone = np.bincount(cell, np.where(panel.user_known, 0.0, requests), len(panel.groups)) * stands_for
        total = members @ (np.bincount(cell, requests, len(panel.groups)) * stands_for)
        with np.errstate(invalid="ignore"):
            return np.where(total > 0, (squares + members @ alone) / total, 1.0)
