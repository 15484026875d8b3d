"""Who gets the attention: exposure of categories and providers, and whose share of it has changed most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import Catalog, Labels
from detectors.core.detector import Earlier
from detectors.core.hashing import combine
from detectors.core.measurement import Measurement
from detectors.core.summary import Summary
from detectors.measures.sampled_lists import F, SampledLists
from detectors.measures.variety import of_items
from detectors.statistics.item_counts import ItemCounts

PARTS = 100  # categories (providers) that are looked at, those with most exposure
NAMED = 5


def exposure_change(part: str, summary: Summary, catalog: Catalog, before: Sequence[Earlier]) -> Measurement:
    """The largest change of a part's share of exposure since the day before, by slice; NaN without a day before.

    A row at position p gets an exposure of 1 / log2(1 + p). The part whose share has changed most is looked for among
    half of the users and measured on the other half, and the other way round: the largest of many differences would
    grow with chance, and so with fewer users.

    Parameters
    ----------
    part : str
        "category" or "provider".
    before : sequence of Earlier
        The windows that this one is compared with, together.

    References
    ----------
    A. Singh and T. Joachims, "Fairness of exposure in rankings", KDD 2018.
    """
    texts, labels = summary.slices.texts, getattr(catalog, part)
    names, labelled = labels.names, _labelled(catalog, labels)
    n, here = SampledLists.of(summary).n, _exposure(summary, catalog, part, labelled)
    parts, then, n_then = _before(
        [_exposure(w.summary.lean(), catalog, part, labelled) for w in before], texts
    )
    parts, then = _with(here.parts, parts, then)
    halves = _at(here.parts, here.halves, parts)
    now = _shares(halves.sum(axis=0))
    then = _shares(then)
    slices, value, variance = np.arange(len(texts)), np.zeros(len(texts)), np.zeros(len(texts))
    if len(parts):
        change = np.stack([_shares(half) - then for half in halves])
        for found, other in ((0, 1), (1, 0)):
            top = np.nan_to_num(np.abs(change[found])).argmax(axis=1)
            value += np.sign(change[found][slices, top]) * change[other][slices, top] / 2
            p, q = now[slices, top], then[slices, top]
            # As if all of a list were of one part: at most that much do shares vary.
            with np.errstate(invalid="ignore", divide="ignore"):
                variance += p * (1 - p) / n / 2 + q * (1 - q) / n_then / 2
    else:
        value = variance = np.full(len(texts), np.nan)

    def evidence(s: int) -> Mapping[str, Any]:
        moved = now[s] - then[s]
        if not len(moved) or not np.isfinite(moved).all():
            return {}
        named = [
            {part: names[int(parts[i])], "exposure": round(float(now[s, i]), 4),
             "exposure_before": round(float(then[s, i]), 4)}
            for i in np.argsort(-np.abs(moved), kind="stable")[:NAMED]
        ]  # fmt: skip
        return {"part": str(named[0][part]), "changed": named}

    return Measurement(
        f"{part}_exposure_change", np.maximum(value, 0), np.sqrt(variance), np.minimum(n, n_then), evidence
    )


@dataclass(frozen=True)
class _Exposure:
    """Of one window, for the parts that have most of it.

    Parameters
    ----------
    parts : array of int, shape (parts,)
        Codes of the labels, ascending.
    halves : array, shape (2, slices, parts)
        For the two halves of the users.
    n : array, shape (slices,)
        Independent requests.
    """

    texts: tuple[str, ...]
    parts: NDArray[np.int64]
    halves: F
    n: F


def _exposure(summary: Summary, catalog: Catalog, part: str, labelled: int) -> _Exposure:
    """Made once for each window and catalogue: windows of the day before come again every hour."""
    key = (_Exposure, part, summary.left_out)
    of, found = summary.memo.get(key, (0, None))
    if found is None or of != labelled:
        found = _made(SampledLists.of(summary), catalog, part)
        summary.memo[key] = labelled, found
    made: _Exposure = found
    return made


def _labelled(catalog: Catalog, labels: Labels) -> int:
    """Says whether two catalogues give all items the same labels, without keeping the older one."""
    of_items = combine(catalog.keys, labels.codes.astype(np.uint64))
    return hash((len(catalog), int(of_items.sum()), tuple(labels.names)))


def _made(lists: SampledLists, catalog: Catalog, part: str) -> _Exposure:
    summary, labels = lists.summary, getattr(catalog, part)
    panel, cells = lists.panel, len(lists.panel.groups)
    label = of_items(catalog, summary[ItemCounts].keys, labels)[lists.item]
    known = np.flatnonzero(label >= 0)
    label, of_list = label[known], lists.row_list[known]
    exposure = lists.weight[of_list] / np.log2(1 + np.maximum(panel.position[known], 1))
    whole = np.bincount(label, exposure, len(labels.names))
    parts = np.sort(np.argsort(-whole, kind="stable")[: min(PARTS, int((whole > 0).sum()))])
    number = np.full(len(labels.names), -1)
    number[parts] = np.arange(len(parts))
    kept = np.flatnonzero(number[label] >= 0)
    half = (panel.user & np.uint64(1)).astype(np.int64)[panel.request_user]
    code = (half * cells + lists.cell)[of_list[kept]] * len(parts) + number[label[kept]]
    table = np.bincount(code, exposure[kept], 2 * cells * len(parts)).reshape(2, cells, len(parts))
    return _Exposure(summary.slices.texts, parts, np.asarray(lists.members @ table), lists.n)


def _before(windows: Sequence[_Exposure], texts: tuple[str, ...]) -> tuple[NDArray[np.int64], F, F]:
    """Parts, their exposure in the same slices of some windows together, and the requests behind it."""
    parts = np.unique(np.concatenate([w.parts for w in windows])) if windows else np.empty(0, np.int64)
    exposure, n = np.zeros((len(texts), len(parts))), np.zeros(len(texts))
    for window in windows:
        found = _at(window.parts, window.halves.sum(axis=0), parts)
        if window.texts == texts:
            exposure, n = exposure + found, n + window.n
        else:
            at = {text: i for i, text in enumerate(window.texts)}
            place = np.array([at.get(text, -1) for text in texts])
            there = np.flatnonzero(place >= 0)
            exposure[there] += found[place[there]]
            n[there] += window.n[place[there]]
    return parts, exposure, n


def _with(more: NDArray[np.int64], parts: NDArray[np.int64], exposure: F) -> tuple[NDArray[np.int64], F]:
    """The parts of both, and the exposure of all of them."""
    both = np.union1d(more, parts)
    return both, _at(parts, exposure, both)


def _at(parts: NDArray[np.int64], exposure: F, wanted: NDArray[np.int64]) -> F:
    """Exposure of some parts in the order of others that hold all of them, 0 for the rest, shape (..., wanted)."""
    if len(parts) == len(wanted):
        return exposure
    out = np.zeros((*exposure.shape[:-1], len(wanted)))
    out[..., np.searchsorted(wanted, parts)] = exposure
    return out


def _shares(exposure: F) -> F:
    with np.errstate(invalid="ignore", divide="ignore"):
        return exposure / exposure.sum(axis=1, keepdims=True)
