"""Requests of one user in two panels, against a search through all pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import Batch
from detectors.statistics.panel import Panel
from detectors.statistics.panel_match import matched, overlap
from tests.detectors.batches import batches, of_lists


def key_of(panel: Panel, request: int, by_context: bool = False) -> tuple[int, int] | None:
    """Cell and user of a request; None where it has none."""
    user = panel.request_user[request]
    cell = int(panel.groups[panel.user_group[user]])
    if by_context:
        return (cell, int(panel.context[request])) if panel.context[request] else None
    return (cell, int(panel.user[user])) if panel.user_known[user] else None


def items_of(panel: Panel, request: int) -> set[int]:
    rows = range(panel.offsets[request], panel.offsets[request + 1])
    return {int(panel.item[row]) for row in rows}


def about(batch: Batch, rng: np.random.Generator) -> Batch:
    return replace(batch, context=rng.integers(0, 4, batch.n_requests).astype(np.uint64))


def check_pairs(
    now: Panel, before: Panel, ours: NDArray[np.int64], theirs: NDArray[np.int64], by_context: bool
) -> None:
    keys = [key_of(before, b, by_context) for b in range(len(before.request))]
    have = {key for key in keys if key is not None}
    wanted = {r for r in range(len(now.request)) if key_of(now, r, by_context) in have}
    assert sorted(ours.tolist()) == sorted(wanted)  # each once, and all that could be
    for a, b in zip(ours.tolist(), theirs.tolist(), strict=True):
        assert key_of(now, a, by_context) == keys[b]
    # Those of before take turns: none is met twice more often than another of the same user.
    met = np.bincount(theirs, minlength=len(keys))
    for key in {keys[b] for b in theirs.tolist()}:
        times = [met[b] for b in range(len(keys)) if keys[b] == key]
        assert max(times) - min(times) <= 1


@given(a=batches(), b=batches(), seed=st.integers(0, 2**32), by_context=st.booleans())
def test_all_requests_that_have_a_partner_get_one(a: Batch, b: Batch, seed: int, by_context: bool) -> None:
    rng = np.random.default_rng(seed)
    now, before = Panel.from_batch(about(a, rng)), Panel.from_batch(about(b, rng))
    check_pairs(now, before, *matched(now, before, by_context=by_context), by_context)


@given(a=batches(), b=batches(), seed=st.integers(0, 2**32))
def test_overlap_is_that_of_sets(a: Batch, b: Batch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    now, before = Panel.from_batch(a), Panel.from_batch(b)
    pairs = rng.integers(0, 20) if len(now.request) and len(before.request) else 0
    ours, theirs = (rng.integers(0, max(len(p.request), 1), pairs) for p in (now, before))
    expected = []
    for r, q in zip(ours.tolist(), theirs.tolist(), strict=True):
        x, y = items_of(now, r), items_of(before, q)
        expected.append(len(x & y) / min(len(x), len(y)) if x and y else np.nan)
    assert overlap(now, ours, before, theirs) == pytest.approx(expected, nan_ok=True)


def test_who_comes_again_is_met_in_the_same_cell_only() -> None:
    now = Panel.from_batch(
        of_lists([["a", "b"]] * 3, users=["Ada", "Bob", None], surfaces=["home", "home", "home"])
    )
    before = Panel.from_batch(
        of_lists(
            [["a", "c"], ["a", "b"], ["x", "y"]],
            users=["Ada", "Bob", None],
            surfaces=["home", "mail", "home"],
        )
    )
    ours, theirs = matched(now, before)
    assert overlap(now, ours, before, theirs).tolist() == [0.5]


def test_of_many_requests_each_is_met_in_turn() -> None:
    now = Panel.from_batch(of_lists([["a"]] * 5, users=["Ada"] * 5))
    before = Panel.from_batch(of_lists([["a"], ["b"]], users=["Ada"] * 2))
    ours, theirs = matched(now, before)
    assert sorted(ours.tolist()) == [0, 1, 2, 3, 4]
    assert sorted(np.bincount(theirs).tolist()) == [2, 3]


def test_nobody_in_common() -> None:
    now, before = (Panel.from_batch(of_lists([["a"]], users=[user])) for user in ("Ada", "Bob"))
    ours, theirs = matched(now, before)
    assert (ours.tolist(), theirs.tolist()) == ([], [])
    assert overlap(now, ours, before, theirs).tolist() == []


def test_an_item_twice_counts_once_and_the_shorter_list_is_the_measure() -> None:
    now = Panel.from_batch(of_lists([["a", "a", "b"]], users=["Ada"]))
    before = Panel.from_batch(of_lists([["a", "c", "d", "e"]], users=["Ada"]))
    assert overlap(now, *_first(), before, *_first()).tolist() == [0.5]


def _first() -> tuple[NDArray[np.int64]]:
    return (np.zeros(1, np.int64),)
