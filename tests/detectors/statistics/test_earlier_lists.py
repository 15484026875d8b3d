"""Lists beside earlier ones, against a search through all windows one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detectors import Batch, Context, Earlier, Expected, Summary
from detectors.statistics.earlier_lists import EarlierLists
from detectors.statistics.panel import Panel
from tests.detectors.batches import HOUR, START, batches

BY_SURFACE = Expected(kinds=(({"surface": "S1"}, "contextual"),))


def about(batch: Batch, seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    return replace(batch, context=rng.integers(0, 4, batch.n_requests).astype(np.uint64))


def lists_of(summary: Summary) -> Iterator[tuple[int, tuple[int, int, bool], list[tuple[int, int]]]]:
    """Number, key (cell, user or thing, which of the two) and rows of each list that can be compared."""
    panel = summary[Panel]
    values = dict(zip(summary.cells.keys.tolist(), summary.cells.values, strict=True))
    for r in range(len(panel.request)):
        rows = range(panel.offsets[r], panel.offsets[r + 1])
        u = panel.request_user[r]
        cell = int(panel.groups[panel.user_group[u]])
        contextual = values[cell][1] == "S1"
        known = panel.context[r] != 0 if contextual else panel.user_known[u]
        if known and len(rows) >= 2:
            who = int(panel.context[r]) if contextual else int(panel.user[u])
            yield r, (cell, who, contextual), [(int(panel.item[i]), int(panel.position[i])) for i in rows]


@given(now=batches(), before=st.lists(batches(), max_size=4), seed=st.integers(0, 2**32))
def test_every_list_meets_one_of_each_earlier_window(now: Batch, before: list[Batch], seed: int) -> None:
    summary, *windows = (
        Summary.of(about(batch, seed + i), (Panel,), expected=BY_SURFACE)
        for i, batch in enumerate([now, *before])
    )
    earlier = [Earlier(START - (i + 1) * HOUR, w) for i, w in enumerate(windows)]
    found = EarlierLists.of(summary, Context((START, START + HOUR)), earlier, 2 * HOUR)

    there = [list(lists_of(w)) for w in windows]
    at, seen = 0, {int(r): set() for r in found.request}
    for r, key, rows in sorted(lists_of(summary), key=lambda found_list: found_list[0]):
        mine = np.flatnonzero(found.request == r)
        partners = [[rows for _, other, rows in lists if other == key] for lists in there]
        assert len(mine) == sum(bool(p) for p in partners)
        assert found.recent[mine].sum() == sum(bool(p) for p in partners[:2])
        items = {item for item, _ in rows}
        for pair, options in zip(mine, [p for p in partners if p], strict=True):
            changes = {
                1 - len(items & {i for i, _ in o}) / min(len(items), len({i for i, _ in o})) for o in options
            }
            assert any(abs(found.change[pair] - c) < 1e-9 for c in changes)
            if len(options) == 1:  # else which of them it met follows from hashes
                assert found.same[pair] == (sorted(options[0]) == sorted(rows))
                seen[r] |= items & {i for i, _ in options[0]}
        if len(mine) and all(len(p) <= 1 for p in partners):
            assert np.allclose(found.novelty[mine], 1 - len(seen[r]) / len(items))
        at += len(mine)
    assert at == len(found.request)
