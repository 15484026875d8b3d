"""The culprit before and after: its own share of the place, from the statistics of the windows before the onset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from detectors.core.cells import slice_text
from detectors.core.hashing import U64
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ANYWHERE, FIRST, ItemCounts
from detectors.statistics.list_tally import ListTally
from monitor.incidents.incident import Incident

FIRST_PLACE = ("same_item.first_place_share", "same_item.users_share", "same_item.identical_list_share")


def with_shares(incident: Incident, now: Summary, before: Iterable[Summary]) -> Incident:
    """The incident with the culprit's share `before` (windows without it together) and `after` (this window).

    Unchanged when no item is to blame, or its name was not kept.
    """
    names = now[ItemCounts]
    item = names.name_key[names.name_text == incident.culprit.get("item", "")]
    if not incident.culprit or not len(item):
        return incident
    kind = FIRST if incident.measure in FIRST_PLACE else ANYWHERE
    text = slice_text(incident.slice)
    hits, of = np.sum([_count(s, item, kind, text) for s in before] or [(0.0, 0.0)], axis=0)
    hits_now, of_now = _count(now, item, kind, text)
    return replace(
        incident,
        before={**incident.before, "share": round(hits / of, 4) if of else None},
        after={**incident.after, "share": round(hits_now / of_now, 4) if of_now else None},
    )


def _count(summary: Summary, item: U64, kind: int, slice_: str) -> tuple[float, float]:
    """Requests of a slice that have the item at the place, and all that could."""
    if slice_ not in summary.slices.texts:
        return 0.0, 0.0
    s = summary.slices.texts.index(slice_)
    counts, lists = summary[ItemCounts], summary[ListTally]
    groups = summary.members(counts)[s]
    rows = groups[counts.group]
    mine = rows & np.isin(counts.keys, item)[counts.key]
    if kind == FIRST:
        return float(counts.counts[mine, FIRST].sum()), float(counts.counts[rows, FIRST].sum())
    return float(counts.counts[mine, ANYWHERE].sum()), float(lists.lists[summary.members(lists)[s]].sum())
