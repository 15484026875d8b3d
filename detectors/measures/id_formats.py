"""Ids in a format that they did not have: of users, requests and items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.detector import Context
from detectors.core.hashing import distinct
from detectors.core.id_formats import ROLES, describe
from detectors.core.measurement import Measurement, share
from detectors.core.spans import in_slices
from detectors.core.summary import Summary
from detectors.statistics.request_sample import RequestSample

ORDINARY = 0.001  # of the ids of a window: less is a slip
MOST = (
    0.5  # of the windows of the day before: a format that came with trouble does not become ordinary at once
)

Counts = NDArray[np.float64]


def new_formats(summary: Summary, context: Context) -> Iterator[Measurement]:
    """`new_format_{role}_share` of every slice: of the requests whose id of that role has a format which most windows
    of the day before hardly had; unknown where none of them had ids.

    Every request counts by itself: a program writes the ids of one user as it writes those of all.
    """
    windows = [summary, *(e.summary for e in context.earlier())]
    formats = distinct(np.concatenate([w[RequestSample].formats for w in windows]))
    found = [
        in_slices([w], RequestSample, summary.slices.texts, RequestSample.by_format)["ids"][0]
        for w in windows
    ]
    ids = np.zeros((len(windows), len(summary.slices), len(ROLES), len(formats)))
    for window, counts, of in zip(windows, found, ids, strict=True):
        of[:, :, np.searchsorted(formats, window[RequestSample].formats)] = counts
    for i, role in enumerate(ROLES):
        if role == "item" or role in summary.has:
            yield _measurement(f"new_format_{role}_share", ids[0, :, i], ids[1:, :, i], formats)


def _measurement(name: str, ids: Counts, before: Counts, formats: NDArray[Any]) -> Measurement:
    """Of ids by slice and format now, and by window, slice and format before."""
    if not len(before):
        nothing = np.full(len(ids), np.nan)
        return Measurement(name, nothing, nothing, np.zeros(len(ids)))
    of_window = before.sum(axis=2)
    had = before > ORDINARY * of_window[:, :, None]
    known = (of_window > 0).sum(axis=0)
    ordinary = had.sum(axis=0) >= np.maximum(MOST * known, 1)[:, None]
    new = np.where(ordinary, 0.0, ids)

    def evidence(s: int) -> Mapping[str, Any]:
        if not new[s].any():
            return {}
        usual = before[:, s].sum(axis=0) * ordinary[s]
        return {
            "format": describe(int(formats[new[s].argmax()])),
            **({"before": describe(int(formats[usual.argmax()]))} if usual.any() else {}),
        }

    total = np.where(known > 0, ids.sum(axis=1), 0.0)
    return share(name, new.sum(axis=1), total, np.ones(len(ids)), evidence)
