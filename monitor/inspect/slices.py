"""Which columns part the traffic into slices that are worth watching apart: few values, enough traffic, few of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from monitor.inspect.names import tokens

MOST_COLUMNS = 4
MOST_SLICES = 100  # values, and pairs of values, together
MOST_VALUES = 30
MOST_VERSIONS = 10  # of the model, in the sample: each that comes makes slices of its own
FEW_HASHES = 5  # hashed values mean nothing to people; a few are tolerable
ENOUGH = 30  # requests in a window, of a value that is worth watching
PREFERRED = [
    "surface",
    "placement",
    "widget",
    "page",
    "country",
    "market",
    "region",
    "locale",
    "language",
    "site",
    "store",
    "shop",
    "platform",
    "device",
    "channel",
    "tenant",
    "brand",
    "segment",
    "campaign",
    "experiment",
    "bucket",
    "group",
    "cohort",
    "app",
    "os",
    "type",
]
HASH = re.compile(r"[0-9a-f]{12,}|[0-9a-f-]{32,36}", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A column that could part the traffic.

    Parameters
    ----------
    values : sequence of str
    codes : array of int, shape (requests,)
        Index into `values`, -1 where a request has none.
    constant_in_request : float
        Share of requests in which it has one value.
    follows_item : bool
        It is the same wherever an item is shown: it describes the item.
    """

    column: str
    values: Sequence[str]
    codes: NDArray[np.int64]
    constant_in_request: float = 1.0
    follows_item: bool = False
    fraction: bool = False  # numbers that are not whole

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Requests without a value, then those of each value."""
        return np.bincount(self.codes + 1, minlength=len(self.values) + 1)

    @property
    def n_values(self) -> int:
        """Values that occur; requests without one are a value too."""
        return int((self.counts > 0).sum())


@dataclass(frozen=True)
class Slicing:
    """Columns to slice by, and why the others are not.

    Parameters
    ----------
    chosen : dict of column to text
        What there is to say of it.
    left_out : dict of column to text
    n_slices : int
        Values and pairs of values, the whole not counted.
    """

    chosen: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    n_slices: int = 0


def choose(
    candidates: Sequence[Candidate],
    per_window: float,
    noun: str = "requests",
    version: Candidate | None = None,
) -> Slicing:
    """Choose columns, the most telling names first.

    Parameters
    ----------
    per_window : float
        Requests (rows, where there are none) that an average window has.
    version : Candidate, optional
        The column that says which model answered. It is chosen beside the others, also while it has one value only:
        the next one is compared with it.
    """
    out: dict[str, str] = {}
    left: dict[str, str] = {}
    chosen: list[Candidate] = []
    total = 0
    for candidate in sorted(candidates, key=_preference):
        why_not = _unfit(candidate, per_window, noun) or _repeats_another(candidate, chosen)
        if why_not is None and len(chosen) == MOST_COLUMNS:
            why_not = f"{MOST_COLUMNS} columns are sliced by already"
        if why_not is None:
            n = count_slices([*chosen, candidate])
            if n > MOST_SLICES:
                why_not = f"would make {n} slices, with {MOST_SLICES} as the most"
        if why_not is not None:
            left[candidate.column] = why_not
            continue
        chosen.append(candidate)
        total = count_slices(chosen)
        out[candidate.column] = f"{candidate.n_values} values: {shares(candidate)}"
    if version is not None:
        if (why_not := _unfit_version(version)) is not None:
            left[version.column] = why_not
        else:
            total = count_slices([*chosen, version])
            values = (
                f"{version.n_values} values: {shares(version)}"
                if version.n_values > 1
                else "one value so far"
            )
            out[version.column] = f"{values}; model versions are compared with one another"
    return Slicing(out, left, total)


def _preference(candidate: Candidate) -> tuple[int, int, str]:
    words = tokens(candidate.column)
    rank = min((PREFERRED.index(word) for word in words if word in PREFERRED), default=len(PREFERRED))
    return rank, candidate.n_values, candidate.column


def _unfit(candidate: Candidate, per_window: float, noun: str) -> str | None:
    n = candidate.n_values
    if n < 2:
        return "has one value only"
    if candidate.fraction:
        return "holds numbers that are not whole"
    if n > MOST_VALUES:
        return f"has {n:,} values, with {MOST_VALUES} as the most"
    if candidate.constant_in_request < 0.995:
        return "differs within a request"
    if candidate.follows_item:
        return "describes the item, not the request"
    seen = [value for value, n in zip(candidate.values, candidate.counts[1:], strict=True) if n]
    if n > FEW_HASHES and seen and all(HASH.fullmatch(value) for value in seen):
        return f"has {n} hash-like values, which tell people nothing"
    counts = np.sort(candidate.counts)[::-1]
    second = per_window * counts[1] / counts.sum()
    if second < ENOUGH:
        amount = f"{second:.0f}" if second >= 1 else "less than one"
        return f"leaves {amount} {noun} in a window to all but its largest value: too few"
    return None


def _unfit_version(version: Candidate) -> str | None:
    if version.n_values > MOST_VERSIONS:
        most = f"with {MOST_VERSIONS} as the most"
        return f"has {version.n_values:,} values, {most}: versions come too often to be compared with one another"
    if version.constant_in_request < 0.995:
        return "differs within a request"
    return None


def _repeats_another(candidate: Candidate, chosen: Sequence[Candidate]) -> str | None:
    for other in chosen:
        pairs = len(np.unique(_pairs(candidate, other)))
        if pairs <= max(candidate.n_values, other.n_values):
            return f"follows from {other.column}"
    return None


def _pairs(a: Candidate, b: Candidate) -> NDArray[np.int64]:
    return (a.codes + 1) * np.int64(len(b.values) + 1) + b.codes + 1


def count_slices(candidates: Sequence[Candidate]) -> int:
    """Values of each column, and pairs of values of two columns, that occur."""
    values = sum(c.n_values for c in candidates)
    return values + sum(len(np.unique(_pairs(a, b))) for a, b in combinations(candidates, 2))


def shares(candidate: Candidate, most: int = 4) -> str:
    """The largest values with their shares of the requests.

    >>> shares(Candidate("c", ["DE", "US"], np.array([0, 1, 1, 1])))
    'US 75 %, DE 25 %'
    """
    counts = candidate.counts
    names = ["(none)", *candidate.values]
    order = [i for i in np.argsort(-counts, kind="stable") if counts[i]]
    text = ", ".join(f"{_short(names[i])} {_percent(counts[i] / counts.sum())}" for i in order[:most])
    return text + (f" and {len(order) - most} more" if len(order) > most else "")


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 20 else text[:17] + "..."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "under 1 %"
