"""The mergeable states behind functions of yours, by random group of users: sums, users, histograms, counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch, column_key
from detectors.core.hashing import U64, distinct
from detectors.core.random_groups import GROUPS, group_of
from detectors.core.statistic import Statistic, align
from detectors.own.answer import Answer
from detectors.statistics.bottom_k import EVERYONE, united
from detectors.statistics.keyed import KeyedCounts, tabulate
from detectors.statistics.score_histogram import BINS, bin_of
from detectors.statistics.tally import per_cell, rows_marked

LIMBS = (
    -64,
    -32,
    0,
    32,
)  # a number is a sum of digits times these powers of two: what is added so has no rounding
AT_ONCE = 1 << 16  # numbers, which then stay in the processor's cache
SPARE = 1.5  # times as many requests are looked at as users are kept, before all of them are
USERS = 4096  # kept for each cell: a share is then known to within 0.8 % (one standard error)


class Asked:
    """What a state is made of: the answer of a function to each batch."""

    columns: ClassVar[Mapping[str, type]] = {}
    answer: ClassVar[Callable[[Batch], Answer]]

    @classmethod
    def can_ask(cls, batch: Batch) -> bool:
        """Whether there is a batch at all, with all columns that were declared."""
        there = all(column_key(name, kind) in batch.columns for name, kind in cls.columns.items())
        return bool(len(batch.cells)) and there


@dataclass(frozen=True)
class GroupShares(Asked, Statistic):
    """How many are marked, of how many, and how many requests have a mark.

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    counts : array of int64, shape (cells, GROUPS, 3)
    """

    groups: U64
    counts: I64

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.uint64), np.zeros((0, GROUPS, 3), np.int64))

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        cells = len(batch.cells)
        if not cls.can_ask(batch):
            return cls(batch.cells.keys, np.zeros((cells, GROUPS, 3), np.int64))
        answer = cls.answer(batch)
        code = batch.cell.astype(np.int64) * GROUPS + group_of(batch.user)
        of_rows = answer.of_rows
        hits = rows_marked(batch, answer.marked) if of_rows else answer.marked
        if answer.among is None:
            among: NDArray[Any] | None = batch.length if of_rows else None
        else:
            among = rows_marked(batch, answer.among) if of_rows else answer.among
        counted = [np.bincount(code, n, cells * GROUPS).astype(np.int64) for n in (hits, among, hits > 0)]
        return cls(batch.cells.keys, np.stack(counted, axis=1).reshape(cells, GROUPS, 3))

    def merge(self, other: Self) -> Self:
        keys, ours, theirs = align(self.groups, other.groups)
        counts = np.zeros((len(keys), GROUPS, 3), np.int64)
        counts[ours] += self.counts
        counts[theirs] += other.counts
        return type(self)(keys, counts)

    def by_slice(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Shape (slices, GROUPS, 3)."""
        return np.tensordot(members.astype(float), self.counts.astype(float), 1)


@dataclass(frozen=True)
class GroupSums(Asked, Statistic):
    """Numbers added up without rounding, so that the order in which parts are merged cannot matter.

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    counts : array of int64, shape (cells, GROUPS)
        Numbers that are not NaN.
    digits : array of int64, shape (cells, GROUPS, len(LIMBS))
        Their sum is digits @ 2.0**LIMBS; what is smaller than 2^-64 is left out.
    """

    groups: U64
    counts: I64
    digits: I64

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.uint64), *cls._nothing(0))

    @classmethod
    def _nothing(cls, cells: int) -> tuple[I64, I64]:
        return np.zeros((cells, GROUPS), np.int64), np.zeros((cells, GROUPS, len(LIMBS)), np.int64)

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        cells = len(batch.cells)
        if not cls.can_ask(batch):
            return cls(batch.cells.keys, *cls._nothing(cells))
        answer = cls.answer(batch)
        code = batch.cell.astype(np.int64) * GROUPS + group_of(batch.user)
        if answer.of_rows:
            code = np.repeat(code, batch.length)
        numbers, known = answer.numbers, ~np.isnan(answer.numbers)
        if not known.all():
            code, numbers = code[known], numbers[known]
        counts = np.bincount(code, minlength=cells * GROUPS).reshape(cells, GROUPS)
        digits = np.zeros((cells * GROUPS, len(LIMBS)), np.int64)
        step = max(AT_ONCE, cells * GROUPS)
        for first in range(0, len(numbers), step):
            part = slice(first, first + step)
            _add_digits(digits, code[part], numbers[part])
        return cls(batch.cells.keys, counts, digits.reshape(cells, GROUPS, len(LIMBS)))

    def merge(self, other: Self) -> Self:
        keys, ours, theirs = align(self.groups, other.groups)
        counts, digits = self._nothing(len(keys))
        for part, at in ((self, ours), (other, theirs)):
            counts[at] += part.counts
            digits[at] += part.digits
        return type(self)(keys, counts, digits)

    def by_slice(self, members: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums and counts, each of shape (slices, GROUPS)."""
        inside = members.astype(np.int64)
        digits = np.tensordot(inside, self.digits, 1)
        return digits.astype(float) @ np.ldexp(1.0, LIMBS), (inside @ self.counts).astype(float)


def _add_digits(digits: I64, code: I64, rest: NDArray[np.float64]) -> None:
    """Add numbers to the digits of their groups, the largest power first."""
    for i, power in reversed([*enumerate(LIMBS)]):
        if not rest.any():
            break
        digit = np.trunc(rest * 2.0**-power)  # exact: a power of two
        if digit.any():
            digits[:, i] += np.bincount(code, digit, len(digits)).astype(np.int64)
            rest = rest - digit * 2.0**power


@dataclass(frozen=True)
class UserMarks(Asked, Statistic):
    """The `USERS` known users of each cell with the smallest hashes, and which of them have a marked request.

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    bound : array of uint64, shape (cells,)
        Every user of the cell with a hash up to this one is kept.
    user_group, user, marked, among : arrays, shape (users,)
        Sorted by group and hash.

    References
    ----------
    E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
    """

    approximate = f"a sample of {USERS} users a cell where there are more"

    groups: U64
    bound: U64
    user_group: NDArray[np.int32]
    user: U64
    marked: NDArray[np.bool_]
    among: NDArray[np.bool_]

    @classmethod
    def empty(cls) -> Self:
        none = np.empty(0, np.uint64)
        return cls(none, none, np.empty(0, np.int32), none, none.astype(bool), none.astype(bool))

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        keys = batch.cells.keys
        bound = np.full(len(keys), EVERYONE)
        if not cls.can_ask(batch):
            none = np.empty(0, np.uint64)
            return cls(keys, bound, np.empty(0, np.int32), none, none.astype(bool), none.astype(bool))
        answer = cls.answer(batch)
        among = np.ones(batch.n_requests, bool) if answer.among is None else answer.among
        size = np.bincount(batch.cell, batch.user_known, len(keys))
        many = size > SPARE * USERS
        limit = np.full(len(keys), EVERYONE)  # below it are likely all users of a cell that are kept
        limit[many] = (SPARE * USERS / size[many] * 2.0**64).astype(np.uint64)
        for limits in (limit, bound) if many.any() else (bound,):
            at = np.flatnonzero(batch.user_known & (batch.user <= limits[batch.cell]))
            made = cls._keep(
                keys, bound, batch.cell[at].astype(np.int64), batch.user[at],
                (answer.marked & among)[at], among[at],
            )  # fmt: skip
            if (made.bound[many] < EVERYONE).all():  # each has more users than are kept
                break
        return made

    def merge(self, other: Self) -> Self:
        return self.merge_all([self, other])

    @classmethod
    def merge_all(cls, parts: Sequence[Self]) -> Self:
        groups, at, bound = united(parts)
        group = np.concatenate([here[p.user_group] for p, here in zip(parts, at, strict=True)])
        columns = [np.concatenate([getattr(p, c) for p in parts]) for c in ("user", "marked", "among")]
        inside = columns[0] <= bound[group]  # of a part that kept more, those that the others may lack
        return cls._keep(groups, bound, group[inside], *(column[inside] for column in columns))

    @classmethod
    def _keep(
        cls, groups: U64, bound: U64, group: I64, user: U64, marked: NDArray[np.bool_], among: NDArray[np.bool_]
    ) -> Self:  # fmt: skip
        order = np.lexsort((user, group))
        group, user = group[order], user[order]
        new = np.ones(len(order), bool)
        new[1:] = (user[1:] != user[:-1]) | (group[1:] != group[:-1])
        starts = np.flatnonzero(new)
        marks = [np.logical_or.reduceat(m[order], starts) if len(starts) else m[:0] for m in (marked, among)]
        group, user = group[starts], user[starts]
        first = np.searchsorted(group, np.arange(len(groups) + 1))
        kept = np.arange(len(group)) - first[group] < USERS
        full = np.flatnonzero(np.diff(first) > USERS)
        bound = bound.copy()
        bound[full] = user[first[full] + USERS - 1]
        return cls(groups, bound, group[kept].astype(np.int32), user[kept], *(m[kept] for m in marks))

    def by_slice(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Users that are marked and users among whom, of a uniform sample of each slice, shape (slices, 2)."""
        out = np.zeros((len(members), 2))
        for s, groups in enumerate(members):
            here = groups[self.user_group] & (self.user <= self.bound[groups].min(initial=EVERYONE))
            out[s] = [len(distinct(self.user[here & m])) for m in (self.marked, self.among)]
        return out


@dataclass(frozen=True)
class Numbers(Asked, KeyedCounts):
    """Numbers by cell and bin of the score histogram; NaN is in no bin."""

    approximate = "a number is known to within 1.6 % of its size"

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        keys = np.arange(BINS, dtype=np.uint64)
        codes = np.empty(0, np.int64)
        if cls.can_ask(batch):
            answer = cls.answer(batch)
            known = ~np.isnan(answer.numbers)
            cell = batch.row_cell if answer.of_rows else batch.cell
            codes = cell[known].astype(np.int64) * BINS + bin_of(answer.numbers[known])
        return cls(*tabulate(batch.cells.keys, keys, [codes]))


@dataclass(frozen=True)
class Counts(Asked, Statistic):
    """How many are marked, and the requests that have any. Never sampled.

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    counts : array of int64, shape (cells, 2)
    """

    census = True

    groups: U64
    counts: I64

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.uint64), np.zeros((0, 2), np.int64))

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not cls.can_ask(batch):
            return cls(batch.cells.keys, np.zeros((len(batch.cells), 2), np.int64))
        answer = cls.answer(batch)
        number = rows_marked(batch, answer.marked) if answer.of_rows else answer.marked.astype(np.int64)
        counted = (per_cell(batch, number), per_cell(batch, number > 0))
        return cls(batch.cells.keys, np.stack(counted, axis=1))

    def merge(self, other: Self) -> Self:
        keys, ours, theirs = align(self.groups, other.groups)
        counts = np.zeros((len(keys), 2), np.int64)
        counts[ours] += self.counts
        counts[theirs] += other.counts
        return type(self)(keys, counts)

    def by_slice(self, members: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Shape (slices, 2)."""
        return members.astype(float) @ self.counts.astype(float)
