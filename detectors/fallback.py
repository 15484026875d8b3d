"""Fallback: lists that are there for when nothing better can be made, given to more people than usual.

A service that fails in good order answers with a list made before: everything is up, and nobody gets what is theirs.
Such a list was seen before, now and then; so it is known, and how many get it is the measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.core.detector import Context, Detector
from detectors.core.hashing import combine, hash_ids
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.summary import Summary
from detectors.core.verdict import Severity
from detectors.judgement.spec import Floor, History
from detectors.sameness.shared_lists import WHOLE_LISTS, Mask, SharedLists, own_lists, share_of_lists
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.panel import Panel


@dataclass(frozen=True)
class Fallback(Detector):
    """Share of requests that get a fallback list: a configured one, a learned one, or one that its scores betray.

    Parameters
    ----------
    lists : tuple of tuple of str
        Fallback lists by the ids of their items, in order. A request has one when it shows nothing else, so a shorter
        cut of it and one with pinned places in between count too.
    configured_above : float
        Limit for the share of requests with a configured one, that holds without history.
    jump : float
        Least rise over what history expects that is worth a page.
    rise : float
        Least rise that is worth a ticket.
    """

    name = "fallback"
    statistics = (Panel, ItemCounts)
    telling = 92

    lists: tuple[tuple[str, ...], ...] = ()
    configured_above: float = 0.2
    jump: float = 0.25
    rise: float = 0.1

    def measures(self) -> tuple[Measure, ...]:
        lists = frozenset({"request"})
        named = lists if self.lists else lists | {"fallback_lists"}
        judge = (
            History("up", change=self.jump, severity=Severity.PAGE),
            History("up", change=self.rise),
        )
        floor = Floor(above=self.configured_above, severity=Severity.PAGE)
        measures = (
            Measure("configured_share", Unit.RATIO, "Share of requests that get a configured fallback list.",
                    (floor, *judge), named, says="{value} of {requests} get a configured fallback list",
                    of_sameness=True),
            Measure("learned_share", Unit.RATIO,
                    "Share of requests that get a list which several users got in the day before.",
                    judge, lists, says="{value} of {requests} get one of {lists} lists that many users got before, "
                    "as a fallback is", of_sameness=True),
            Measure("shared_share", Unit.RATIO,
                    "Share of requests that get a list which several users get in the window, but for the top list.",
                    judge, lists, says="{value} of {requests} get one of {lists} lists that many users get, beside "
                    "the most frequent one, as a fallback is", of_sameness=True),
            Measure("degenerate_share", Unit.RATIO,
                    "Share of requests that get a list which several users got, with scores that are all the same, or "
                    "none.", judge, lists | {"score"},
                    says="{value} of {requests} get one of {lists} lists that many users get, with scores that say "
                    "nothing, as a fallback has", of_sameness=True),
        )  # fmt: skip
        return tuple(replace(measure, follows=WHOLE_LISTS) for measure in measures)

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if "request" not in summary.has:
            return
        own, earlier = own_lists(summary), [e.summary for e in context.earlier()]
        shared = SharedLists.of(own, earlier)
        if self.lists:
            yield share_of_lists("configured_share", own, _made_of(own[Panel], self.lists), shared.whole)
        if earlier:
            yield share_of_lists("learned_share", own, shared.before, shared.whole)
        yield share_of_lists("shared_share", own, shared.now, shared.whole, beside_most=True)
        if "score" in summary.has:
            yield share_of_lists("degenerate_share", own, shared.by_now & own[Panel].flat, shared.whole)


def _made_of(panel: Panel, lists: Sequence[Sequence[str]]) -> Mask:
    """Requests of which every item stands where one of some lists has it, shape (requests,)."""
    length = np.diff(panel.offsets)
    request = np.repeat(np.arange(len(length)), length)
    placed = combine(panel.item, panel.position.astype(np.uint64))
    out = np.zeros(len(length), bool)
    for one in lists:
        expected = np.concatenate(
            [combine(hashes := hash_ids([item]), np.full(len(hashes), place, np.uint64))
             for place, item in enumerate(one, start=1)]
        )  # fmt: skip
        out |= np.bincount(request[np.isin(placed, expected)], minlength=len(length)) == length
    return out & (length > 0)
