"""Same item for everyone: one item, one product under many ids, or one list, in too many answers.

List-level personalisation moves by only 1/k when one of k places is stuck, so every place is looked at by itself.
What is meant to be the same has been left out before: the first place is the first that is not pinned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.detector import Context, Detector
from detectors.core.expected import CONTEXTUAL
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History, Judgement
from detectors.measures.sampled_lists import SampledLists
from detectors.sameness.families import Families
from detectors.sameness.rise import rise_at_first
from detectors.sameness.shared_lists import WHOLE_LISTS
from detectors.sameness.shown import F, Shown, lists_of
from detectors.sameness.tops import Tops
from detectors.statistics.item_counts import ANYWHERE, FIRST, ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

LEAST_ANSWERS = (
    7  # that are all the same lie beyond a floor of 0.3 for sure: intervals decide, not their number
)
LOOKED_AT = 0.05  # items in fewer of a slice's requests are not looked up place by place
FOLLOWS = WHOLE_LISTS | {"fallback"}  # the items of a list that many get, too
LAST_PLACE = 1000  # positions beyond are not looked at one by one


@dataclass(frozen=True)
class SameItem(Detector):
    """Share of requests and users that get the same item, the same product, or the same list.

    Parameters
    ----------
    first_place_above, any_place_above, anywhere_above, identical_list_above, users_above : float
        Limits that hold without history, as shares of requests (of users). Families of items have those of items.
    top_two_above : float
        The same for the two most frequent first items together.
    first_place_rise_above : float
        Limit for how much more of the first places an item may have than any item had on the day before.
    rise : float
        Least rise over what history expects that is worth a ticket.
    jump : float
        Least rise of the share of one list over what history expects that is worth a page.
    """

    name = "same_item"
    statistics = (ItemCounts, ListTally, Panel)
    telling = 90

    first_place_above: float = 0.3
    any_place_above: float = 0.4
    anywhere_above: float = 0.6
    identical_list_above: float = 0.2
    users_above: float = 0.4
    top_two_above: float = 0.45
    first_place_rise_above: float = 0.12
    rise: float = 0.15
    jump: float = 0.2

    def measures(self) -> tuple[Measure, ...]:
        lists = frozenset({"request"})
        # Rows without a request cannot be counted as independent answers: a bandit that serves one visitor fills one
        # place with one item for an hour, and nothing is wrong.
        places = lists | {"position"}
        history = History("up", change=self.rise)

        def floor(above: float) -> tuple[Judgement, ...]:
            return (Floor(above=above, severity=Severity.PAGE),)

        measures = (
            Measure("identical_list_share", Unit.RATIO, "Share of requests that get the most frequent list.",
                    (*floor(self.identical_list_above), History("up", self.jump, severity=Severity.PAGE), history),
                    lists, says="{value} of {requests} get one and the same list, {item} on top", of_sameness=True),
            Measure("first_place_share", Unit.RATIO,
                    "Share of requests that have the top item at the first place that is not pinned.",
                    (*floor(self.first_place_above), history), places,
                    says="{item} is at position {position} in {value} of {requests}", of_sameness=True),
            Measure("top_two_share", Unit.RATIO,
                    "Share of requests with one of the two most frequent items at the first place.",
                    floor(self.top_two_above), places,
                    says="{item} and {other} share position {position} in {value} of {requests}", of_sameness=True),
            Measure("family_first_share", Unit.RATIO,
                    "Share of requests with one product, under any of its ids, at the first place.",
                    (*floor(self.first_place_above), history), places | {"catalog", "catalog.family"},
                    says="product {family} is under many ids at position {position} in {value} of {requests}",
                    of_sameness=True),
            Measure("first_place_rise", Unit.RATIO,
                    "How much more of the first places the top item has than the top item of the day before had.",
                    floor(self.first_place_rise_above), places,
                    says="{item} is at position {position} in {share} of {requests}, the day before in {share_before}",
                    of_sameness=True),
            Measure("any_place_share", Unit.RATIO, "Largest share of requests that have one item at one position.",
                    (*floor(self.any_place_above), history), places,
                    says="{item} is at position {position} in {value} of {requests}", of_sameness=True),
            Measure("anywhere_share", Unit.RATIO, "Share of requests that have the top item anywhere in the list.",
                    (*floor(self.anywhere_above), history),
                    says="{item} is in {value} of {requests}", of_sameness=True),
            Measure("family_anywhere_share", Unit.RATIO, "Share of requests with one product, under any of its ids.",
                    (*floor(self.anywhere_above), history), frozenset({"catalog", "catalog.family"}),
                    says="product {family} is under many ids in {value} of {requests}", of_sameness=True),
            Measure("users_share", Unit.RATIO, "Share of users that got the top item at their first place.",
                    (*floor(self.users_above), history), places | {"user"},
                    says="{value} of users got {item} at position {position}", of_sameness=True),
        )  # fmt: skip
        return tuple(replace(measure, least_n=LEAST_ANSWERS, follows=FOLLOWS) for measure in measures)

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        anywhere, first = (Tops(Shown(summary, place)) for place in (ANYWHERE, FIRST))
        families = Families.of(summary, context.catalog)
        if "request" in summary.has:
            yield _identical_lists(anywhere)
        if {"request", "position"} <= summary.has:
            yield first.share_of_first("first_place_share")
            yield _with_the_other(first, first.share_of_first("top_two_share", together=2))
            if families is not None:
                yield families.at_first("family_first_share", first)
            yield rise_at_first("first_place_rise", first, context)
            yield _top_item_at_a_place(anywhere)
            if "user" in summary.has:
                yield _top_item_by_user(summary, first)
        yield anywhere.share_of_first("anywhere_share")
        if families is not None:
            yield families.anywhere("family_anywhere_share", anywhere)


def _with_the_other(first: Tops, two: Measurement) -> Measurement:
    """Names the second item too, where there is one."""

    def evidence(s: int) -> Mapping[str, Any]:
        if not first.hits[s, 0]:
            return {}
        return {**first.evidence(s), "other": first.name(s, 1) if first.hits[s, 1] else "no other"}

    return replace(two, evidence=evidence)


def _identical_lists(tops: Tops) -> Measurement:
    """The most frequent ordered list of each slice, of two or more items."""
    counts, panel = tops.counts, tops.shown.summary[Panel]
    size = len(tops.hits)
    hits, of, example = np.zeros(size), np.zeros(size), np.full(size, -1)
    long_enough = np.diff(panel.offsets) >= 2
    for s, lists in enumerate(lists_of(tops.shown.summary)):
        chosen = np.flatnonzero(lists & long_enough)
        of[s] = len(chosen)
        if len(chosen):
            number = panel.list_number[chosen]
            n = np.bincount(number)
            best = int(np.argmax(n))
            hits[s], example[s] = n[best], chosen[np.flatnonzero(number == best)[0]]

    def evidence(s: int) -> Mapping[str, Any]:
        if example[s] < 0:
            return {}
        rows = slice(panel.offsets[example[s]], panel.offsets[example[s] + 1])
        items = [counts.text_of(int(i)) for i in panel.item[rows]]
        return {"item": items[0], "list": items[:20]}

    return share("identical_list_share", hits, of, tops.shown.clustering, evidence)


def _top_item_at_a_place(tops: Tops) -> Measurement:
    """The largest share that one item has of one position, over all positions."""
    shown, counts = tops.shown, tops.counts
    panel = shown.summary[Panel]
    frequent = np.zeros(len(counts.keys), bool)
    last = _last_places(panel)
    for s, totals in enumerate(shown.by_item()):  # most rows are left out at once
        frequent |= _is_frequent(totals, shown.answers[s])
    item = SampledLists.of(shown.summary).item
    row = np.flatnonzero(
        (panel.position >= 1) & (panel.position <= LAST_PLACE) & (frequent[item] if len(item) else False)
    )
    request, place = np.searchsorted(panel.offsets, row, "right") - 1, panel.position[row].astype(np.int64)
    item = item[row]
    codes, number = np.unique(place * np.int64(len(counts.keys)) + item, return_inverse=True)

    size = len(tops.hits)
    hits, of = np.zeros(size), np.zeros(size)
    found: list[tuple[int, int] | None] = [None] * size
    for s, (lists, totals) in enumerate(zip(lists_of(shown.summary), shown.by_item(), strict=True)):
        with_place = _requests_with_place(last[lists])
        if len(with_place):
            of[s] = with_place.max()
        here = (
            lists[request] & _is_frequent(totals, shown.answers[s])[item] & (with_place[place] >= 0.5 * of[s])
        )
        times = np.bincount(number[here], minlength=len(codes))
        there = np.flatnonzero(times)
        if len(there):
            n, (at, which) = times[there], np.divmod(codes[there], len(counts.keys))
            best = int(np.argmax(n / with_place[at]))
            hits[s], of[s], found[s] = n[best], with_place[at[best]], (int(at[best]), int(which[best]))

    def evidence(s: int) -> Mapping[str, Any]:
        if (where := found[s]) is None:
            return {}
        return {"position": where[0], "item": counts.text_of(int(counts.keys[where[1]]))}

    return share("any_place_share", hits, of, shown.clustering, evidence)


def _is_frequent(totals: F, answers: float) -> NDArray[np.bool_]:
    """Items worth looking up place by place: frequent anywhere in the slice, or its most frequent one."""
    least = min(LOOKED_AT * answers, totals.max(initial=0))
    return totals >= least if least > 0 else totals > 0


def _last_places(panel: Panel) -> NDArray[np.int64]:
    """Position of the last item of each request; 0 where nothing is shown."""
    last = np.zeros(len(panel.request), np.int64)
    shown = np.diff(panel.offsets) > 0
    last[shown] = np.minimum(panel.position[panel.offsets[1:][shown] - 1], LAST_PLACE)
    return last


def _requests_with_place(last: NDArray[np.int64]) -> F:
    """Requests that have each position, of those with these last ones; index 0 unused."""
    by_last = np.bincount(last, minlength=LAST_PLACE + 1).astype(float)
    by_last[0] = 0
    return np.asarray(by_last[::-1].cumsum()[::-1])


def _top_item_by_user(everybody: Summary, first_places: Tops) -> Measurement:
    """Users, of all in the slice, who got the top item of lists that depend on the user at their first place."""
    summary = everybody.without(CONTEXTUAL)
    counts, panel = summary[ItemCounts], summary[Panel]
    members = summary.members(panel)
    tops = first_places if summary is everybody else Tops(Shown(summary, FIRST))
    hits, of = np.zeros(len(members)), np.zeros(len(members))
    length = np.diff(panel.offsets)
    first = np.flatnonzero(panel.position == np.repeat(panel.first, length))
    owner, first_item = np.repeat(panel.request_user, length)[first], panel.item[first]
    for s, (groups, (users, _, _)) in enumerate(zip(members, everybody.samples(), strict=True)):
        if not groups.any():
            continue
        known = users & panel.user_known
        of[s] = everybody.users[1][s]
        if tops.hits[s, 0]:
            got = np.zeros(len(known), bool)
            got[owner[first_item == counts.keys[tops.items[s, 0]]]] = True
            hits[s] = panel.distinct_users(known & got & groups[panel.user_group])

    def evidence(s: int) -> Mapping[str, Any]:
        return {"item": tops.name(s), "position": tops.position(s), "users": int(hits[s])} if hits[s] else {}

    return share("users_share", hits, of, np.ones(len(members)), evidence)
