"""Personalisation: do lists still depend on the user (or, where that is meant, on what is being looked at)?

A user's list is compared with that user's own earlier list, and with the earlier list of somebody else in the same part
of the traffic. As long as a recommender knows whom it serves, the first pair has more in common than the second.
Lists that were dealt to the wrong users leave every count as it was; this difference they take to nought, and they are
recognised as what others got before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.comparing.whose_lists import whose_lists
from detectors.core.detector import Context, Detector
from detectors.core.expected import CONTEXTUAL
from detectors.core.hashing import U64
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import History
from detectors.statistics.panel import Panel
from detectors.statistics.panel_match import ItemSets, matched, rows_of, shared_share

F = NDArray[np.float64]

OTHERS = 3  # earlier lists of other users that each list is compared with
LEAST_USERS = 12
LEAST_LISTS = 6  # of which it can be said whose they are
FOLLOWS = frozenset(  # whole lists that are alike, not one item that is in all of them
    {"diversity", "fallback", "same_item.identical_list_share"}
)
FEW_PAIRS = 100  # fewer are made up for by windows in which something was wrong


@dataclass(frozen=True)
class Personalization(Detector):
    """Share of items that lists have in common with the same user's earlier lists, and with other users'.

    Pairs are of the same cell of the traffic, so of the same surface and model version. Where lists are expected to
    depend on the context, pairs are of the same context instead of the same user.

    Parameters
    ----------
    fall : float
        Least relative fall of the dependence that matters.
    dealt : float
        Least rise that matters of the share of lists that are somebody else's.
    pairs : int
        Pairs that are enough: earlier windows are looked at, the newest first, until there are so many.

    References
    ----------
    N. Lathia, S. Hailes, L. Capra and X. Amatriain, "Temporal diversity in recommender systems", SIGIR 2010.
    A. Chaney, B. Stewart and B. Engelhardt, "How algorithmic confounding in recommendation systems increases
    homogeneity and decreases utility", RecSys 2018 (overlap between users).
    """

    name = "personalization"
    statistics = (Panel,)
    telling = 85

    fall: float = 0.5
    dealt: float = 0.2
    pairs: int = 2000

    def measures(self) -> tuple[Measure, ...]:
        lists = frozenset({"request", "user"})
        return (
            Measure("dependence", Unit.RATIO,
                    "How much more a list has in common with the same user's earlier list than with somebody else's.",
                    (History("down", change=self.fall, relative=True, severity=Severity.PAGE),), lists, LEAST_USERS,
                    "lists hardly depend on the user any more: a user's list has only {value} more in common with the "
                    "same user's earlier list than with anybody's, usually {expected}",
                    of_sameness=True, at_once=False, follows=FOLLOWS),
            # A model trained anew makes lists that are nobody's earlier ones: one window is enough.
            Measure("others_list_share", Unit.RATIO,
                    "Share of lists that are unmistakably another user's earlier list, of these and users met before.",
                    (History("up", change=self.dealt, severity=Severity.PAGE),), lists, LEAST_LISTS,
                    "{value} of the lists that can be recognised are what another user got before, usually {expected}: "
                    "lists are dealt to the wrong users",
                    of_sameness=True, follows=FOLLOWS),
            Measure("own_overlap", Unit.RATIO,
                    "Share of its items that a list has in common with the same user's earlier list.", (), lists,
                    LEAST_USERS, of_sameness=True),
            Measure("others_overlap", Unit.RATIO,
                    "Share of its items that a list has in common with another user's earlier list.", (), lists,
                    LEAST_USERS, of_sameness=True),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if not {"request", "user"} <= summary.has:
            return
        kinds = context.expected.kind_of_cells(summary.cells)
        contextual = np.array([kind == CONTEXTUAL for kind in kinds], bool)
        pairs, put_off, usual = _Pairs(summary[Panel]), [], []
        for earlier in context.earlier():
            if pairs.n >= self.pairs:
                break
            if earlier.troubled:
                put_off.append(earlier.summary)
            else:
                usual.append(earlier.summary)
                pairs.add(earlier.summary[Panel], contextual, summary)
        yield _others_list_share(summary, usual, put_off)
        # Lists of windows in trouble tell little of how things usually are: only where there are no others.
        for troubled in put_off:
            if pairs.n >= FEW_PAIRS:
                break
            pairs.add(troubled[Panel], contextual, summary)
        yield from _by_slice(summary, *pairs.overlaps())


def _others_list_share(
    summary: Summary, earlier: Sequence[Summary], troubled: Sequence[Summary]
) -> Measurement:
    """One list stands for each user of a cell, so every list is an observation of its own.

    Windows in trouble have to do where there are no others: what lasts for a day is else never seen to end. Beside
    others they would tell of lists that have come back to their users as if they were still dealt to the wrong ones.
    """
    panel, found = summary[Panel], whose_lists(summary, earlier or troubled)
    members, cell = summary.members(panel).astype(float), panel.request_group[found.request]
    groups = members.shape[1]
    hits, of = (members @ np.bincount(cell, weight, groups) for weight in (found.others, np.ones(len(cell))))
    return share("others_list_share", hits, of, np.ones(len(of)))


class _Pairs:
    """Requests of now beside earlier ones of the same user, and of a few others; compared all at once in the end."""

    def __init__(self, now: Panel) -> None:
        self.n = 0
        self._now = now
        self._request: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        # Rows of earlier lists: whose (0 the same user's, then those of others), number of the pair, item.
        self._rows: list[tuple[NDArray[np.int64], NDArray[np.int64], U64]] = []

    def add(self, then: Panel, contextual: NDArray[np.bool_], summary: Summary) -> None:
        """Pairs with an earlier window: of the same context in contextual cells, else of the same user."""
        now = self._now
        by_context = contextual[np.searchsorted(summary.cells.keys, now.groups)]
        for kind in sorted(set(by_context.tolist())):
            request, before = matched(now, then, by_context=kind)
            here = by_context[now.request_group[request]] == kind
            request, before = request[here], before[here]
            self._request.append(request)
            who = then.context if kind else then.user[then.request_user]
            lists = np.concatenate([before[None], _others_of(then.request_group, who, before)])
            whose, pair = np.nonzero(lists >= 0)
            number, item = rows_of(then, lists[whose, pair])
            self._rows.append((whose[number], pair[number] + self.n, item))
            self.n += len(request)

    def overlaps(self) -> tuple[NDArray[np.int64], F, F]:
        """Request of now of each pair, overlap with the same user's earlier list, mean overlap with others' lists."""
        request = np.concatenate(self._request)
        if not self.n:
            return request, np.empty(0), np.empty(0)
        ours = ItemSets.of(self.n, rows_of(self._now, request))
        whose, pair, item = (np.concatenate(part) for part in zip(*self._rows, strict=True))
        own, *others = (
            shared_share(ours, ItemSets.of(self.n, (pair[whose == i], item[whose == i])))
            for i in range(1 + OTHERS)
        )
        times = np.isfinite(others).sum(axis=0)
        known = np.isfinite(own) & (times > 0)
        return request[known], own[known], np.nansum(others, axis=0)[known] / times[known]


def _others_of(group: NDArray[np.int32], who: U64, request: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each request a few of others in its cell, some way off in the order of their hashes; (OTHERS, requests).

    -1 where there is none. `group` and `who` are those of all requests of a panel, which lie in order of the cell.
    """
    bounds = np.searchsorted(group, np.arange(int(group.max(initial=-1)) + 2))
    start = bounds[group[request]]
    size = bounds[group[request] + 1] - start
    way = 1 + (2 * np.arange(OTHERS)[:, None] + 1) * (size - 1) // (2 * OTHERS)
    other = start + (request - start + way) % size
    return np.where(who[other] != who[request], other, -1)


def _by_slice(summary: Summary, request: NDArray[np.int64], own: F, others: F) -> Iterator[Measurement]:
    """Means over users: all pairs of one user in one cell are one observation."""
    panel = summary[Panel]
    members = summary.members(panel).astype(float)
    groups = members.shape[1]
    user, number = np.unique(panel.request_user[request], return_inverse=True)
    cell = panel.user_group[user]
    times = np.bincount(number, minlength=len(user))

    def of_users(values: F) -> F:
        return np.bincount(number, values, len(user)) / np.maximum(times, 1)

    def sums(values: F) -> F:
        return np.asarray(members @ np.bincount(cell, values, groups))

    n = sums(np.ones(len(user)))
    own, others = of_users(own), of_users(others)
    for name, values in (("dependence", own - others), ("own_overlap", own), ("others_overlap", others)):
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = sums(values) / n
            variance = np.maximum(sums(values**2) / n - mean**2, 0) * n / np.maximum(n - 1, 1)
            error = np.sqrt(variance / n)
        yield Measurement(name, mean, error, n)
