"""How alike lists of different users are: within one sample of lists, and between two; exact pairs, no loop over them.

What two lists share is counted over pairs of different users alone. So it says nothing of how often one user came, nor
of how many did: the chance that two lists share an item is the same in a small sample as in a large one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import U64, distinct
from detectors.core.sorting import order_of
from detectors.statistics.panel import Panel

F = NDArray[np.float64]
I64 = NDArray[np.int64]


def added(at: NDArray[np.integer], weight: F, size: int) -> F:
    """Weights added up by index, shape (size,)."""
    return np.bincount(at, weight, size).astype(np.float64, copy=False)


@dataclass(frozen=True)
class Shown:
    """What users were shown: for each user and item the weight of the lists that had it.

    Parameters
    ----------
    user : array of uint64, shape (users,)
        Hashes, sorted.
    lists, rows : array, shape (users,)
        Weights of each user's lists, and of all their rows, added up.
    item : array of uint64, shape (items,)
        Hashes, sorted.
    entry_user, entry_item : array of int, shape (entries,)
        Indices into `user` and `item`; each pair once.
    weight : array, shape (entries,)
        Weight of the lists of that user that have that item; an item twice in one list counts once.
    """

    user: U64
    lists: F
    rows: F
    item: U64
    entry_user: I64
    entry_item: I64
    weight: F

    @classmethod
    def of(
        cls, panel: Panel, requests: NDArray[np.bool_], weights: F | None = None, who: U64 | None = None
    ) -> Self:
        """The marked requests of a panel; those with an empty list say nothing.

        Parameters
        ----------
        requests : array of bool, shape (requests,)
        weights : array, shape (requests,), optional
            One each when not given.
        who : array of uint64, shape (requests,), optional
            Whose list it is; the user's when not given.
        """
        length = np.diff(panel.offsets)
        chosen = np.flatnonzero(requests & (length > 0))
        weight = np.ones(len(chosen)) if weights is None else weights[chosen]
        who = panel.user[panel.request_user[chosen]] if who is None else who[chosen]
        user = distinct(who)
        owner = np.searchsorted(user, who)
        length = length[chosen]
        ends = np.cumsum(length)
        row = np.repeat(panel.offsets[chosen] - (ends - length), length) + np.arange(length.sum())
        of_row = np.repeat(np.arange(len(chosen)), length)
        number = panel.item_number[row]
        used = np.zeros(len(panel.items), bool)
        used[number] = True
        which = (np.cumsum(used) - 1)[number]
        width = np.int64(max(int(used.sum()), 1))
        of_list, which = np.divmod(distinct(of_row * width + which), width)
        code = owner[of_list] * width + which
        order = order_of(code)
        code = code[order]
        start = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]])[: len(code)])
        entry_user, entry_item = np.divmod(code[start], width)
        of_entry = np.add.reduceat(weight[of_list][order], start) if len(start) else np.zeros(0)
        return cls(
            user,
            added(owner, weight, len(user)),
            added(owner[of_list], weight[of_list], len(user)),
            panel.items[used],
            entry_user,
            entry_item,
            of_entry,
        )

    def by_label(self, label: I64) -> Shown:
        """The same of labels, such as categories, in place of items: the weight of the rows that have them.

        Items without a label are left out. In each list the rows of a label count, so `within` pairs rows then, and
        the chance is that of two rows having one label.

        Parameters
        ----------
        label : array of int, shape (items,)
            Of each of `item`, -1 for none.
        """
        known = np.flatnonzero(label[self.entry_item] >= 0)
        user, weight = self.entry_user[known], self.weight[known]
        labels = np.unique(label[label >= 0])
        width = np.int64(max(len(labels), 1))
        code = user * width + np.searchsorted(labels, label[self.entry_item[known]])
        pairs, at = np.unique(code, return_inverse=True)
        entry_user, entry_label = np.divmod(pairs, width)
        return Shown(
            self.user,
            self.lists,
            added(user, weight, len(self.user)),
            labels.astype(np.uint64),
            entry_user,
            entry_label,
            added(at, weight, len(pairs)),
        )

    @cached_property
    def total(self) -> F:
        """Weight of the lists that have each item, shape (items,)."""
        return added(self.entry_item, self.weight, len(self.item))

    @property
    def width(self) -> float:
        """Mean length of a list."""
        return float(self.rows.sum() / self.lists.sum()) if len(self.user) else float("nan")

    def times_of(self, item: U64, total: F) -> F:
        """The total of each entry's item in another sample, 0 where that has no such item, shape (entries,)."""
        if not len(item):
            return np.zeros(len(self.weight))
        at = np.minimum(np.searchsorted(item, self.item), len(item) - 1)
        return np.where(item[at] == self.item, total[at], 0.0)[self.entry_item]


@dataclass(frozen=True)
class Pairs:
    """Shared items, and pairs of lists or rows, over ordered pairs of different users.

    Parameters
    ----------
    shared, pairs : float
    d_shared, d_pairs : arrays, shape (users,)
        What each user takes part in.
    """

    shared: float
    pairs: float
    d_shared: F
    d_pairs: F

    @property
    def chance(self) -> float:
        """Items shared by a pair; NaN where there is no pair."""
        return self.shared / self.pairs if self.pairs > 0 else float("nan")

    @property
    def influence(self) -> F:
        """What each user adds to the chance, shape (users,)."""
        return (self.d_shared - self.chance * self.d_pairs) / self.pairs


def within(shown: Shown, by: F) -> Pairs:
    """Pairs of different users in one sample.

    Parameters
    ----------
    by : array, shape (users,)
        What is paired: `shown.lists`, or `shown.rows`.
    """
    others = shown.weight * (shown.total[shown.entry_item] - shown.weight)
    by_user = added(shown.entry_user, others, len(shown.user))
    pairs = by * (by.sum() - by)
    return Pairs(float(by_user.sum()), float(pairs.sum()), 2 * by_user, 2 * pairs)


@dataclass(frozen=True)
class Overlap:
    """What a list and that of another user have in common.

    Parameters
    ----------
    value : float
        Share of a list's items that another user's list has too; NaN where there are no two users.
    error : float
        That of a U-statistic, from what each user has in common with all others.
    users : float
        Independent users that the weights are worth (Kish).
    width : float
        Mean length of a list.

    References
    ----------
    W. Hoeffding, "A class of statistics with asymptotically normal distribution", Annals of Mathematical Statistics 19,
    1948.
    """

    value: float
    error: float
    users: float
    width: float

    def variance_of(self, users: float, value: float) -> float:
        """Variance of the overlap of so many users whose lists vary as these do, when it is `value`.

        Part of it comes from users whose lists are more usual than others', part from which pairs happened to meet.
        """
        chance = self._by_chance(self.users, self.value)
        between = max(self.error**2 - 2 * chance, 0.25 * self.error**2) * self.users
        times = value / self.value if self.value > 0 else 0.0
        return between * times**2 / users + self._by_chance(users, value)

    def _by_chance(self, users: float, value: float) -> float:
        """Shared items are counts: the variance of which pairs have one."""
        return 2 * value / (self.width * users**2)


def agreement(shown: Shown) -> Overlap:
    """How often rows of different users have one label, of what `Shown.by_label` made; NaN where none is known.

    As an overlap of lists of one row: all that a user gets may be of one label, so two users agree as wholes.

    >>> from detectors.statistics.panel import Panel
    >>> agreement(Shown.of(Panel.empty(), np.empty(0, bool)).by_label(np.empty(0, np.int64))).value
    nan
    """
    users = float(shown.rows.sum() ** 2 / (shown.rows**2).sum()) if shown.rows.any() else 0.0
    found = within(shown, shown.rows)
    if not found.pairs > 0:
        return Overlap(float("nan"), float("nan"), users, float("nan"))
    error = float(np.hypot(np.sqrt((found.influence**2).sum()), 1 / (users * max(users - 1, 1))))
    return Overlap(found.chance, error, users, 1.0)


def overlap(shown: Shown) -> Overlap:
    """How alike lists of different users are.

    >>> from detectors.statistics.panel import Panel
    >>> overlap(Shown.of(Panel.empty(), np.empty(0, bool))).value
    nan
    """
    users = float(shown.lists.sum() ** 2 / (shown.lists**2).sum()) if len(shown.user) else 0.0
    if len(shown.user) < 2 or not shown.rows.sum():
        return Overlap(float("nan"), float("nan"), users, float("nan"))
    found = within(shown, shown.lists)
    least = 1 / (users * max(users - 1, 1) * shown.width)  # where nothing is shared: one more pair might have
    error = np.hypot(np.sqrt((found.influence**2).sum()) / shown.width, least)
    return Overlap(found.chance / shown.width, float(error), users, shown.width)
