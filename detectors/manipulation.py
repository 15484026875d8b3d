"""Manipulation: a cold item that suddenly enters many lists without reaching the top, through few users or many.

Who poisons a recommender, by invented ratings or clicks, gets an item into lists where it does not belong; rarely to
the first places, which the best-known items hold. An item that becomes popular by itself is found in first places too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from detectors.comparing.risen import ItemsOfSlice, items_by_slice
from detectors.core.detector import Context, Detector
from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.summary import Summary
from detectors.judgement.spec import Floor
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

ONE_LIST = 0.5  # of an item's requests with one and the same list: then the list is the matter, not the item
LEAST_REQUESTS = 20  # with an item, to say whose they are
HEAVY_USERS = frozenset({"traffic.heavy_users_share"})  # whatever they are shown is in many lists then
LIKED = 0.04  # of the requests: what an item that people begin to like may have at once


@dataclass(frozen=True)
class Manipulation(Detector):
    """Items that hardly anyone got before, and that are now in many lists below the first places.

    Parameters
    ----------
    cold_below : float
        Share of requests below which an item was cold half a day to a day ago.
    reach_above : float
        Limit for the share of requests that a cold item has come into below the first places.
    few_users_above : float
        Limit for the share of its requests that lack users, held against any requests.

    References
    ----------
    B. Mobasher et al., "Toward trustworthy recommender systems: an analysis of attack models and algorithm robustness",
    ACM Transactions on Internet Technology 7 (4), 2007 (push attacks).
    """

    name = "manipulation"
    statistics = (ItemCounts, ListTally, Panel)
    telling = 95

    cold_below: float = 0.01
    reach_above: float = 0.02
    few_users_above: float = 0.5

    def measures(self) -> tuple[Measure, ...]:
        lists = frozenset({"request"})
        return (
            Measure("cold_item_share", Unit.RATIO,
                    "Share of requests that newly have one cold item below the first places, beyond what its first "
                    "places explain.",
                    (Floor(above=self.reach_above),), lists | {"position"},
                    says="{item}, which hardly anyone got before, is in {value} of {requests}, below the first places"),
            Measure("cold_item_few_users", Unit.RATIO,
                    "Share of the requests that newly have one cold item by which they lack users, held against any "
                    "requests.",
                    (Floor(above=self.few_users_above),), lists | {"user"},
                    says="{item}, which hardly anyone got before, is in {share} of {requests}, all of few users",
                    follows=HEAVY_USERS),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        if "request" not in summary.has:
            return
        slices = items_by_slice(summary, context, self.reach_above)
        if "position" in summary.has:
            yield _measurement("cold_item_share", slices, self._share)
        if "user" in summary.has:
            yield _measurement("cold_item_few_users", slices, self._few_users)

    def _share(self, items: ItemsOfSlice) -> _Found:
        """The cold item that came into most lists below the first places."""
        cold = items.cold(self.cold_below) & (items.shares > 0)
        if not cold.any():
            return _Found(0.0, 0.0, items.independent)
        # An item that people like stands in a first place as often, for each of these places, as in another.
        each = np.where(items.first, -items.below_for_a_first, 1.0)
        beyond, variance = items.sums(each)
        new = np.flatnonzero(cold & (beyond > 0))
        new = new[items.risen(new, by_users=True)]
        for i in new[np.argsort(-beyond[new])].tolist():
            if items.share_of_one_list(i) <= ONE_LIST:
                none_seen = 0.5 * items.below_for_a_first**2  # in first places: there may be half of one
                error = float(np.sqrt(variance[i] + none_seen)) / items.requests
                # Could an item that people like look so? Its rows in first places vary, and count most.
                by_chance = LIKED * items.below_for_a_first * items.together[i] / items.requests
                n = self.reach_above * (1 - self.reach_above) / by_chance if by_chance else items.independent
                return _Found(float(beyond[i] / items.requests), error, float(n), items.evidence(i))
        return _Found(0.0, 0.0, items.independent)

    def _few_users(self, items: ItemsOfSlice) -> _Found:
        """The cold item whose requests lack users most."""
        wanted = items.shares * items.requests
        frequent = (items.shares >= self.reach_above) & (wanted >= LEAST_REQUESTS)
        new = np.flatnonzero(frequent & items.cold(self.cold_below))
        new = new[items.risen(new, by_users=False)] if len(new) else new
        if not len(new):
            return _Found(0.0, 0.0, items.independent)
        lacking = items.without_users()
        i = int(new[np.argmax(lacking[new])])
        value, n = max(float(lacking[i]), 0.0), float(wanted[i])
        return _Found(value, float(np.sqrt((1 - value + 1 / n) / n)), n, items.evidence(i))


@dataclass(frozen=True)
class _Found:
    """A measure of one slice."""

    value: float
    error: float
    n: float
    evidence: Mapping[str, Any] = field(default_factory=dict)


def _measurement(
    name: str, slices: Sequence[ItemsOfSlice], of: Callable[[ItemsOfSlice], _Found]
) -> Measurement:
    nothing = _Found(np.nan, np.nan, 0.0)
    found = [
        nothing if not items.requests else of(items) if items.known_before else _Found(0.0, 0.0, 0.0)
        for items in slices
    ]
    value, error, n = np.array([(f.value, f.error, f.n) for f in found]).T
    return Measurement(name, value, error, n, lambda s: found[s].evidence)
