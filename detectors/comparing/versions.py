"""One model version against the others in one part of the traffic, as excess over the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.comparing.likeness import Overlap, Shown, agreement, overlap
from detectors.comparing.sides import Excess, F, Sides, excess
from detectors.core.catalog import Catalog, Labels
from detectors.core.summary import Summary
from detectors.measures.variety import of_items
from detectors.statistics.item_counts import FIRST, ItemCounts
from detectors.statistics.list_tally import LONGEST, ListTally
from detectors.statistics.panel import Panel
from detectors.statistics.score_tally import ScoreTally

LEAST_USERS = 10  # of a version, whose lists are compared
MOST_USERS = 4000  # of a side, whose lists are compared: more cost time and change nothing


@dataclass(frozen=True)
class Versions:
    """A version and the others.

    Parameters
    ----------
    summary : Summary
    sides : Sides
    """

    summary: Summary
    sides: Sides

    @classmethod
    def of(cls, summary: Summary, column: str, where: Mapping[str, str], ignored: Collection[str]) -> Self:
        """The version that `where` says, in the part of the traffic that it says beside it."""
        return cls(summary, Sides.of(summary, column, where, ignored))

    def empty(self, above: float) -> Excess | None:
        """Share of empty lists."""
        return self._share(self._lengths[:, 0], self._lists, above)

    def short(self, above: float) -> Excess | None:
        """Share of lists under half as long as the others' most usual one of the same traffic."""
        stratum = self.sides.stratum
        by_stratum = np.zeros((int(stratum.max(initial=-1)) + 1, LONGEST + 1))
        np.add.at(by_stratum, stratum, self._lengths * self.sides.theirs[:, None])
        usual = LONGEST - by_stratum[:, :0:-1].argmax(axis=1)  # of equals, the longer
        usual[~by_stratum.any(axis=1)] = 0
        short = 2 * np.arange(LONGEST + 1) < usual[stratum][:, None]
        return self._share((self._lengths * short).sum(axis=1), self._lists, above)

    def nan_scores(self, above: float) -> Excess | None:
        """Share of scores that are not a number; those of one list are taken as alike."""
        shown = self._lengths[:, 1:].sum()
        width = float((self._lengths @ np.arange(LONGEST + 1)).sum() / shown) if shown else 1.0
        return self._share(self._scores["nan"], self._scores["rows"], above, together=width)

    def constant_scores(self, above: float) -> Excess | None:
        """Share of lists in which all scores are the same."""
        return self._share(self._scores["constant"], self._scores["lists"], above)

    def top_first_item(self, above: float) -> tuple[Excess, str] | None:
        """Share of the most frequent item at position 1, on each side its own, and which it is here."""
        counts = self.summary[ItemCounts]
        of = self.sides.by_cell(counts.groups, counts.totals[:, FIRST])
        weights = self.sides.weights(of)
        if not weights.any():
            return None
        cell = np.searchsorted(self.sides.keys, counts.groups)
        shares = [
            counts.weighted((weights * side)[cell], FIRST) for side in (self.sides.ours, self.sides.theirs)
        ]
        top = int(shares[0].argmax())
        n = self._independent(weights, of)
        found = excess(float(shares[0][top]), n[0], float(shares[1].max()), n[1], above)
        return found, counts.text_of(int(counts.keys[top]))

    def top_list(self, above: float) -> tuple[Excess, str] | None:
        """Share of the most frequent ordered list of two or more items, and the item on top of it here."""
        panel = self.summary[Panel]
        long_enough = np.flatnonzero(np.diff(panel.offsets) >= 2)
        cell, weight = self._panel_cell[long_enough], self._panel_weights[long_enough]
        number = panel.list_number[long_enough]
        shares, n = [], []
        for side in (self.sides.ours, self.sides.theirs):
            mine = np.where(side[cell], weight, 0.0)
            if not mine.any():
                return None
            shares.append(np.bincount(number, mine) / mine.sum())
            n.append(mine.sum() ** 2 / (mine**2).sum() / self._clustering)
        top = int(shares[0].argmax())
        example = long_enough[np.flatnonzero(number == top)[0]]
        item = self.summary[ItemCounts].text_of(int(panel.item[panel.offsets[example]]))
        return excess(float(shares[0][top]), n[0], float(shares[1].max()), n[1], above), item

    def likeness(self, times: float, above: float) -> Excess | None:
        """Overlap between lists of different users, beyond so many times that of the others.

        Where lists depend on what is looked at, those of different things: all who look at one thing get the same.
        """
        mine, theirs = map(overlap, self._shown)
        return _beyond(mine, theirs, times, above)

    def concentration(self, catalog: Catalog, labels: Labels, times: float, above: float) -> Excess | None:
        """How often items of different users are of one category, beyond so many times that of the others."""
        mine, theirs = (
            agreement(shown.by_label(of_items(catalog, shown.item, labels))) for shown in self._shown
        )
        return _beyond(mine, theirs, times, above)

    def _share(self, hits: F, of: F, above: float, together: float = 1.0) -> Excess | None:
        """A share of requests, or of rows of which so many come together."""
        weights = self._list_weights if of is self._lists else self.sides.weights(of)
        if not weights.any():
            return None
        here, elsewhere = (float((hits * weights)[s].sum()) for s in (self.sides.ours, self.sides.theirs))
        n = self._independent(weights, of)
        return excess(here, n[0] / together, elsewhere, n[1] / together, above)

    def _independent(self, weights: F, of: F) -> tuple[float, float]:
        """Independent observations behind a weighted mean, on either side."""
        ours, theirs = (float((weights**2 * of)[s].sum()) for s in (self.sides.ours, self.sides.theirs))
        return 1 / ours / self._clustering, 1 / theirs / self._clustering

    @cached_property
    def _shown(self) -> tuple[Shown, Shown]:
        """What users were shown on either side."""
        panel, weights = self.summary[Panel], self._panel_weights
        alike = self.summary.is_contextual[panel.request_group] & (panel.context != 0)
        who = np.where(alike, panel.context, panel.user[panel.request_user])
        mine, theirs = (
            Shown.of(panel, self._some_users(side) & (weights > 0), weights, who)
            for side in (self.sides.ours, self.sides.theirs)
        )
        return mine, theirs

    @cached_property
    def _lengths(self) -> F:
        """Lists by length, shape (cells, lengths)."""
        lists = self.summary[ListTally]
        return self.sides.by_cell(lists.groups, lists.counts[:, : LONGEST + 1])

    @cached_property
    def _lists(self) -> F:
        return np.asarray(self._lengths.sum(axis=1))

    @cached_property
    def _list_weights(self) -> F:
        return self.sides.weights(self._lists)

    @cached_property
    def _scores(self) -> Mapping[str, F]:
        scores = self.summary[ScoreTally]
        counted = self.sides.by_cell(scores.groups, scores.counts)
        return {name: counted[:, i] for i, name in enumerate(scores.names)}

    @cached_property
    def _clustering(self) -> float:
        """Requests that an independent user of the version makes, as `Summary.clustering` has it of slices."""
        panel = self.summary[Panel]
        mine = self.sides.ours[np.searchsorted(self.sides.keys, panel.groups)][panel.user_group]
        known = mine & panel.user_known
        requests = np.bincount(panel.person[known], panel.user_requests[known])
        apart = panel.user_requests[mine & ~panel.user_known].sum()
        total = requests.sum() + apart
        return float(((requests**2).sum() + apart) / total) if total else 1.0

    @cached_property
    def _panel_cell(self) -> NDArray[np.int64]:
        """Cell of each request of the panel."""
        panel = self.summary[Panel]
        return np.searchsorted(self.sides.keys, panel.groups)[panel.request_group]

    @cached_property
    def _panel_weights(self) -> F:
        """Of each request of the panel: cells have samples of their own, taken at rates of their own."""
        kept = np.bincount(self._panel_cell, minlength=len(self.sides.keys)).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(kept > 0, self._lists / kept, 0.0)
        return np.asarray((self.sides.weights(np.where(kept > 0, self._lists, 0.0)) * each)[self._panel_cell])

    def _some_users(self, side: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Requests of a side, of its users with the smallest hashes where they are very many."""
        panel = self.summary[Panel]
        here = side[self._panel_cell]
        user = panel.user[panel.request_user[here]]
        if len(user) > MOST_USERS:
            here &= (panel.user <= np.partition(user, MOST_USERS)[MOST_USERS])[panel.request_user]
        return here


def _beyond(mine: Overlap, theirs: Overlap, times: float, above: float) -> Excess | None:
    """What lists here share beyond so many times what those of the others do; None where either is not known."""
    if not np.isfinite(mine.value) or not np.isfinite(theirs.value):
        return None
    usual = times * theirs.value
    # As in `excess`: could lists no more alike than the limit allows look so? Their own error says less, since few
    # users of whom all are alike vary by much.
    at_limit = theirs.variance_of(mine.users, usual + above) + (times * theirs.error) ** 2
    n = above * (1 - above) / at_limit if mine.users >= LEAST_USERS else 0.0
    error = float(np.hypot(mine.error, times * theirs.error))
    return Excess(mine.value - usual, error, n, mine.value, theirs.value)
