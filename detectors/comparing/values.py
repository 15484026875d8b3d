"""Distributions of scores and declared columns against those of earlier windows, by slice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from detectors.comparing.distances import TwoHistograms
from detectors.comparing.likeness import F
from detectors.comparing.references import Reference
from detectors.comparing.shift import Shift, share_error
from detectors.core.hashing import U64, distinct
from detectors.core.summary import Summary
from detectors.statistics.feature_counts import (
    MISSING,
    VALUE,
    FeatureCounts,
    bin_of_key,
    first_key,
    is_number,
    is_text,
)
from detectors.statistics.keyed import KeyedCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.score_histogram import ScoreHistogram, middle_of

CHANCE = 1e-6  # that the share of any value of a column moves so by chance


@dataclass(frozen=True)
class Tables:
    """Counts of one statistic in a window and a reference, by slice and key.

    Parameters
    ----------
    keys : array of uint64, shape (keys,)
    now, before : arrays, shape (slices, keys)
    n, m : arrays, shape (slices,)
        Independent users' requests in either.
    """

    keys: U64
    now: F
    before: F
    n: F
    m: F

    @classmethod
    def of(cls, now: Summary, reference: Reference, kind: type[KeyedCounts]) -> Tables:
        keys = distinct(np.concatenate([now[kind].keys, reference.keys(kind)]))
        if not len(keys):
            keys = np.zeros(
                1, np.uint64
            )  # of which there is nothing: distributions without a bin have no distance
        places = [np.arange(len(now.slices)), *reference.places]
        tables = [
            _table(window, kind, keys, place)
            for window, place in zip([now, *reference.windows], places, strict=True)
        ]
        lists = now[ListTally]
        requests = now.members(lists) @ lists.lists
        return cls(keys, tables[0], sum(tables[1:], np.zeros_like(tables[0])), requests / now.clustering,
                   reference.requests / now.clustering)  # fmt: skip

    def of_keys(self, chosen: NDArray[np.bool_]) -> Tables:
        return Tables(self.keys[chosen], self.now[:, chosen], self.before[:, chosen], self.n, self.m)

    def histograms(self, middle: F) -> TwoHistograms:
        """As numbers in bins; the rows of a list are taken as alike, so observations are no more than requests."""
        n, m = (np.minimum(x, table.sum(axis=1)) for x, table in ((self.n, self.now), (self.m, self.before)))
        return TwoHistograms(self.now, self.before, n, m, middle)


def _table(window: Summary, kind: type[KeyedCounts], keys: U64, place: NDArray[np.int64]) -> F:
    """Shape (slices, keys); a slice that the window lacks has nothing."""
    found = window[kind]
    by_cell = np.zeros((len(found.groups), len(keys)))
    by_cell[found.group, np.searchsorted(keys, found.keys)[found.key]] = found.counts[:, 0]
    out = window.members(found).astype(np.float64) @ by_cell
    return np.where(place[:, None] >= 0, out[place], 0.0)


def score_shifts(now: Summary, reference: Reference) -> dict[str, Shift]:
    """Distances of the scores: "kolmogorov_smirnov", "wasserstein" and "stability_index"."""
    tables = Tables.of(now, reference, ScoreHistogram)
    found = tables.histograms(middle_of(tables.keys))
    medians = found.medians()

    def evidence(s: int) -> Mapping[str, Any]:
        return {"median": f"{medians[0][s]:.3g}", "median_before": f"{medians[1][s]:.3g}"}

    distances = {
        "kolmogorov_smirnov": found.kolmogorov_smirnov(),
        "wasserstein": found.wasserstein(),
        "stability_index": found.stability_index(),
    }
    return {name: Shift(value, error, found.n, evidence) for name, (value, error) in distances.items()}


def feature_shifts(
    now: Summary, reference: Reference, columns: Iterable[str]
) -> dict[tuple[str, str], Shift]:
    """How far columns moved, by ("number", "text" or "missing", column); those that neither has are left out.

    Numbers by Kolmogorov and Smirnov's distance, texts by the largest change of one value's share.

    Parameters
    ----------
    columns : iterable of str
        Keys of `Batch.columns`.
    """
    tables = Tables.of(now, reference, FeatureCounts)
    names = [now[FeatureCounts], *(w[FeatureCounts] for w in reference.windows)]
    out = {}
    for column in columns:
        path = column.partition(":")[2]
        mine = tables.of_keys((tables.keys & ~VALUE) == first_key(column))
        if not len(mine.keys):
            continue
        if (numbers := is_number(mine.keys)).any():
            out["number", column] = _of_numbers(mine.of_keys(numbers), path)
        if (texts := is_text(mine.keys)).any():
            out["text", column] = _of_texts(mine.of_keys(texts), path, names)
        out["missing", column] = _of_missing(mine, path)
    return out


def _of_numbers(tables: Tables, column: str) -> Shift:
    found = tables.histograms(middle_of(bin_of_key(tables.keys)))
    medians = found.medians()
    return Shift(
        *found.kolmogorov_smirnov(),
        found.n,
        lambda s: {
            "feature": column, "median": f"{medians[0][s]:.3g}", "median_before": f"{medians[1][s]:.3g}",
        },
    )  # fmt: skip


def _of_texts(tables: Tables, column: str, names: Sequence[FeatureCounts]) -> Shift:
    """The largest change of a share that chance does not explain for any of the values."""
    p, q, n, m = _shares(tables)
    change = np.abs(p - q)
    pooled = (p * n[:, None] + q * m[:, None]) / (n + m)[:, None]
    sure = ndtri(1 - CHANCE / max(len(tables.keys), 1))
    likely = change <= sure * np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m)[:, None])
    top = np.where(likely, 0.0, change).argmax(axis=1)
    slices = np.arange(len(top))
    found = ~likely[slices, top]

    def evidence(s: int) -> Mapping[str, Any]:
        if not found[s]:
            return {"feature": column}
        texts = [counts.text_of(int(tables.keys[top[s]])) for counts in names]
        text = next((t for t in texts if not t.startswith("#")), texts[0])
        shares = {"share": round(float(p[s, top[s]]), 4), "share_before": round(float(q[s, top[s]]), 4)}
        return {"feature": column, "part": text, **shares}

    there = (n > 0) & (m > 0)
    value = np.where(there, np.where(found, change[slices, top], 0.0), np.nan)
    error = np.hypot(share_error(p[slices, top], n), share_error(q[slices, top], m))
    return Shift(value, np.where(there, error, np.nan), n, evidence)


def _of_missing(tables: Tables, column: str) -> Shift:
    p, q, n, m = _shares(tables)
    none = (tables.keys & VALUE) == MISSING
    now, before = p[:, none].sum(axis=1), q[:, none].sum(axis=1)
    there = (n > 0) & (m > 0)
    return Shift(
        np.where(there, np.maximum(now - before, 0.0), np.nan),
        np.where(there, np.hypot(share_error(now, n), share_error(before, m)), np.nan),
        n,
        lambda s: {
            "feature": column,
            "share": round(float(now[s]), 4),
            "share_before": round(float(before[s]), 4),
        },
    )


def _shares(tables: Tables) -> tuple[F, F, F, F]:
    """Of the rows, now and before, and the independent observations behind them."""
    found = tables.histograms(np.zeros(len(tables.keys)))
    p, q = (
        np.divide(x, total, out=np.zeros_like(x), where=total > 0)
        for x, total in ((t, t.sum(axis=1, keepdims=True)) for t in (tables.now, tables.before))
    )
    return p, q, np.where(found.n > 0, found.n, np.nan), np.where(found.m > 0, found.m, np.nan)
