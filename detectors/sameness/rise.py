"""How much more of the first places the top item has than any item had on the day before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from detectors.core.detector import Context
from detectors.core.measurement import Measurement
from detectors.core.summary import Summary
from detectors.sameness.shown import F, Shown
from detectors.sameness.tops import Tops
from detectors.statistics.item_counts import FIRST

KNOWN_BEFORE = 30  # independent answers of the day before from which on it says what is usual


class FirstPlaces(NamedTuple):
    """What a later window asks of one before it, each of shape (slices,).

    `top` is the share of the answers that the most frequent item has.
    """

    answers: F
    independent: F
    top: F

    @classmethod
    def of(cls, tops: Tops) -> FirstPlaces:
        return cls(tops.shown.answers, tops.shown.answers / tops.shown.clustering, tops.shares[:, 0])

    @classmethod
    def recalled(cls, summary: Summary) -> FirstPlaces:
        """Of an earlier window: from its memo, or worked out once."""
        if (key := (cls, summary.left_out)) not in summary.memo:
            summary.memo[key] = cls.of(Tops(Shown(summary.lean(), FIRST)))
        found: FirstPlaces = summary.memo[key]
        return found


def rise_at_first(measure: str, tops: Tops, context: Context) -> Measurement:
    """The share of the top item less the mean share of the top items of the day before, where that is positive.

    A part of the users that no column describes, all of whom get one item, stays below every limit for a share. It
    shows as an item that comes from nowhere. Where one item after the other has its turn, as the deal of the day,
    nothing rises. Windows in which something was wrong are left out.

    Parameters
    ----------
    tops : Tops
        Of first places.
    """
    summary = tops.shown.summary
    now = summary.memo[FirstPlaces, summary.left_out] = FirstPlaces.of(tops)
    texts = {text: s for s, text in enumerate(summary.slices.texts)}
    answers, independent, top = np.zeros((3, len(texts)))
    windows = [earlier.summary for earlier in context.earlier() if not earlier.troubled]
    for summary in windows:
        then = FirstPlaces.recalled(summary)
        both = [
            (texts[t], s) for s, t in enumerate(summary.slices.texts) if t in texts and then.answers[s] > 0
        ]
        here, there = np.array(both, np.int64).reshape(-1, 2).T
        answers[here] += then.answers[there]
        independent[here] += then.independent[there]
        top[here] += then.top[there] * then.answers[there]

    with np.errstate(invalid="ignore", divide="ignore"):
        usual = top / answers
        value = np.where(independent >= KNOWN_BEFORE, np.maximum(now.top - usual, 0.0), np.nan)
        n = now.independent
        centre = (now.top * n + 2) / (n + 4)  # as for a share: Agresti and Coull
        variance = centre * (1 - centre) / n + usual * (1 - usual) / independent
        # So many observations of a plain share would make it known as well as this difference of two.
        worth = np.where(value > 0, np.minimum(value * (1 - value) / variance, n), n)

    def evidence(s: int) -> Mapping[str, Any]:
        if not value[s] > 0:
            return {}
        text, key = list(texts)[s], int(tops.counts.keys[tops.items[s, 0]])
        hits = of = 0.0
        for before in windows:
            if text in before.slices.texts:
                there = before.slices.texts.index(text)
                hits += Shown(before.lean(), FIRST).of_item(key, there)
                of += FirstPlaces.recalled(before).answers[there]
        shares = {"share": round(float(now.top[s]), 4), "share_before": round(hits / of, 4)}
        return {**tops.evidence(s), **shares}

    return Measurement(measure, value, np.where(np.isnan(value), np.nan, np.sqrt(variance)), worth, evidence)
