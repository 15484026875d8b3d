"""Items that are in many lists: whether they were before, where in the lists they stand, and whose lists these are.

Only items that are in many lists are looked up at all. What was before is taken from half a day to a day ago, so that
an item that is pushed for some hours does not become usual by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from detectors.comparing.likeness import F, added
from detectors.comparing.past_shares import past_shares
from detectors.core.detector import Context, Earlier
from detectors.core.hashing import U64, distinct
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ANYWHERE, ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

CHANCE = 1e-6  # that any item of a slice rises so by chance
TOP_PLACES = 3  # the first places of a list; of a short list the first third
LEAST_WINDOWS = 3  # before, to say what is new
LEAST_HITS = 5  # requests with an item: fewer are no rise for sure in any slice
HALF_A_DAY = 43_200_000_000


@dataclass(frozen=True)
class ItemsOfSlice:
    """Items that are in many lists of a slice. I items, R rows that show them.

    Parameters
    ----------
    requests, users, independent : float
        Requests in the panel, their users, and how many independent users they are worth.
    rate : float
        Share of all users that the panel has.
    below_for_a_first : float
        Rows below the first places, for each row in them, of any item.
    item, user : array of int, shape (R,)
    first : array of bool, shape (R,)
        Whether a row stands in the first places.
    weight : array, shape (R,)
        Requests that a row stands for.
    signature : array of uint64, shape (R,)
        Of the list that a row is in.
    keys : array of uint64, shape (I,)
    counts : ItemCounts
        Knows their names.
    shares : array, shape (I,)
        Share of all requests, in the panel or not, that have each item.
    before : array, shape (I,)
        Requests that had each item a while ago,
    requests_before : float
        of so many,
    known_before : bool
        if enough is known of then.
    chance : float
        How unlikely the rise of one item must be.
    """

    requests: float
    users: float
    independent: float
    rate: float
    below_for_a_first: float
    item: NDArray[np.int64]
    user: NDArray[np.int64]
    first: NDArray[np.bool_]
    weight: F
    signature: U64
    keys: U64
    counts: ItemCounts
    shares: F
    before: F
    requests_before: float
    known_before: bool
    chance: float

    @cached_property
    def hits(self) -> F:
        """Requests that have each item, shape (I,)."""
        return added(self.item, self.weight, len(self.keys))

    @cached_property
    def together(self) -> F:
        """Requests with an item that one independent user has, shape (I,)."""
        squares = added(self._owner, self._of_user(np.ones(len(self.item))) ** 2, len(self.keys))
        return np.divide(squares, self.hits, out=np.ones(len(self.keys)), where=self.hits > 0)

    def sums(self, each: F) -> tuple[F, F]:
        """A number of each row added up by item, and the variance of the sum: users are what is independent."""
        total = added(self.item, each * self.weight, len(self.keys))
        return total, added(self._owner, self._of_user(each) ** 2, len(self.keys))

    def cold(self, below: float) -> NDArray[np.bool_]:
        """Items that had less than a share of the requests before, shape (I,)."""
        return self.before < below * self.requests_before

    def risen(self, items: NDArray[np.integer], *, by_users: bool) -> NDArray[np.bool_]:
        """Which of some items have more requests than chance allows, for all items together; shape of `items`.

        Parameters
        ----------
        by_users : bool
            Whether requests of one user count as one.

        References
        ----------
        J. Przyborowski and H. Wilenski, "Homogeneity of results in testing samples from Poisson series", Biometrika 31,
        1940 (two counts; here with Jeffreys' prior for the first, and Bonferroni's correction).
        """
        part = self.requests / (self.requests + self.requests_before)
        times = np.maximum(self.together[items], 1.0) if by_users else np.ones(len(items))
        hits = (self.hits if by_users else self.shares * self.requests)[items]
        return np.asarray(
            betainc(np.maximum(hits / times, 1e-9), self.before[items] / times + 0.5, part) < self.chance
        )

    def without_users(self) -> F:
        """How far an item's requests lack users, shape (I,).

        The panel has all requests of some users. A hundred requests of as many users are in it as often as any others;
        those of one user are all there or, mostly, not at all. So the users that it has with an item are held against
        its share of all requests: 0 when they are as many as of any requests, near 1 when they are very few.
        """
        users = added(self._owner, np.ones(len(self._owner)), len(self.keys))
        wanted = self.shares * self.requests
        found = np.divide(users, wanted, out=np.ones(len(self.keys)), where=wanted > 0)
        return np.asarray(1 - found / (self.users / max(self.requests, 1.0)))

    def share_of_one_list(self, i: int) -> float:
        """Share of the requests with an item that have the most frequent list among them."""
        rows = np.flatnonzero(self.item == i)
        _, which = np.unique(self.signature[rows], return_inverse=True)
        return float(np.bincount(which, self.weight[rows]).max() / self.hits[i])

    def evidence(self, i: int) -> Mapping[str, Any]:
        """What a person wants to know of an item; users are brought up from the panel's to all."""
        in_first = self.weight[(self.item == i) & self.first].sum()
        return {
            "item": self.counts.text_of(int(self.keys[i])),
            "share": round(float(self.shares[i]), 4),
            "share_before": round(float(self.before[i] / self.requests_before), 4),
            "users": max(round((self._owner == i).sum() / self.rate), 1),
            "share_in_first_places": round(float(in_first / max(self.hits[i], 1.0)), 4),
        }

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The users of an item, each once, as codes; and which of them each row is of."""
        code, at = np.unique(self.user * max(len(self.keys), 1) + self.item, return_inverse=True)
        return code, at

    @property
    def _owner(self) -> NDArray[np.int64]:
        """Item of each pair of a user and an item."""
        return self._pairs[0] % max(len(self.keys), 1)

    def _of_user(self, each: F) -> F:
        """A number of each row added up by user and item."""
        return added(self._pairs[1], each * self.weight, len(self._pairs[0]))


def items_by_slice(summary: Summary, context: Context, least_share: float) -> list[ItemsOfSlice]:
    """The items that are in at least a share of a slice's requests, for each slice."""
    counts, panel = summary[ItemCounts], summary[Panel]
    frequent = list(_frequent(summary, least_share))
    looked_at = distinct(np.concatenate([at for at, _ in frequent]))
    shares = np.zeros((len(frequent), len(looked_at)))
    for s, (at, share) in enumerate(frequent):
        shares[s, np.searchsorted(looked_at, at)] = share
    items = counts.keys[looked_at]
    windows = _a_while_ago(context)
    before = past_shares(summary, [w.summary for w in windows], items)
    rows = _Rows.of(panel, items)
    chance = CHANCE / max(len(counts.keys), len(context.catalog or ()), 1)
    out = []
    for s, (_, sampled, rate) in enumerate(summary.samples()):
        here = np.flatnonzero(sampled[rows.request] & (shares[s] > 0)[rows.item])
        requests = float((rows.weight * sampled).sum())
        first, below = (rows.weight[sampled] @ places[sampled] for places in (rows.first_places, rows.below))
        out.append(
            ItemsOfSlice(
                requests, float(summary.users[0][s]), requests / float(summary.clustering[s]), rate,
                float(below / first) if first else 0.0,
                rows.item[here], panel.person[panel.request_user[rows.request[here]]], rows.first[here],
                rows.weight[rows.request[here]], panel.signature[rows.request[here]], items, counts, shares[s],
                before.hits[s], float(before.requests[s]),
                len(windows) >= LEAST_WINDOWS and before.requests[s] > 0, chance,
            )
        )  # fmt: skip
    return out


def _frequent(summary: Summary, least_share: float) -> Iterator[tuple[NDArray[np.int64], F]]:
    """The items of each slice that are looked up, as indices into those of the window, and their share of requests."""
    lists = summary[ListTally]
    requests = summary.members(lists) @ lists.lists
    for totals, n in zip(summary.totals(ItemCounts, ANYWHERE), requests, strict=True):
        at = np.flatnonzero(totals >= max(least_share * n, LEAST_HITS))
        yield at, totals[at] / n


def _a_while_ago(context: Context) -> list[Earlier]:
    """The windows from half a day ago on, back to a day ago; while there is less, the older half of what there is."""
    known = [w for w in context.earlier() if not w.troubled] or list(context.earlier())
    old = [w for w in known if w.start_us <= context.window_us[0] - HALF_A_DAY]
    return old if len(old) >= LEAST_WINDOWS else known[len(known) // 2 :]


@dataclass(frozen=True)
class _Rows:
    """Rows of a panel that show some items, and what each of its requests has.

    Parameters
    ----------
    request, item : arrays of int, shape (rows,)
    first : array of bool, shape (rows,)
    weight, first_places, below : arrays, shape (requests,)
        Requests that it stands for (of users with very many not all are kept); its rows in first places, and below.
    """

    request: NDArray[np.int64]
    item: NDArray[np.int64]
    first: NDArray[np.bool_]
    weight: F
    first_places: F
    below: F

    @classmethod
    def of(cls, panel: Panel, items: U64) -> Self:
        length = np.diff(panel.offsets)
        request = np.repeat(np.arange(len(length)), length)
        counted = panel.position > 0
        # Places are counted from the first that is not pinned.
        first = panel.position < (panel.first + np.minimum(TOP_PLACES, np.ceil(0.3 * length)))[request]
        rows = np.flatnonzero(counted & np.isin(panel.items, items)[panel.item_number])
        item = np.searchsorted(items, panel.item[rows])
        _, once = np.unique(request[rows] * max(len(items), 1) + item, return_index=True)  # the higher place
        rows, item = rows[once], item[once]
        kept = np.bincount(panel.request_user, minlength=len(panel.user))
        ones = np.ones(len(request))
        return cls(
            request[rows],
            item,
            first[rows],
            (panel.user_requests / np.maximum(kept, 1))[panel.request_user],
            added(request[counted & first], ones[counted & first], len(length)),
            added(request[counted & ~first], ones[counted & ~first], len(length)),
        )
