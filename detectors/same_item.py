"""Same item for everyone: one item, or one list, in too many answers.

List-level personalisation moves by only 1/k when one of k places is stuck, so every place is looked at by itself.
What is meant to be the same has been left out before: "position 1" is the first place that is not pinned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.detector import Context, Detector
from detectors.core.intervals import wilson
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from detectors.statistics.item_counts import ANYWHERE, FIRST, ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

TOP = 5  # items in the evidence
LOOKED_AT = 0.05  # items in fewer of a slice's requests are not looked up place by place
LAST_PLACE = 1000  # positions beyond are not looked at one by one


@dataclass(frozen=True)
class SameItem(Detector):
    """Share of requests and users that get the same item, or the same list.

    Parameters
    ----------
    first_place_above, any_place_above, anywhere_above, identical_list_above, users_above : float
        Limits that hold without history, as shares of requests (of users).
    rise : float
        Least rise over what history expects that is worth a ticket.
    """

    name = "same_item"
    statistics = (ItemCounts, ListTally, Panel)
    telling = 90

    first_place_above: float = 0.3
    any_place_above: float = 0.4
    anywhere_above: float = 0.6
    identical_list_above: float = 0.2
    users_above: float = 0.4
    rise: float = 0.15

    def measures(self) -> tuple[Measure, ...]:
        lists = frozenset({"request"})
        # Rows without a request cannot be counted as independent answers: a bandit that serves one visitor fills one
        # place with one item for an hour, and nothing is wrong.
        places = lists | {"position"}

        def judge(above: float) -> tuple[Floor, History]:
            return Floor(above=above, severity=Severity.PAGE), History("up", change=self.rise)

        return (
            Measure("identical_list_share", Unit.RATIO, "Share of requests that get the most frequent list.",
                    judge(self.identical_list_above), lists,
                    says="{value} of {requests} get one and the same list, {item} on top", of_sameness=True),
            Measure("first_place_share", Unit.RATIO, "Share of requests that have the top item at position 1.",
                    judge(self.first_place_above), places,
                    says="{item} is at position 1 in {value} of {requests}", of_sameness=True),
            Measure("any_place_share", Unit.RATIO, "Largest share of requests that have one item at one position.",
                    judge(self.any_place_above), places,
                    says="{item} is at position {position} in {value} of {requests}", of_sameness=True),
            Measure("anywhere_share", Unit.RATIO, "Share of requests that have the top item anywhere in the list.",
                    judge(self.anywhere_above),
                    says="{item} is in {value} of {requests}", of_sameness=True),
            Measure("users_share", Unit.RATIO, "Share of users that got the top item at position 1.",
                    judge(self.users_above), places | {"user"},
                    says="{value} of users got {item} at position 1", of_sameness=True),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if {"request", "position"} <= summary.has:
            yield _top_item(summary, "first_place_share", FIRST)
            if "user" in summary.has:
                yield _top_item_by_user(summary)
            yield _top_item_at_a_place(summary)
        yield _top_item(summary, "anywhere_share", ANYWHERE)
        if "request" in summary.has:
            yield _identical_lists(summary)


def _top_item(summary: Summary, measure: str, kind: int) -> Measurement:
    """The share of the requests of each slice that have its most frequent item, first or anywhere."""
    counts, requests = summary[ItemCounts], _requests_by_slice(summary, kind)
    hits = np.zeros(len(requests))
    tops: list[NDArray[np.int64]] = []
    shown: list[NDArray[np.float64]] = []
    for s, totals in enumerate(summary.totals(ItemCounts, kind)):
        tops.append(_largest(totals, TOP))
        shown.append(totals[tops[-1]])
        hits[s] = shown[-1][0] if len(tops[-1]) else 0

    def evidence(s: int) -> Mapping[str, Any]:
        if not hits[s]:
            return {}
        n = requests[s] / summary.clustering[s]
        low, high = wilson(shown[s] / requests[s], n, 1.96)
        top_items = [
            {"item": counts.text_of(int(counts.keys[i])), "requests": int(c), "share": round(c / requests[s], 4),
             "low": round(float(a), 4), "high": round(float(b), 4)}
            for i, c, a, b in zip(tops[s], shown[s], low, high, strict=True) if c > 0
        ]  # fmt: skip
        return {"item": top_items[0]["item"], "top_items": top_items}

    return share(measure, hits, requests, summary.clustering, evidence)


def _requests_by_slice(summary: Summary, kind: int) -> NDArray[np.float64]:
    """Requests that could have an item there, shape (slices,)."""
    if kind == FIRST:
        counts = summary[ItemCounts]
        by_group = np.bincount(counts.group, counts.counts[:, FIRST], len(counts.groups))
        return np.asarray(summary.members(counts) @ by_group)
    lists = summary[ListTally]
    return np.asarray(summary.members(lists) @ lists.lists)


def _top_item_at_a_place(summary: Summary) -> Measurement:
    """The largest share that one item has of one position, over all positions."""
    counts, panel = summary[ItemCounts], summary[Panel]
    members = summary.members(panel)
    frequent = _frequent_somewhere(summary)
    row = (
        np.flatnonzero(frequent[np.searchsorted(counts.keys, panel.item)])
        if len(panel.item)
        else np.empty(0, np.int64)
    )
    row = row[(panel.position[row] >= 1) & (panel.position[row] <= LAST_PLACE)]
    request, place = np.searchsorted(panel.offsets, row, "right") - 1, panel.position[row].astype(np.int64)
    item = np.searchsorted(counts.keys, panel.item[row])
    requests = _requests_by_slice(summary, ANYWHERE)

    hits, of = np.zeros(len(members)), np.zeros(len(members))
    found: list[tuple[int, int] | None] = [None] * len(members)
    for s, (groups, totals) in enumerate(zip(members, summary.totals(ItemCounts, ANYWHERE), strict=True)):
        _, sampled, _ = panel.sample_of(groups)
        shown = _requests_with_place(panel, sampled, "request" in summary.has)
        if len(shown):
            of[s] = shown.max()
        here = sampled[request] & _is_frequent(totals, requests[s])[item] & (shown[place] >= 0.5 * of[s])
        codes, n = np.unique(place[here] * np.int64(len(counts.keys)) + item[here], return_counts=True)
        if len(codes):
            at, which = np.divmod(codes, len(counts.keys))
            best = int(np.argmax(n / shown[at]))
            hits[s], of[s], found[s] = n[best], shown[at[best]], (int(at[best]), int(which[best]))

    def evidence(s: int) -> Mapping[str, Any]:
        where = found[s]
        return (
            {}
            if where is None
            else {"position": where[0], "item": counts.text_of(int(counts.keys[where[1]]))}
        )

    return share("any_place_share", hits, of, summary.clustering, evidence)


def _is_frequent(totals: NDArray[np.float64], requests: float) -> NDArray[np.bool_]:
    """Items worth looking up place by place: frequent anywhere in the slice, or its most frequent one."""
    return (totals > 0) & ((totals >= LOOKED_AT * requests) | (totals == totals.max(initial=0)))


def _frequent_somewhere(summary: Summary) -> NDArray[np.bool_]:
    """Items that are frequent in any slice, shape (items,): most rows are left out by them at once."""
    counts = summary[ItemCounts]
    requests = _requests_by_slice(summary, ANYWHERE)
    out = np.zeros(len(counts.keys), bool)
    for s, totals in enumerate(summary.totals(ItemCounts, ANYWHERE)):
        out |= _is_frequent(totals, requests[s])
    return out


def _requests_with_place(panel: Panel, sampled: NDArray[np.bool_], lists: bool) -> NDArray[np.float64]:
    """Sampled requests that have each position, index 0 unused."""
    last = np.zeros(len(sampled), np.int64)
    shown = np.diff(panel.offsets) > 0
    last[shown] = np.minimum(panel.position[panel.offsets[1:][shown] - 1], LAST_PLACE)
    by_last = np.bincount(last[sampled], minlength=LAST_PLACE + 1).astype(float)
    by_last[0] = 0
    return by_last[::-1].cumsum()[::-1] if lists else by_last


def _identical_lists(summary: Summary) -> Measurement:
    """The most frequent ordered list of each slice, of two or more items."""
    counts, panel = summary[ItemCounts], summary[Panel]
    members = summary.members(panel)
    hits, of = np.zeros(len(members)), np.zeros(len(members))
    example = np.full(len(members), -1)
    long_enough = np.diff(panel.offsets) >= 2
    for s, groups in enumerate(members):
        _, requests, _ = panel.sample_of(groups)
        chosen = np.flatnonzero(requests & long_enough)
        of[s] = len(chosen)
        if len(chosen):
            _, first, n = np.unique(panel.signature[chosen], return_index=True, return_counts=True)
            best = int(np.argmax(n))
            hits[s], example[s] = n[best], chosen[first[best]]

    def evidence(s: int) -> Mapping[str, Any]:
        if example[s] < 0:
            return {}
        rows = slice(panel.offsets[example[s]], panel.offsets[example[s] + 1])
        items = [counts.text_of(int(i)) for i in panel.item[rows]]
        return {"item": items[0], "list": items[:20]}

    return share("identical_list_share", hits, of, summary.clustering, evidence)


def _top_item_by_user(summary: Summary) -> Measurement:
    """Users who got the top first item at their first place at least once."""
    counts, panel = summary[ItemCounts], summary[Panel]
    members = summary.members(panel)
    hits, of = np.zeros(len(members)), np.zeros(len(members))
    names: list[int] = []
    length = np.diff(panel.offsets)
    first = np.flatnonzero(panel.position == np.repeat(panel.first, length))
    owner, first_item = np.repeat(panel.request_user, length)[first], panel.item[first]
    for s, totals in enumerate(summary.totals(ItemCounts, FIRST)):
        top = int(np.argmax(totals)) if len(totals) else 0
        names.append(top)
        users, _, _ = panel.sample_of(members[s])
        known = users & panel.user_known
        of[s] = panel.distinct_users(known)
        if totals.any():
            got = np.zeros(len(known), bool)
            got[owner[first_item == counts.keys[top]]] = True
            hits[s] = panel.distinct_users(known & got)

    def evidence(s: int) -> Mapping[str, Any]:
        return {"item": counts.text_of(int(counts.keys[names[s]])), "users": int(hits[s])} if hits[s] else {}

    return share("users_share", hits, of, np.ones(len(members)), evidence)


def _largest(values: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Indices of the k largest, largest first; of equals the earlier key."""
    if len(values) > k:
        kth = np.partition(values, len(values) - k)[len(values) - k]
        candidates = np.flatnonzero(values >= kth)
    else:
        candidates = np.arange(len(values))
    return candidates[np.argsort(-values[candidates], kind="stable")][:k]
