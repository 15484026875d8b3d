"""Personalisation: lists that depend on nobody, and lists dealt to the wrong users while every count stays the same."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import numpy as np
import pytest

from detectors import Batch, Cells, Context, Earlier, Measurement, Summary
from detectors.core.hashing import hash_integers, hash_texts
from detectors.personalization import Personalization
from tests.detectors.batches import HOUR, ROLES, START, measure_summary

DETECTOR = Personalization()
ITEMS, LENGTH = 400, 6


def an_hour(
    seed: int, users: int = 300, sticky: float = 0.7, personal: bool = True, context: bool = False
) -> Batch:
    """Requests of half of the users: lists by taste, most of whose items stay from hour to hour.

    With `context`, what a list depends on is what is being looked at, one of twenty things.
    """
    rng = np.random.default_rng(seed)
    who = np.flatnonzero(rng.random(users) < 0.5)
    n = len(who)
    seen = rng.integers(0, 20, n)
    key = seen if context else who
    lists = np.empty((n, LENGTH), np.int64)
    for row, k in enumerate(key):
        own = np.random.default_rng([7, int(k)]).permutation(ITEMS)[:LENGTH]
        fresh = rng.permutation(ITEMS)[:LENGTH]
        lists[row] = np.where(rng.random(LENGTH) < sticky, own, fresh) if personal else fresh
    return Batch(
        cells=Cells.of((), [()]),
        cell=np.zeros(n, np.int32),
        offsets=np.arange(n + 1, dtype=np.int64) * LENGTH,
        item=lists.ravel().astype(np.int32),
        item_hash=hash_texts(str(i) for i in range(ITEMS)),
        item_names=[str(i) for i in range(ITEMS)],
        position=np.tile(np.arange(1, LENGTH + 1, dtype=np.int32), n),
        user=hash_integers(who),
        user_known=np.ones(n, bool),
        request=hash_integers(np.arange(n) + 1000 * seed),
        time=np.full(n, START),
        context=hash_integers(seen) if context else None,
        has=ROLES,
        repeated=np.zeros(1, np.int64),
    )


def dealt_to_others(batch: Batch, seed: int = 0) -> Batch:
    """The same lists, users and counts; only who gets which is drawn by lot."""
    return replace(batch, user=np.random.default_rng(seed).permutation(batch.user))


def summary(batch: Batch) -> Summary:
    return Summary.of(batch, DETECTOR.statistics)


def found(now: Batch, *earlier: Batch, troubled: bool = False, **expected: object) -> dict[str, Measurement]:
    windows = [Earlier(START - (k + 1) * HOUR, summary(b), troubled) for k, b in enumerate(earlier)]
    return measure_summary(
        DETECTOR, summary(now), Context(window_us=(START, START + HOUR), earlier=lambda: windows, **expected)
    )


def by_hand(now: Batch, before: Batch) -> tuple[list[float], list[float]]:
    """Overlap of each list with the user's own earlier list, and with all earlier lists of others, pair by pair."""

    def lists(batch: Batch) -> dict[int, set[int]]:
        return {
            int(u): set(batch.item[batch.offsets[r] : batch.offsets[r + 1]].tolist())
            for r, u in enumerate(batch.user)
        }

    ours, theirs = lists(now), lists(before)
    both = sorted(ours.keys() & theirs.keys())
    own = [len(ours[u] & theirs[u]) / min(len(ours[u]), len(theirs[u])) for u in both]
    others = [len(ours[u] & theirs[v]) / LENGTH for u in both for v in both if u != v]
    return own, others


def test_overlap_with_ones_own_list_pair_by_pair() -> None:
    now, before = an_hour(1), an_hour(2)
    own, others = by_hand(now, before)
    measured = found(now, before)
    assert measured["own_overlap"].n[0] == len(own)
    assert measured["own_overlap"].value[0] == pytest.approx(mean(own))
    spread = np.std(own, ddof=1) / np.sqrt(len(own))
    assert measured["own_overlap"].error[0] == pytest.approx(spread)
    # Each list is compared with a few others, drawn by lot: within their error of all of them.
    drawn = measured["others_overlap"]
    assert abs(drawn.value[0] - mean(others)) <= 4 * drawn.error[0]
    assert measured["dependence"].value[0] == pytest.approx(measured["own_overlap"].value[0] - drawn.value[0])


def test_lists_dealt_to_the_wrong_users_are_told_though_no_count_moves() -> None:
    healthy = found(an_hour(1), an_hour(2))["dependence"]
    wrong = found(dealt_to_others(an_hour(1)), an_hour(2))["dependence"]
    assert healthy.value[0] > 0.35
    assert abs(wrong.value[0]) <= 4 * wrong.error[0]


def test_lists_dealt_to_the_wrong_users_are_recognised_as_those_of_others() -> None:
    now, before = an_hour(1, sticky=0.98), an_hour(2, sticky=0.98)
    healthy = found(now, before)["others_list_share"]
    wrong = found(dealt_to_others(now), before)["others_list_share"]
    met = np.isin(now.user, before.user)
    assert (healthy.value[0], healthy.n[0]) == (0.0, met.sum())
    # Whoever gets a list of somebody else who was there before, beside those who were there themselves.
    given = dealt_to_others(now).user
    others = met & (given != now.user)
    share = others.sum() / (others | np.isin(given, before.user)).sum()
    assert 0.9 * share < wrong.value[0] <= share


@pytest.mark.parametrize("everybody_the_same", [False, True])
def test_lists_of_a_new_model_and_lists_that_everybody_gets_are_nobodys(everybody_the_same: bool) -> None:
    now = an_hour(1, personal=False)  # nothing in it has to do with what was before
    before = an_hour(2)
    if everybody_the_same:
        now = replace(now, item=np.tile(np.arange(LENGTH, dtype=np.int32), now.n_requests))
        before = replace(before, item=np.tile(np.arange(LENGTH, dtype=np.int32), before.n_requests))
    assert found(now, before)["others_list_share"].value[0] < 0.05


def test_whose_lists_they_are_does_not_depend_on_how_many_users_there_are() -> None:
    def wrong(users: int) -> Measurement:
        now, before = (an_hour(seed, users=users, sticky=0.9) for seed in (1, 2))
        return found(dealt_to_others(now), before)["others_list_share"]

    few, many = wrong(120), wrong(600)
    assert abs(few.value[0] - many.value[0]) <= 3 * np.hypot(few.error[0], many.error[0])
    assert many.error[0] == pytest.approx(few.error[0] / np.sqrt(5), rel=0.3)


@pytest.mark.parametrize("known", [1, 2, 20])
def test_short_lists_with_a_pinned_item_are_nobodys_by_chance(known: int) -> None:
    """Strangers have no list of their own before, beside which one that is half like theirs would be no match."""
    hours = [an_hour(seed, users=80, personal=False) for seed in range(1, 2 + known)]
    for hour in hours:
        lists = hour.item.reshape(-1, LENGTH)
        lists[:, 0] = 0
    short = [
        replace(hour, item=hour.item.reshape(-1, LENGTH)[:, :4].ravel(),
                offsets=np.arange(hour.n_requests + 1, dtype=np.int64) * 4,
                position=np.tile(np.arange(1, 5, dtype=np.int32), hour.n_requests))
        for hour in hours
    ]  # fmt: skip
    assert found(*short)["others_list_share"].value[0] < 0.05


def test_whose_lists_they_are_is_asked_of_windows_in_trouble_only_where_there_are_no_others() -> None:
    now, before, wrong = (
        an_hour(1, sticky=0.98),
        an_hour(2, sticky=0.98),
        dealt_to_others(an_hour(3, sticky=0.98)),
    )
    windows = [
        Earlier(START - HOUR, summary(wrong), troubled=True),
        Earlier(START - 2 * HOUR, summary(before)),
    ]
    context = Context(window_us=(START, START + HOUR), earlier=lambda: windows)
    over = measure_summary(DETECTOR, summary(now), context)["others_list_share"]
    assert over.value[0] == found(now, before)["others_list_share"].value[0] < 0.05
    lasting = found(dealt_to_others(now), wrong, troubled=True)["others_list_share"]
    assert lasting.value[0] > 0.3


def test_impersonal_lists_depend_on_nobody() -> None:
    lost = found(an_hour(1, personal=False), an_hour(2))["dependence"]
    assert abs(lost.value[0]) <= 4 * lost.error[0]


def test_ten_times_the_users_measure_the_same() -> None:
    few, many = (found(an_hour(1, users=n), an_hour(2, users=n))["dependence"] for n in (200, 2000))
    assert abs(few.value[0] - many.value[0]) <= 3 * np.hypot(few.error[0], many.error[0])
    assert many.error[0] == pytest.approx(few.error[0] / np.sqrt(10), rel=0.3)


def test_windows_in_which_something_was_wrong_are_left_out_while_there_are_others() -> None:
    windows = [Earlier(START - HOUR, summary(an_hour(2, personal=False)), troubled=True)]
    windows += [Earlier(START - k * HOUR, summary(an_hour(k + 1))) for k in (2, 3)]
    now = summary(an_hour(1))
    context = Context(window_us=(START, START + HOUR), earlier=lambda: windows)
    assert measure_summary(DETECTOR, now, context)["dependence"].value[0] > 0.35
    # Where there are none, they have to do: lists that have come back to their users are seen in the window after.
    back = found(an_hour(1), an_hour(2), troubled=True)["dependence"]
    assert back.value[0] > 0.35


def test_others_need_not_have_come_back_themselves() -> None:
    """Of few who come back each is alone in a cell: there are lists of others to compare with all the same."""
    now, before = an_hour(1), an_hour(2)
    one = next(iter(set(now.user.tolist()) & set(before.user.tolist())))
    strangers = np.where(now.user == one, now.user, hash_integers(np.arange(10_000, 10_000 + now.n_requests)))
    alone = found(replace(now, user=strangers), before)
    assert alone["dependence"].n[0] == 1
    assert alone["own_overlap"].value[0] == by_hand(replace(now, user=strangers), before)[0][0]


def test_without_anybody_met_again_nothing_is_known() -> None:
    stranger = replace(an_hour(2), user=hash_integers(np.arange(10_000, 10_000 + an_hour(2).n_requests)))
    measured = found(an_hour(1), stranger)["dependence"]
    assert (np.isnan(measured.value[0]), measured.n[0]) == (True, 0)
    assert np.isnan(found(an_hour(1))["dependence"].value[0])


def test_users_who_are_not_known_are_in_no_pair() -> None:
    guests = replace(an_hour(1), user_known=np.zeros(an_hour(1).n_requests, bool))
    assert found(guests, an_hour(2))["dependence"].n[0] == 0
