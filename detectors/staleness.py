"""Staleness: lists that no longer move, and new items that never get into them.

A list is compared with what the same user got before (with what was shown for the same thing, where lists depend on
that), in the same cell. The lags are fixed, however many lists there are to compare: a quiet shop is measured by the
same ruler as a busy one, only less exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from detectors.core.batch import I64
from detectors.core.catalog import Catalog
from detectors.core.detector import Context, Detector, Earlier
from detectors.core.hashing import U64
from detectors.core.measurement import Measure, Measurement, Unit, share
from detectors.core.summary import Summary
from detectors.judgement.spec import History
from detectors.statistics.earlier_lists import EarlierLists
from detectors.statistics.item_counts import ANYWHERE, ItemCounts
from detectors.statistics.panel import Panel

HOUR = 3_600_000_000  # in microseconds
DAY = 24 * HOUR
LEAST_PAIRS = 8  # lists, of as many users, to compare with earlier ones
LEAST_NEW = 10  # new items below which they say nothing about new items
MOST_NEW = 0.5  # share of the catalogue beyond which "new" is most of it: a catalogue that was just made


@dataclass(frozen=True)
class Staleness(Detector):
    """How much lists change from window to window and within a day, and whether new items reach anybody.

    Parameters
    ----------
    recent_hours : float
        How far back a list is compared with for `change` and `unchanged_share`; at least the window before.
    new_days : float
        How long an item is new.
    shown_hours : float
        Over how many hours it is looked at which new items are shown at all.
    fall, rise : float
        Least relative fall of what should move, and least rise of the share that does not, that matter.

    References
    ----------
    N. Lathia, S. Hailes, L. Capra and X. Amatriain, "Temporal diversity in recommender systems", SIGIR 2010
    (diversity and novelty over time).
    """

    name = "staleness"
    statistics = (Panel, ItemCounts)
    telling = 55

    recent_hours: float = 3.0
    new_days: float = 3.0
    shown_hours: float = 3.0
    fall: float = 0.5
    rise: float = 0.25

    def measures(self) -> tuple[Measure, ...]:
        users, new = frozenset({"request", "user"}), frozenset({"catalog.created_at"})
        up = (History("up", change=self.rise),)
        down = (History("down", change=self.fall, relative=True),)
        return (
            Measure("unchanged_share", Unit.RATIO,
                    "Share of lists that are just what the same user got in the hours before.", up, users, LEAST_PAIRS,
                    "{value} of lists are just what the same user got in the hours before", of_sameness=True),
            Measure("unchanged_day_share", Unit.RATIO,
                    "Share of lists that are just what the same user got in the day before.", up, users, LEAST_PAIRS,
                    "{value} of lists are just what the same user got in the day before", of_sameness=True),
            Measure("change", Unit.RATIO,
                    "Share of a list's items that were not in the same user's list in the hours before.",
                    down, users, LEAST_PAIRS,
                    "only {value} of a list's items were not in the same user's list in the hours before",
                    of_sameness=True),
            Measure("day_change", Unit.RATIO,
                    "Share of a list's items that were not in a list of the same user in the day before.",
                    down, users, LEAST_PAIRS,
                    "only {value} of a list's items were not in a list of the same user in the day before",
                    of_sameness=True),
            Measure("novelty", Unit.RATIO,
                    "Share of a list's items that were in no list of the same user in the day before.",
                    down, users, LEAST_PAIRS,
                    "only {value} of a list's items were in no list of the same user in the day before",
                    of_sameness=True),
            Measure("new_item_exposure", Unit.RATIO,
                    "How often a new item is shown, as a share of how often it and an older one are: half when alike.",
                    down, new,
                    says="of what one new and one older item are shown, the new one gets {value}"),
            Measure("new_items_shown_share", Unit.RATIO,
                    "Share of new items expected among half as many rows as the catalogue has items.",
                    (History("down", change=0.3, relative=True),), new,
                    says="{value} of new items are shown at all, among half as many rows as there are items"),
        )  # fmt: skip

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        earlier = list(context.earlier())
        if {"request", "user"} <= summary.has:
            start, end = context.window_us
            recent_us = max(int(self.recent_hours * HOUR), end - start)
            yield from _repetition(EarlierLists.of(summary, context, earlier, recent_us))
        if context.catalog is not None and context.catalog.created_us is not None:
            lately = [e for e in earlier if context.window_us[1] - e.start_us <= self.shown_hours * HOUR]
            yield from _new_items(summary, context, context.catalog, lately, self.new_days)


def _repetition(pairs: EarlierLists) -> Iterator[Measurement]:
    """What of the lists was there before."""
    for prefix, of in (("", pairs.recent), ("day_", np.ones(len(pairs.recent), bool))):
        compared = _Compared.of(pairs, of)
        yield _share_unchanged(f"unchanged_{prefix}share", compared, pairs.same)
        yield _mean(f"{prefix}change", compared, pairs.change)
    once = np.zeros(len(pairs.request), bool)
    once[np.unique(pairs.request, return_index=True)[1]] = True
    yield _mean("novelty", _Compared.of(pairs, once), pairs.novelty)


@dataclass(frozen=True)
class _Compared:
    """Some pairs of lists, by slice.

    Parameters
    ----------
    pairs, who : list of array of int
        Which pairs each slice has, and what both lists of each depend on.
    together : array, shape (slices,)
        Pairs that are worth one: those of one user are taken as alike (Kish's design effect); 1 where there is none.
    users : list of int
        Different ones of `who`.
    """

    pairs: list[I64]
    who: list[I64]
    together: NDArray[np.float64]
    users: list[int]

    @classmethod
    def of(cls, pairs: EarlierLists, some: NDArray[np.bool_]) -> _Compared:
        found = [np.flatnonzero(here) for here in pairs.comparable & some]
        who = [pairs.who[at] for at in found]
        times = [np.bincount(users) for users in who]
        together = [
            float((n**2).sum() / len(at)) if len(at) else 1.0 for at, n in zip(found, times, strict=True)
        ]
        return cls(found, who, np.array(together), [int(np.count_nonzero(n)) for n in times])


def _share_unchanged(measure: str, compared: _Compared, same: NDArray[np.bool_]) -> Measurement:
    hits = np.array([np.count_nonzero(same[at]) for at in compared.pairs], float)
    total = np.array([len(at) for at in compared.pairs], float)
    return share(measure, hits, total, compared.together)


def _mean(measure: str, compared: _Compared, values: NDArray[np.float64]) -> Measurement:
    """A mean over pairs; its error is that of a mean over users who have some pairs each."""
    value, error = np.full((2, len(compared.pairs)), np.nan)
    n = np.array([len(at) for at in compared.pairs]) / compared.together
    for s, (at, who, users) in enumerate(zip(compared.pairs, compared.who, compared.users, strict=True)):
        if len(at):
            value[s] = values[at].mean()
            off = np.bincount(who, values[at] - value[s])
            # Of one user: as far off as a share can be.
            error[s] = np.sqrt((off**2).sum() * users / (users - 1)) / len(at) if users > 1 else 0.5
    return Measurement(measure, value, error, n)


def _new_items(
    summary: Summary, context: Context, catalog: Catalog, earlier: list[Earlier], new_days: float
) -> Iterator[Measurement]:
    """Whether items that came in lately are shown as often as others, and how many of them at all."""
    assert catalog.created_us is not None
    start, _ = context.window_us
    there = catalog.created_us <= start
    for gone in (catalog.blocked, catalog.out_of_stock):
        there &= ~gone if gone is not None else True
    new = there & (catalog.created_us > start - new_days * DAY)
    few = new.sum() < LEAST_NEW or new.sum() > MOST_NEW * there.sum()
    few |= not len(summary.cells)
    yield _exposure(summary, catalog, there, new, few)
    yield _shown_at_all(summary, int(there.sum()) // 2, catalog.keys[new], few, earlier)


def _exposure(
    summary: Summary, catalog: Catalog, there: NDArray[np.bool_], new: NDArray[np.bool_], few: bool
) -> Measurement:
    """Rows for a new item, against rows for a new and an older one.

    Rows that new items would have if they were shown like all others are what is behind it: with few of them, none at
    all says little. Their number is taken as a count (Poisson) in which the requests of a user come together.
    """
    size = len(summary.slices)
    value, error = np.full((2, size), np.nan)
    n = np.zeros(size)
    if not few:
        found, items, news = catalog.find(summary[ItemCounts].keys), int(there.sum()), int(new.sum())
        of_there, of_new = (np.flatnonzero((found >= 0) & marked[found]) for marked in (there, new))
        rows = np.array([(t[of_there].sum(), t[of_new].sum()) for t in summary.totals(ItemCounts, ANYWHERE)])
        total, shown = rows.reshape(size, 2).T
        by_chance = total * news / items
        with np.errstate(invalid="ignore", divide="ignore"):
            new_rate, old_rate = shown / news, (total - shown) / (items - news)
            value = new_rate / (new_rate + old_rate)
            at_least = np.maximum(shown, 1) / news
            centre = at_least / (at_least + old_rate)
            error = centre * (1 - centre) * np.sqrt(summary.clustering / np.maximum(shown, 1))
        n = by_chance / summary.clustering
    return Measurement("new_item_exposure", value, np.where(np.isfinite(value), error, np.nan), n)


def _shown_at_all(summary: Summary, among: int, new: U64, few: bool, earlier: list[Earlier]) -> Measurement:
    """The share of new items that a fixed number of rows would show, from the rows of some windows.

    An item that is shown very often counts no more than one that is shown: the measure moves less than exposure does.

    References
    ----------
    S. H. Hurlbert, "The nonconcept of species diversity", Ecology 52, 1971 (rarefaction).
    """
    size = len(summary.slices)
    value, error = np.full((2, size), np.nan)
    n = np.zeros(size)
    if not few:
        cells = summary[ItemCounts].groups
        parts = [_rows_of(of, cells, new) for of in (summary, *(e.summary for e in earlier))]
        members = summary.members(summary[ItemCounts]).astype(float)
        rows, shown = (members @ np.sum(of, axis=0) for of in zip(*parts, strict=True))
        for s in np.flatnonzero(rows >= among):
            seen = chance_among(shown[s], rows[s], among)
            value[s] = seen.mean()
            error[s] = np.sqrt((seen * (1 - seen)).sum()) / len(new)
        n = np.where(np.isfinite(value), float(len(new)), 0.0)
    return Measurement("new_items_shown_share", value, error, n)


def _rows_of(summary: Summary, cells: U64, new: U64) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows by cell, shape (cells,), and of each new item, shape (cells, new items), of some cells."""
    counts = summary[ItemCounts]
    number = counts.counts[:, ANYWHERE].astype(float)
    cell = np.minimum(np.searchsorted(cells, counts.groups), len(cells) - 1)
    here = cells[cell] == counts.groups
    rows = np.bincount(cell[here], np.bincount(counts.group, number, len(here))[here], len(cells))
    at = np.searchsorted(counts.keys, new)
    shown = np.flatnonzero(np.append(counts.keys, np.uint64(0))[at] == new)
    which = np.full(len(counts.keys), -1)
    which[at[shown]] = shown
    entry = np.flatnonzero((which[counts.key] >= 0) & here[counts.group])
    code = cell[counts.group[entry]] * len(new) + which[counts.key[entry]]
    by_item = np.bincount(code, number[entry], len(cells) * len(new))
    return rows.astype(float), by_item.astype(float).reshape(len(cells), len(new))


def chance_among(counts: NDArray[np.float64], total: float, to: int) -> NDArray[np.float64]:
    """Chance of each item to be among `to` of all rows, drawn without replacement.

    >>> import numpy as np
    >>> chance_among(np.array([0.0, 1.0, 2.0]), 3, 2).round(4).tolist()
    [0.0, 0.6667, 1.0]
    """
    left = total - counts
    log_absent = gammaln(left + 1) - gammaln(np.maximum(left - to, 0) + 1) - gammaln(total + 1)
    log_absent = np.where(left >= to, log_absent + gammaln(total - to + 1), -np.inf)
    return np.clip(1 - np.exp(log_absent), 0.0, 1.0)
