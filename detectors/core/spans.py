"""Windows added up: as many of those before as it takes to say something of what is rare, each slice by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

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

    def windows(self, hits: Counts, of: Counts, ages: Sequence[float]) -> Flags:
        """Whether each window is added, in each slice; the first one always is. Shape (windows, slices).

        How many hits to expect of a window is told by what they are hits of, and by their rate in all windows before
        the first: the hits that there are must not decide, or a collapse would be held against ever more of the time
        before it.

        Parameters
        ----------
        hits, of : array, shape (windows, slices)
            The newest window first.
        ages : sequence of float
            Hours from the start of each window to the end of the first.
        """
        before, whole = hits[1:].sum(axis=0), of[1:].sum(axis=0)
        expected = np.cumsum(of * (before / np.maximum(whole, 1)), axis=0)
        added = np.ones(of.shape, bool)
        added[1:] = (expected[:-1] < self.hits) & (np.array(ages)[1:, None] <= self.hours)
        return added


def added_up(windows: Mapping[str, Counts], added: Flags) -> dict[str, Counts]:
    """Counts of all windows together, each in the slices to which it is added, of shape (slices, ...).

    Parameters
    ----------
    windows : mapping of name to array, each of shape (windows, slices, ...)
    added : array of bool, shape (windows, slices)
    """
    return {name: np.einsum("wsk,ws->sk", counts, added) for name, counts in windows.items()}


def in_slices(
    windows: Iterable[Summary],
    kind: type[S],
    texts: tuple[str, ...],
    counts: Callable[[S, Flags], Mapping[str, NDArray[Any]]],
) -> dict[str, Counts]:
    """What a statistic counts in each window, in the same slices: nothing where a window lacks one.

    Parameters
    ----------
    texts : sequence of str
        Of the slices.
    counts : callable
        From the statistic and which of its cells make up which slice to arrays of shape (slices, ...); a function of
        a module or a class, for windows remember by it what it counted.

    Returns
    -------
    mapping of name to array, each of shape (windows, slices, ...)
    """
    found = [(window.slices, _counted(window, kind, counts)) for window in windows]
    if not found:
        return {}
    table = np.zeros((len(found), len(texts), found[0][1].numbers.shape[1]))
    for w, (slices, counted) in enumerate(found):
        here, there = slices.among(texts)
        table[w, here] = counted.numbers[there]
    return found[0][1].named(table)


@dataclass(frozen=True)
class _Counted:
    """What a statistic counts in slices, side by side: one table is put together sooner than many.

    Parameters
    ----------
    shapes : mapping of name to tuple of int
        Of what is counted in one slice.
    numbers : array, shape (slices, all numbers)
    """

    shapes: Mapping[str, tuple[int, ...]]
    numbers: Counts

    @classmethod
    def of(cls, counts: Mapping[str, NDArray[Any]]) -> _Counted:
        shapes = {name: numbers.shape[1:] for name, numbers in counts.items()}
        return cls(
            shapes, np.concatenate([n.reshape(len(n), prod(shapes[k])) for k, n in counts.items()], axis=1)
        )

    def named(self, table: Counts) -> dict[str, Counts]:
        """The parts of a table of shape (..., all numbers)."""
        parts = np.split(table, np.cumsum([prod(shape) for shape in self.shapes.values()])[:-1], axis=-1)
        shapes = self.shapes.items()
        return {
            name: part.reshape(*table.shape[:-1], *shape)
            for (name, shape), part in zip(shapes, parts, strict=True)
        }


def _counted(
    window: Summary, kind: type[S], counts: Callable[[S, Flags], Mapping[str, NDArray[Any]]]
) -> _Counted:
    """In the window's own slices, counted once: it is asked for again by windows after it."""
    if (key := (kind, counts, window.left_out)) not in window.memo:
        statistic = window[kind]
        window.memo[key] = _Counted.of(counts(statistic, window.members(statistic)))
    found: _Counted = window.memo[key]
    return found
