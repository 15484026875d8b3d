"""What people got before and after, to be looked at side by side: the most frequent items, and whole lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.cells import slice_text
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ANYWHERE, FIRST, ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel
from monitor.incidents.before import FIRST_PLACE
from monitor.incidents.incident import Incident
from monitor.incidents.sentence import shorten

MOST_ITEMS, MOST_LISTS, MOST_PLACES = 5, 3, 10
LONGEST_NAME = 80


def with_pictures(incident: Incident, now: Summary, before: Iterable[Summary]) -> Incident:
    """The incident with `top_items` and `lists` on both sides.

    `top_items` are {"item", "share"} of the incident's place: shares of the requests that have the item at their
    first place, or anywhere, as the incident's measure counts. `lists` are those of up to three users, by item; None
    stands for an item that is too rare for its name to be kept. Nothing tells whose lists they are.

    Parameters
    ----------
    before : iterable of Summary
        Windows before, newest first. Items are counted over all of them, lists are of the newest that has some.
    """
    text = slice_text(incident.slice)
    kind = FIRST if incident.measure in FIRST_PLACE else ANYWHERE
    earlier = [summary for summary in before if text in summary.slices.texts]
    here = [now] if text in now.slices.texts else []
    sides: list[dict[str, Any]] = []
    for summaries, known in ((earlier, incident.before), (here, incident.after)):
        lists = next((found for s in summaries if (found := _lists(s, text))), None)
        top = _top_items(summaries, text, kind)
        sides.append({**known, **({"top_items": top} if top else {}), **({"lists": lists} if lists else {})})
    return replace(incident, before=sides[0], after=sides[1])


def _top_items(summaries: list[Summary], text: str, kind: int) -> list[dict[str, Any]]:
    """The most frequent items whose names were kept."""
    keys, hits, of = [np.empty(0, np.uint64)], [np.empty(0)], 0.0
    for summary in summaries:
        s = summary.slices.texts.index(text)
        counts, lists = summary[ItemCounts], summary[ListTally]
        rows = summary.members(counts)[s][counts.group]
        n = counts.counts[rows, kind]
        keys.append(counts.keys[counts.key[rows]])
        hits.append(n.astype(float))
        of += float(n.sum() if kind == FIRST else lists.lists[summary.members(lists)[s]].sum())
    if not of:
        return []
    items, at = np.unique(np.concatenate(keys), return_inverse=True)
    totals = np.bincount(at, np.concatenate(hits), minlength=len(items))
    out: list[dict[str, Any]] = []
    for i in np.argsort(-totals, kind="stable")[: 4 * MOST_ITEMS]:
        name = next((n for s in summaries if (n := _name(s[ItemCounts], items[i])) is not None), None)
        if name is not None and totals[i] and len(out) < MOST_ITEMS:
            out.append({"item": name, "share": round(float(totals[i] / of), 4)})
    return out


def _lists(summary: Summary, text: str) -> list[list[str | None]]:
    """Lists of the slice, each of another user."""
    panel, counts = summary[Panel], summary[ItemCounts]
    groups: NDArray[np.bool_] = summary.members(panel)[summary.slices.texts.index(text)]
    length = np.diff(panel.offsets)
    chosen = np.flatnonzero(groups[panel.user_group][panel.request_user] & (length > 0))
    _, first = np.unique(panel.user[panel.request_user[chosen]], return_index=True)
    out = []
    for request in chosen[first[:MOST_LISTS]]:
        rows = slice(panel.offsets[request], panel.offsets[request] + min(length[request], MOST_PLACES))
        out.append([_name(counts, key) for key in panel.item[rows]])
    return out


def _name(counts: ItemCounts, key: np.uint64) -> str | None:
    at = int(np.searchsorted(counts.name_key, key))
    if at < len(counts.name_key) and counts.name_key[at] == key:
        return shorten(str(counts.name_text[at]), LONGEST_NAME)
    return None
