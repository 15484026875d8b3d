"""What a window is held against: the same hour of the day before, and the windows just before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.detector import Context, Earlier
from detectors.core.expected import POPULAR
from detectors.core.hashing import U64, distinct
from detectors.core.summary import KEPT_TOTALS, Summary
from detectors.statistics.keyed import KeyedCounts
from detectors.statistics.list_tally import ListTally

F = NDArray[np.float64]

DAY = 86_400_000_000
SAME_HOUR = 2  # windows of the day before: the same hour, and one beside it
JUST_BEFORE = 3  # windows


@dataclass(frozen=True)
class Reference:
    """Some earlier windows together, by the slices of the window that is held against them.

    Parameters
    ----------
    windows : tuple of Summary
    places : tuple of array of int, shape (slices,)
        For each window which of its slices is which of ours; -1 where it has no such slice.
    """

    windows: tuple[Summary, ...]
    places: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, now: Summary, windows: Sequence[Earlier]) -> Reference:
        # Where everybody is meant to get the same, a new list is no drift: both sides are without it, or neither.
        summaries = tuple(w.summary.without(POPULAR) if now.left_out else w.summary for w in windows)
        places = tuple(np.full(len(now.slices), -1) for _ in summaries)
        for window, place in zip(summaries, places, strict=True):
            here, there = window.slices.among(now.slices.texts)
            place[here] = np.arange(len(window.slices))[there]
        return cls(summaries, places)

    @property
    def requests(self) -> F:
        """By slice, shape (slices,)."""
        out = np.zeros(len(self.places[0]))
        for window, place in zip(self.windows, self.places, strict=True):
            lists = window[ListTally]
            out[place >= 0] += (window.members(lists) @ lists.lists)[place[place >= 0]]
        return out

    def keys(self, kind: type[KeyedCounts]) -> U64:
        """All keys of a statistic, sorted."""
        return distinct(np.concatenate([window[kind].keys for window in self.windows]))

    def totals(self, kind: type[KeyedCounts], keys: U64, slices: Sequence[int]) -> Iterator[F]:
        """Counts of some keys, for one of our slices after the other, each of shape (keys,)."""
        made = [
            (
                place,
                _where(window[kind].keys, keys),
                np.zeros(len(window[kind].keys) + 1),
                _by_slice(window, kind),
            )
            for window, place in zip(self.windows, self.places, strict=True)
        ]
        for s in slices:
            out = np.zeros(len(keys))
            for place, at, counts, of_slice in made:
                if place[s] >= 0:  # gathered, not scattered: half the time
                    counts[:-1] = of_slice(int(place[s]))
                    out += counts.take(at)
            yield out


def _where(some: U64, keys: U64) -> NDArray[np.int64]:
    """Which of some sorted keys each of others is, one beyond the last where it is none of them."""
    at = np.full(len(keys), len(some))
    at[np.searchsorted(keys, some)] = np.arange(len(some))
    return at


def _by_slice(window: Summary, kind: type[KeyedCounts]) -> Callable[[int], F]:
    """Counts by key of a slice: from those that are kept, where they are few enough to be."""
    counts = window[kind]
    if len(window.slices) * len(counts.keys) <= KEPT_TOTALS:
        return list(window.totals(kind)).__getitem__
    members = window.members(counts)
    return lambda s: next(counts.by_slice(members[s : s + 1]))


def references(now: Summary, context: Context) -> list[Reference]:
    """The same hour of the day before, if it is known, then the windows just before.

    Windows in which something was wrong are no measure of anything: where there are no others, there is nothing to be
    held against.
    """
    known = [w for w in context.earlier() if not w.troubled]
    start, end = context.window_us
    length = max(end - start, 1)
    day_old = [w for w in known if DAY - SAME_HOUR * length < start - w.start_us <= DAY]
    newest = known[:JUST_BEFORE]
    chosen = [day_old, newest] if len(day_old) and day_old != newest else [newest]
    return [Reference.of(now, windows) for windows in chosen if windows]
