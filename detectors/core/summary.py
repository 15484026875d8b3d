"""A summary: all statistics of one window, and what every detector asks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial, reduce
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.cells import Cells, Slices
from detectors.core.expected import CONTEXTUAL, MIXED, NOTHING_EXPECTED, PERSONALISED, Expected
from detectors.core.statistic import Statistic, Uncounted, as_members
from detectors.statistics.keyed import KeyedCounts
from detectors.statistics.panel import Panel

KEPT_TOTALS = 1 << 23  # numbers: 64 MB for each kind of count
KEPT_SAMPLES = 1 << 24  # marks of requests: 16 MB

Sample = tuple[NDArray[np.bool_], NDArray[np.bool_], float]  # as `Panel.sample_of` takes it

S = TypeVar("S", bound=Statistic)
Made = TypeVar("Made", bound=Statistic | Uncounted)


class Run(Protocol):
    """Makes a statistic, and may leave it out."""

    def __call__(self, kind: type[Statistic], make: Callable[[], Made]) -> Made | None: ...


def straight(kind: type[Statistic], make: Callable[[], Made]) -> Made | None:
    """Make a statistic, and let everything pass that it raises."""
    return make()


@dataclass(frozen=True)
class Part:
    """What one batch adds to a `Summary`, which has the same fields: `Summary.merge_all` counts it."""

    cells: Cells
    has: frozenset[str]
    statistics: Mapping[type[Statistic], Statistic | Uncounted]
    rate: float
    kinds: Mapping[tuple[str, ...], str]

    @classmethod
    def of(
        cls,
        batch: Batch,
        types: Iterable[type[Statistic]],
        rate: float = 1.0,
        expected: Expected = NOTHING_EXPECTED,
        run: Run = straight,
        so_far: Summary | Part | None = None,
    ) -> Part:
        """Summarise one batch: a census sees all of it; what is organic, no row that is meant to be the same; what is
        `meant`, those rows alone.

        Parameters
        ----------
        so_far : Summary, optional
            What this one is going to be merged with, and need not say again.
        """
        known = {} if so_far is None else so_far.statistics
        batch = batch.read_only()
        seen = {(True, ""): batch, (False, ""): batch.sample(rate).read_only()}
        made = {}
        for t in types:
            part = "organic" if t.organic else "meant" if t.meant else ""
            if (view := (t.census, part)) not in seen:
                rows = seen[t.census, ""]
                seen[view] = (expected.organic(rows) if t.organic else expected.meant(rows)).read_only()
            if (statistic := run(t, partial(_contribution, t, known.get(t), seen[view]))) is not None:
                made[t] = statistic
        kinds = zip(batch.cells.values, expected.kind_of_cells(batch.cells), strict=True)
        return cls(batch.cells, batch.has, made, rate, {v: kind for v, kind in kinds if kind != PERSONALISED})


def _contribution(
    kind: type[Statistic], so_far: Statistic | Uncounted | None, batch: Batch
) -> Statistic | Uncounted:
    return (so_far if isinstance(so_far, Statistic) else kind.empty()).contribution(batch)


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
        run: Run = straight,
    ) -> Summary:
        """The summary of one batch, as of its only `Part`."""
        return cls.merge_all([Part.of(batch, types, rate, expected, run)], run)

    @classmethod
    def merge_all(
        cls, parts: Sequence[Summary | Part], run: Run = straight, apply: Callable[..., Iterable[Any]] = map
    ) -> Summary:
        """The summary of all parts; several at once cost less than one after the other.

        Parameters
        ----------
        apply : callable
            Applies a function to each of several things, as `map` does; that of a pool merges several kinds at once.
        """
        if len(parts) == 1 and isinstance(parts[0], Summary):
            return parts[0]
        kinds = dict.fromkeys(kind for part in parts for kind in part.statistics)

        def merged(kind: type[Statistic]) -> Statistic | None:
            return run(
                kind, partial(kind.merge_all, [p.statistics[kind] for p in parts if kind in p.statistics])
            )

        made = {
            kind: state for kind, state in zip(kinds, apply(merged, kinds), strict=True) if state is not None
        }
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
        if not self.kinds:
            return self
        gone = frozenset(v for v in self.cells.values if self.kinds.get(v, PERSONALISED) == kind)
        return self._again(self.left_out | gone) if gone else self

    @property
    def kind_of_slices(self) -> tuple[str, ...]:
        """What lists depend on in each slice: "mixed" where not all of its traffic is alike."""
        if (key := ("kind_of_slices", self.left_out)) not in self.memo:
            self.memo[key] = self._kind_of_slices()
        found: tuple[str, ...] = self.memo[key]
        return found

    def _kind_of_slices(self) -> tuple[str, ...]:
        of_cell = np.array([self.kinds.get(v, PERSONALISED) for v in self.cells.values], object)
        out = np.full(len(self.slices), MIXED, object)
        for kind in set(of_cell.tolist()):
            others = self.slices.members & (of_cell != kind)
            out[self.slices.members.any(axis=1) & ~others.any(axis=1)] = kind
        return tuple(out.tolist())

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

    def samples(self) -> Iterable[Sample]:
        """Users and requests of the panel for one slice after the other."""
        return map(self.sample, range(len(self.slices)))

    def sample(self, s: int) -> Sample:
        """Those of one slice; kept while they are few."""
        if s in self._samples:
            return self._samples[s]
        panel = self[Panel]
        sample = panel.sample_of(self.members(panel)[s])
        if len(self.slices) * len(panel.request) <= KEPT_SAMPLES:
            self._samples[s] = sample
        for marks in sample[:2]:
            marks.setflags(write=False)  # shared by detectors
        return sample

    @cached_property
    def _samples(self) -> dict[int, Sample]:
        return {}

    @cached_property
    def users(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Different users in the sample of each slice, and of them those that are known, shape (slices,) each."""
        panel = self[Panel]
        found = [
            (panel.distinct_users(u), panel.distinct_users(u & panel.user_known))
            for u, _, _ in self.samples()
        ]
        every, known = np.array(found, np.int64).T
        return every, known

    @cached_property
    def workings(self) -> dict[Any, Any]:
        """Large results that several detectors need, made by the first of them; `lean` leaves them behind."""
        return {}

    @cached_property
    def memo(self) -> dict[Any, Any]:
        """Small results that were worked out of it once: a window is asked again as an earlier one of others.

        Shared with what `without` and `lean` make of it: keys say what was left out.
        """
        return {}

    def lean(self) -> Summary:
        """The same without what was worked out of it but `memo`: what it takes does not stay in memory with it."""
        return self._again(self.left_out)

    def _again(self, left_out: frozenset[tuple[str, ...]]) -> Summary:
        out = replace(self, left_out=left_out)
        out.__dict__["memo"] = self.memo
        return out

    @cached_property
    def clustering(self) -> NDArray[np.float64]:
        """Requests for each independent answer, by slice (Kish's design effect for clusters), shape (slices,).

        Requests of one user resemble each other, and so do those that look at the same thing where lists depend on
        that: n requests are worth n / clustering independent ones.

        References
        ----------
        L. Kish, "Survey Sampling", 1965, section 5.4, with the requests of a cluster taken as alike. Of things looked
        at, only the requests of sampled users are known: pairs of requests are brought up by the rate of the sample.
        """
        panel, contextual = self[Panel], self.is_contextual
        out = np.ones(len(self.slices))
        for s, (users, requests, rate) in enumerate(self.samples()):
            users = users & ~contextual[panel.user_group]
            known = users & panel.user_known  # a request without a user belongs with no other
            of_user = np.bincount(panel.person[known], panel.user_requests[known])
            apart = panel.user_requests[users].sum() - of_user.sum()
            squares, total = (of_user**2).sum() + apart, of_user.sum() + apart
            if contextual.any():
                looking = requests & contextual[panel.request_group]
                seen = panel.context[looking & (panel.context != 0)]
                together = np.diff(np.flatnonzero(np.diff(np.sort(seen), prepend=0)), append=len(seen))
                total += looking.sum()
                squares += (together * (together - 1)).sum() / rate + looking.sum()
            if total:
                out[s] = squares / total
        return out

    @cached_property
    def is_contextual(self) -> NDArray[np.bool_]:
        """Which cells of the panel have lists that depend on what is looked at, shape (groups,)."""
        alike = [v for v in self.cells.values if self.kinds.get(v) == CONTEXTUAL]
        return np.isin(self[Panel].groups, Cells(self.cells.columns, tuple(alike)).keys)

    @cached_property
    def answers(self) -> Sequence[NDArray[np.bool_]]:
        """Lists of the panel that stand for themselves, for each slice: those of a sample of its users, and of those
        that depend on what is looked at one for each thing; arrays of shape (requests,).
        """
        panel = self[Panel]
        thing = np.where(self.is_contextual[panel.request_group], panel.context, np.uint64(0))
        looking = np.flatnonzero(thing)
        looking = looking[
            np.lexsort((panel.request[looking], thing[looking]))
        ]  # which of them is as good as chance
        out = []
        for _, sampled, _ in self.samples():
            requests = sampled.copy()
            here = looking[requests[looking]]
            again = np.zeros(len(here), bool)
            again[1:] = thing[here][1:] == thing[here][:-1]
            requests[here[again]] = False
            out.append(requests)
        return out
