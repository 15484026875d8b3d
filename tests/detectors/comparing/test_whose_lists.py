"""Whose earlier list a list is, against a search through all lists of all windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Batch, Expected, Summary
from detectors.comparing import whose_lists as module
from detectors.comparing.whose_lists import whose_lists
from detectors.statistics.panel import Panel
from tests.detectors.batches import batches, of_lists

BY_SURFACE = Expected(kinds=(({"surface": "S1"}, "contextual"),))


def about(batch: Batch, seed: int) -> Batch:
    rng = np.random.default_rng(seed)
    return replace(batch, context=rng.integers(0, 4, batch.n_requests).astype(np.uint64))


def one_each(summary: Summary) -> dict[tuple[int, int], tuple[int, set[int]]]:
    """Of each cell and user (or thing) the list whose request has the smallest hash: its number and items."""
    panel, out = summary[Panel], {}
    values = dict(zip(summary.cells.keys.tolist(), summary.cells.values, strict=True))
    for r in sorted(range(len(panel.request)), key=lambda r: int(panel.request[r]), reverse=True):
        u = panel.request_user[r]
        cell = int(panel.groups[panel.user_group[u]])
        contextual = values[cell][-1:] == ("S1",)
        known = panel.context[r] != 0 if contextual else panel.user_known[u]
        items = [int(i) for i in panel.item[panel.offsets[r] : panel.offsets[r + 1]]]
        if known and len(items) >= 2:
            out[cell, int(panel.context[r]) if contextual else int(panel.user[u])] = r, set(items)
    return out


def by_hand(now: Summary, earlier: Sequence[Summary]) -> dict[frozenset[int], bool]:
    """Each list of which something can be said, and whether it is somebody else's."""
    then = [(key, items) for summary in earlier for key, (_, items) in one_each(summary).items()]
    out = {}
    for key, (number, mine) in one_each(now).items():
        shares: dict[tuple[int, int], float] = {}
        for other, items in then:
            if other[0] == key[0]:
                share = len(mine & items) / max(len(mine), len(items))
                shares[other] = max(share, shares.get(other, 0.0))
        nearest = max(shares, key=lambda k: shares[k], default=key)
        best = shares.get(nearest, 0.0)
        rival = max((share for k, share in shares.items() if k != nearest), default=0.0)
        others = best >= 0.7 and rival <= best / 2 and nearest != key
        if others or key in shares:
            out[number] = others
    return out


@given(now=batches(), before=st.lists(batches(), max_size=4), seed=st.integers(0, 2**32))
def test_as_a_search_through_all_of_them(now: Batch, before: list[Batch], seed: int) -> None:
    summary, *earlier = (
        Summary.of(about(batch, seed + i), (Panel,), expected=BY_SURFACE)
        for i, batch in enumerate([now, *before])
    )
    found = whose_lists(summary, earlier)
    assert dict(zip(found.request.tolist(), found.others.tolist(), strict=True)) == by_hand(summary, earlier)


def a_summary(lists: Sequence[str], users: str) -> Summary:
    return Summary.of(of_lists(list(lists), users=list(users)), (Panel,))


@pytest.mark.parametrize(
    ("lists", "said"),
    [
        (["abcd", "efgh"], [False, False]),  # everybody has their own
        (["efgh", "abcd"], [True, True]),  # exchanged
        (["efgx", "wxyz"], [True, False]),  # most of it is enough; a new list is nobody's
        (["efxy", "cdxy"], [False, False]),  # half of it may be chance
        (["exyz", "abcd"], [False, True]),  # one item is not
        (["abef", "abef"], [False, False]),  # as much of each: whose it is cannot be said
        (["abce", "abce"], [False, True]),
    ],
)
def test_lists_of_two_users(lists: list[str], said: list[bool]) -> None:
    found = whose_lists(a_summary(lists, "AB"), [a_summary(["abcd", "efgh"], "AB")])
    now = a_summary(lists, "AB")[Panel]
    by_user = {int(now.user[now.request_user[r]]): o for r, o in zip(*found, strict=True)}
    hashes = of_lists(["ab", "ab"], users=["A", "B"]).user
    assert [by_user[int(h)] for h in hashes] == said


def test_an_item_that_a_list_has_twice_counts_once() -> None:
    before = [a_summary(["abcd"], "A")]
    assert whose_lists(a_summary(["aaabx"], "B"), before).others.tolist() == []
    assert whose_lists(a_summary(["aabcx"], "B"), before).others.tolist() == [True]


@pytest.mark.parametrize(("now", "before"), [("ab", "abcdef"), ("abcdef", "ab")])
def test_a_few_items_of_a_long_list_are_not_that_list(now: str, before: str) -> None:
    assert whose_lists(a_summary([now], "B"), [a_summary([before], "A")]).others.tolist() == []


def test_strangers_count_only_with_somebody_elses_list() -> None:
    before = [a_summary(["abcd", "efgh"], "AB")]
    assert whose_lists(a_summary(["wxyz", "efgh"], "CD"), before).others.tolist() == [True]


def test_nothing_is_known_without_lists_before() -> None:
    assert len(whose_lists(a_summary(["abcd"], "A"), []).request) == 0
    empty = Summary.of(of_lists([], users=[]), (Panel,))
    assert len(whose_lists(empty, [a_summary(["abcd"], "A")]).request) == 0
    assert len(whose_lists(a_summary(["abcd"], "A"), [empty]).request) == 0


def test_of_very_many_lists_the_same_users_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [str(n) for n in range(60)]
    lists = [[f"{n}-{k}" for k in range(4)] for n in range(60)]
    monkeypatch.setattr(module, "MOST_LISTS", 20)

    def said(now: list[list[str]]) -> list[bool]:
        windows = (Summary.of(of_lists(shown, users=users), (Panel,)) for shown in (now, lists))
        found = whose_lists(next(windows), list(windows))
        return list(found.others.tolist())

    assert said(lists) == [False] * 20
    # In the lists of the next user: few of those met before get one of the twenty that are known.
    dealt = said(lists[1:] + lists[:1])
    assert any(dealt)
    assert dealt.count(False) <= 20


def test_where_all_lists_are_alike_few_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [str(n) for n in range(50)]
    same = Summary.of(of_lists(["abcd"] * 50, users=users), (Panel,))
    monkeypatch.setattr(module, "MOST_SHARED", 1000)
    found = whose_lists(same, [same])
    assert (len(found.request), found.others.any()) == (50, False)
