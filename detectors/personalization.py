"""Personalisation: do lists still depend on the user (or, where that is meant, on what is being looked at)?

A user's list is compared with that user's own earlier list, and with the earlier list of somebody else in the same part
of the traffic. As long as a recommender knows whom it serves, the first pair has more in common than the second.
Lists that were dealt to the wrong users leave every count as it was; this difference they take to nought.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.core.detector import Context, Detector
from detectors.core.expected import CONTEXTUAL
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import History
from detectors.statistics.panel import Panel
from detectors.statistics.panel_match import matched, overlap

F = NDArray[np.float64]

OTHERS = 3  # earlier lists of other users that each list is compared with
LEAST_USERS = 12
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
    pairs: int = 2000

    def measures(self) -> tuple[Measure, ...]:
        lists = frozenset({"request", "user"})
        return (
            Measure("dependence", Unit.RATIO,
                    "How much more a list has in common with the same user's earlier list than with somebody else's.",
                    (History("down", change=self.fall, relative=True, severity=Severity.PAGE),), lists, LEAST_USERS,
                    "lists hardly depend on the user any more: a user's list has only {value} more in common with the "
                    "same user's earlier list than with anybody's, usually {expected}",
                    of_sameness=True, at_once=False),
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
        found, put_off = _Pairs.none(), []
        for earlier in context.earlier():
            if len(found.own) >= self.pairs:
                break
            if earlier.troubled:
                put_off.append(earlier.summary)
            else:
                found = found.and_those_of(summary, earlier.summary, contextual)
        for (
            troubled
        ) in put_off:  # their lists tell little of how things usually are: only where there are no others
            if len(found.own) >= FEW_PAIRS:
                break
            found = found.and_those_of(summary, troubled, contextual)
        yield from _by_slice(summary, found)


class _Pairs(NamedTuple):
    """Pairs of a request of now with an earlier one.

    Parameters
    ----------
    request : array of int, shape (pairs,)
        Index into the panel of now.
    own, others : array, shape (pairs,)
        Overlap with the same user's earlier list, and on average with those of a few other users.
    """

    request: NDArray[np.int64]
    own: F
    others: F

    @classmethod
    def none(cls) -> _Pairs:
        return cls(np.empty(0, np.int64), np.empty(0), np.empty(0))

    def and_those_of(self, summary: Summary, earlier: Summary, contextual: NDArray[np.bool_]) -> _Pairs:
        now, then = summary[Panel], earlier[Panel]
        parts = [self]
        by_context = contextual[np.searchsorted(summary.cells.keys, now.groups)]
        for mine in (False, True):
            if not (by_context == mine).any():
                continue
            request, before = matched(now, then, by_context=mine)
            here = by_context[now.request_group[request]] == mine
            request, before = request[here], before[here]
            own = overlap(now, request, then, before)
            others = _with_others(now, request, then, before, by_context=mine)
            known = np.isfinite(own) & np.isfinite(others)
            parts.append(_Pairs(request[known], own[known], others[known]))
        return _Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _with_others(
    now: Panel, request: NDArray[np.int64], then: Panel, before: NDArray[np.int64], *, by_context: bool
) -> F:
    """Mean overlap of each list with earlier lists of others in its cell; NaN when it is alone there."""
    cell = now.request_group[request]
    order = np.argsort(cell, kind="stable")
    start = np.searchsorted(cell[order], cell[order])
    size = np.searchsorted(cell[order], cell[order], "right") - start
    place = np.arange(len(order)) - start
    who = then.context if by_context else then.user[then.request_user]
    total, times = np.zeros(len(order)), np.zeros(len(order))
    for step in range(1, OTHERS + 1):
        other = np.empty(len(order), np.int64)
        other[order] = before[order[start + (place + step) % np.maximum(size, 1)]]
        apart = who[other] != who[before]
        shared = np.zeros(len(order))
        shared[apart] = np.nan_to_num(overlap(now, request[apart], then, other[apart]))
        total += shared
        times += apart
    with np.errstate(invalid="ignore"):
        return np.where(times > 0, total / times, np.nan)


def _by_slice(summary: Summary, pairs: _Pairs) -> Iterator[Measurement]:
    """Means over users: all pairs of one user in one cell are one observation."""
    panel = summary[Panel]
    members = summary.members(panel).astype(float)
    groups = members.shape[1]
    user, number = np.unique(panel.request_user[pairs.request], return_inverse=True)
    cell = panel.user_group[user]
    times = np.bincount(number, minlength=len(user))

    def of_users(values: F) -> F:
        return np.bincount(number, values, len(user)) / np.maximum(times, 1)

    def sums(values: F) -> F:
        return np.asarray(members @ np.bincount(cell, values, groups))

    n = sums(np.ones(len(user)))
    own, others = of_users(pairs.own), of_users(pairs.others)
    for name, values in (("dependence", own - others), ("own_overlap", own), ("others_overlap", others)):
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = sums(values) / n
            variance = np.maximum(sums(values**2) / n - mean**2, 0) * n / np.maximum(n - 1, 1)
            error = np.sqrt(variance / n)
        yield Measurement(name, mean, error, n)
