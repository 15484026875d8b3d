"""Windows added up: as many of those before as it takes to say something of what is rare, each slice by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.core.statistic import Statistic
from detectors.core.summary import Summary

Counts = NDArray[np.float64]
Flags = NDArray[np.bool_]
S = TypeVar("S", bound=Statistic)


@dataclass(frozen=True)
class Span:
    """How far back: until so many hits are expected, and never further than so many hours.

    >>> str(Span(200, 6, "clicks"))
    'over as many windows as bring 200 clicks, at most 6 hours'
    """

    hits: float
    hours: float
    noun: str

    def __str__(self) -> str:
        return f"over as many windows as bring {self.hits:.0f} {self.noun}, at most {self.hours:.0f} hours"

    def windows(self, hits: Sequence[Counts], of: Sequence[Counts], ages: Sequence[float]) -> list[Flags]:
        """Whether each window is added, in each slice; the first one always is.

        How many hits to expect of a window is told by what they are hits of, and by their rate in all windows before
        the first: the hits that there are must not decide, or a collapse would be held against ever more of the time
        before it.

        Parameters
        ----------
        hits, of : sequence of array, each of shape (slices,)
            By window, the newest first.
        ages : sequence of float
            Hours from the start of each window to the end of the first.
        """
        before, whole = np.sum(hits[1:], axis=0), np.sum(of[1:], axis=0)
        expected = np.cumsum(np.array(of) * (before / np.maximum(whole, 1)), axis=0)
        everywhere = np.ones(len(of[0]), bool)
        return [everywhere] + [
            (expected[i - 1] < self.hits) & (ages[i] <= self.hours) for i in range(1, len(of))
        ]


def added_up(windows: Iterable[Mapping[str, Counts]], added: Sequence[Flags]) -> dict[str, Counts]:
    """Counts of all windows together, each in the slices to which it is added.

    Parameters
    ----------
    windows : iterable of mapping of name to array, each of shape (slices, ...)
    added : sequence of array of bool, shape (slices,)
    """
    total: dict[str, Counts] = {}
    for window, here in zip(windows, added, strict=True):
        for name, counts in window.items():
            total[name] = total.get(name, 0.0) + here[:, None] * counts
    return total


def in_slices(
    windows: Iterable[Summary],
    kind: type[S],
    texts: Sequence[str],
    counts: Callable[[S, Flags], dict[str, Counts]],
) -> list[dict[str, Counts]]:
    """What a statistic counts in each window, in the same slices: nothing where a window lacks one.

    Parameters
    ----------
    texts : sequence of str
        Of the slices.
    counts : callable
        From the statistic and which of its cells make up which slice to arrays of shape (slices, ...).
    """
    out = []
    for window in windows:
        statistic = window[kind]
        members = window.members(statistic)
        if window.slices.texts != tuple(texts):
            at = {text: i for i, text in enumerate(window.slices.texts)}
            nothing = np.zeros((1, members.shape[1]), bool)
            members = np.concatenate([members, nothing])[[at.get(text, -1) for text in texts]]
        out.append(counts(statistic, members))
    return out
