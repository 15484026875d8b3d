"""Fallback: lists that are kept for when nothing better can be made show when many get them; usual ones tell nobody."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from detectors import Batch, Cells, Context, Earlier, Measurement, Summary, Verdict
from detectors.core.expected import Expected
from detectors.core.hashing import hash_ids, hash_integers
from detectors.fallback import Fallback
from detectors.judgement.judge import Judge
from detectors.judgement.judged import kind_of
from tests.detectors.batches import HOUR, ROLES, START, in_slices, measure_summary, of_lists
from tests.detectors.recommender import Sampled
from tests.detectors.remembering import remember

DETECTOR = Fallback()
SURFACES = ("email", "home")
KEPT = {surface: [300 + 10 * i + place for place in range(5)] for i, surface in enumerate(SURFACES)}
LEARNED = {"learned_share", "shared_share", "degenerate_share"}


@dataclass(frozen=True)
class Shop:
    """Lists of five for each user, and a kept list for each surface.

    Parameters
    ----------
    kept : float
        Share of the requests that get the kept list of their surface, or that of "home" with `one_list`.
    flat : float
        Share of these whose scores are all 0; of the others, as many have scores that are not a number.
    constant : float
        Share of all lists that have one score, whatever the list is.
    guests : float
        Share of the requests without a user, who get one list of popular items each.
    visits : int
        Requests of each user.
    """

    kept: float = 0.02
    flat: float = 0.0
    constant: float = 0.0
    one_list: bool = False
    guests: float = 0.0
    visits: int = 1

    def __call__(self, rng: np.random.Generator, requests: int) -> Batch:
        users = max(requests // self.visits, 1)
        of_user = np.repeat(np.arange(users), self.visits)
        n = len(of_user)
        lists = np.argsort(rng.random((users, 300)), axis=1)[:, :5][of_user]
        surface = (rng.random(n) < 0.7).astype(int)
        guest = rng.random(n) < self.guests
        lists[guest] = np.arange(5)
        score = -np.sort(-rng.random((n, 5)), axis=1)
        kept = rng.random(n) < self.kept
        lists[kept] = np.array([KEPT[s] for s in SURFACES])[np.where(self.one_list, 1, surface)[kept]]
        score[kept & (rng.random(n) < self.flat)] = rng.choice([0.0, np.nan])
        score[rng.random(n) < self.constant] = 0.5
        cells = Cells.of(("surface",), [(s,) for s in SURFACES])
        request = hash_integers(rng.integers(0, 2**60, n))
        return Batch(
            cells=cells,
            cell=np.array([cells.values.index((s,)) for s in SURFACES], np.int32)[surface],
            offsets=np.arange(n + 1) * 5,
            item=lists.ravel().astype(np.int32),
            item_hash=hash_ids([f"sku-{i}" for i in range(400)]),
            item_names=[f"sku-{i}" for i in range(400)],
            position=np.tile(np.arange(1, 6, dtype=np.int32), n),
            user=np.where(guest, request, hash_integers(rng.integers(0, 2**60, users))[of_user]),
            user_known=~guest,
            request=request,
            time=START + rng.integers(0, HOUR, n),
            score=score.ravel(),
            has=ROLES,
            repeated=np.zeros(len(cells), np.int64),
        )


def summary_of(batch: Batch, expected: Expected | None = None) -> Summary:
    return Summary.of(batch, DETECTOR.statistics, expected=expected or Expected())


def measured(now: Batch, earlier: Sequence[Batch], detector: Fallback = DETECTOR) -> dict[str, Measurement]:
    windows = [Earlier(START - (ago + 1) * HOUR, summary_of(batch)) for ago, batch in enumerate(earlier)]
    return measure_summary(detector, summary_of(now), Context((START, START + HOUR), earlier=lambda: windows))


def day(shop: Shop, seed: int, requests: int = 200, hours: int = 12) -> list[Batch]:
    return [shop(np.random.default_rng([seed, hour]), requests) for hour in range(hours)]


def names_of(surface: str) -> tuple[str, ...]:
    return tuple(f"sku-{i}" for i in KEPT[surface])


def counted(now: Batch, earlier: Sequence[Batch]) -> float:
    """The share with a list that five users or more got before, and one in 200 of those of their surface."""
    users, times, cells, total = defaultdict(set), Counter(), defaultdict(set), Counter()
    for batch in earlier:
        for request, row in enumerate(batch.item.reshape(-1, 5).tolist()):
            users[tuple(row)].add(int(batch.user[request]))
            times[tuple(row)] += 1
            cells[tuple(row)].add(int(batch.cell[request]))
            total[int(batch.cell[request])] += 1
    known = {
        row for row, who in users.items()
        if len(who) >= 5 and times[row] >= 0.005 * sum(total[cell] for cell in cells[row])
    }  # fmt: skip
    return float(np.mean([tuple(row) in known for row in now.item.reshape(-1, 5).tolist()]))


@pytest.mark.parametrize("shop", [Shop(), Shop(kept=0.005), Shop(kept=0.3, one_list=True), Shop(guests=0.2)])
def test_it_is_the_share_of_the_lists_that_several_users_got_before(shop: Shop) -> None:
    earlier = day(shop, 1)
    now = shop(np.random.default_rng(2), 300)
    found = measured(now, earlier)["learned_share"]
    assert found.value[0] == pytest.approx(counted(now, earlier), abs=1e-12)


def told(course: Sequence[Shop], requests: int = 200, seed: int = 0) -> dict[tuple[int, str], bool]:
    """Hours and measures that breach, by whether that is worth a page, as the windows come."""
    judge, windows, out = Judge(), [], {}
    declared = {m.name: m for m in DETECTOR.measures()}
    for hour, shop in enumerate(course):
        start = START + hour * HOUR
        summary = summary_of(shop(np.random.default_rng([seed, hour]), requests))
        context = Context((start, start + HOUR), earlier=lambda windows=windows: windows[-24:][::-1])
        found = [
            (f"fallback.{n}", declared[n], m) for n, m in measure_summary(DETECTOR, summary, context).items()
        ]
        texts = summary.slices.texts
        rows = {}
        for (name, measure, m), judged in zip(found, judge.judge(start, texts, found), strict=True):
            breach = judged.verdict == Verdict.BREACH
            if breach[0]:
                out[hour, measure.name] = bool(judged.page[0])
            rows[name, kind_of(measure)] = (texts, m.value, m.error, breach, judged.expected)
        remember(judge, start, rows)
        windows.append(Earlier(start, summary))
    return out


DAYS = [Shop()] * 144


@pytest.mark.parametrize("one_list", [False, True])
def test_a_fallback_that_many_get_is_a_page_in_the_first_window_and_gone_without_it(one_list: bool) -> None:
    usual = [Shop(one_list=one_list)] * 144
    broken = Shop(kept=0.6, one_list=one_list)
    assert told([*usual, broken])[144, "learned_share"] is True
    assert told([*usual, usual[0]]) == {}


def test_some_more_of_it_is_a_ticket() -> None:
    assert told([*DAYS, Shop(kept=0.18)], requests=400) == {(144, "learned_share"): False}


def test_a_new_one_is_betrayed_by_its_scores_at_once_and_known_in_the_second_window() -> None:
    nothing = [Shop(kept=0.0)] * 144
    found = told([*nothing, *[Shop(kept=0.6, flat=1.0, one_list=True)] * 2])
    assert found == {
        (144, "degenerate_share"): True,
        (145, "degenerate_share"): True,
        (145, "learned_share"): True,
    }


def test_a_new_one_of_several_lists_is_seen_at_once_whatever_its_scores() -> None:
    nothing = [Shop(kept=0.0)] * 144
    assert told([*nothing, Shop(kept=0.95)]) == {(144, "shared_share"): True}
    assert told([*nothing, Shop(kept=0.95, one_list=True)]) == {}  # one list for many is told by same_item


def test_it_is_the_share_of_the_lists_that_several_users_get_now_beside_the_most_frequent_one() -> None:
    for shop in (Shop(kept=0.5), Shop(kept=0.3, visits=3), Shop(kept=0.04)):
        now = shop(np.random.default_rng(5), 300)
        found = measured(now, [])["shared_share"]
        per_surface = in_slices(now, found)
        assert (per_surface["surface=home"], per_surface["surface=email"]) == (0, 0)  # one list each
        rows = [tuple(row) for row in now.item.reshape(-1, 5).tolist()]
        times = Counter(row for row in rows if counted_now(row, rows, now))
        assert found.value[0] == pytest.approx((times.total() - max(times.values(), default=0)) / len(rows))


def counted_now(row: tuple[int, ...], rows: list[tuple[int, ...]], now: Batch) -> bool:
    """Five users and one list in 200 of the surfaces that have it."""
    has = [r for r, other in enumerate(rows) if other == row]
    there = np.isin(now.cell, now.cell[has]).sum()
    return len(set(now.user[has].tolist())) >= 5 and len(has) >= 0.005 * there


def test_scores_that_say_nothing_of_lists_that_are_somebody_s_own_are_no_fallback() -> None:
    assert told([*DAYS, Shop(constant=1.0)]) == {}


def test_guests_who_always_get_popular_lists_tell_nobody() -> None:
    assert told([Shop(guests=0.3)] * 96) == {}


def test_how_much_is_told_follows_from_the_change_and_not_from_the_rows() -> None:
    for requests in (150, 1500):
        assert told([*DAYS[:120], Shop(kept=0.08)], requests) == {}
        assert told([*DAYS[:120], Shop(kept=0.5)], requests)[120, "learned_share"] is True


@pytest.mark.parametrize("visits", [1, 4])
def test_stated_errors_hold_and_ten_times_the_rows_change_nothing(visits: int) -> None:
    shop = Shop(kept=0.3, flat=0.5, visits=visits)
    earlier = day(shop, 3, 400, 6)
    runs = [measured(shop(np.random.default_rng([4, i]), 400), earlier) for i in range(60)]
    many = [measured(shop(np.random.default_rng([5, i]), 4000), earlier) for i in range(4)]
    for name in LEARNED:
        few = Sampled(*np.array([(r[name].value[0], r[name].error[0]) for r in runs]).T)
        truth = float(np.mean([m[name].value[0] for m in many]))
        assert few.covers(truth) >= 0.9, (name, few.covers(truth))


def test_ten_times_the_history_knows_the_same_lists() -> None:
    now = Shop()(np.random.default_rng(0), 2000)
    few, many = (
        measured(now, day(Shop(), 6, requests))["learned_share"].value[0] for requests in (200, 2000)
    )
    assert few == many == pytest.approx(0.02, abs=0.01)


@pytest.mark.parametrize(("kept", "value"), [(0.6, 0.6), (0.0, 0.0)])
def test_configured_lists_are_known_without_any_history(kept: float, value: float) -> None:
    detector = Fallback(lists=(names_of("home"), names_of("email")))
    now = Shop(kept=kept)(np.random.default_rng(0), 1000)
    found = measured(now, [], detector)
    assert set(found) == {"configured_share", "shared_share", "degenerate_share"}
    assert found["configured_share"].value[0] == pytest.approx(value, abs=0.05)
    [declared] = [m for m in detector.measures() if m.name == "configured_share"]
    texts = now.cells.slices.texts
    [judged] = Judge().judge(
        START, texts, [("fallback.configured_share", declared, found["configured_share"])]
    )
    assert judged.page.tolist() == [value > 0] * 3


def test_a_configured_list_is_known_when_it_is_cut_and_around_pinned_places_and_by_numbers() -> None:
    lists = [["7", "8", "9"], ["7", "8"], ["7", "x", "9"], ["8", "7"], ["7", "8", "9", "10"]]
    detector = Fallback(lists=(("7", "8", "9"),))
    batch = of_lists(lists)
    found = measured(batch, [], detector)["configured_share"]
    assert found.value[0] == pytest.approx(2 / 5)
    numbers = np.array([int(name) if name.isdigit() else 99 for name in batch.item_names])
    assert (
        measured(replace(batch, item_hash=hash_integers(numbers)), [], detector)["configured_share"].value[0]
        == 0.4
    )
    pinned = summary_of(batch, Expected(positions=(({}, 2),)))
    [share] = [m for m in detector.measure(pinned, Context()) if m.measure == "configured_share"]
    assert share.value[0] == pytest.approx(2 / 3)  # of those that still show two items


def test_it_says_how_many_lists_they_are_and_shows_the_one_that_most_got() -> None:
    found = measured(Shop(kept=0.6)(np.random.default_rng(0), 400), day(Shop(), 1))["learned_share"]
    assert found.evidence is not None
    assert found.evidence(0)["list"] == list(names_of("home"))
    assert found.evidence(0)["lists"] == 2
    assert found.evidence(0)["list_share"] == pytest.approx(0.6 * 0.7, abs=0.06)
    assert "item" not in found.evidence(
        0
    )  # it is the lists that are to blame, and they differ from place to place


def test_a_place_that_alone_gets_it_shows_it_most() -> None:
    now = Shop(kept=0.0)(np.random.default_rng(0), 600)
    lists = now.item.reshape(-1, 5).copy()
    email = now.cell == now.cells.values.index(("email",))
    lists[email] = KEPT["email"]
    found = in_slices(now, measured(replace(now, item=lists.ravel()), day(Shop(), 1))["learned_share"])
    assert (found["surface=email"], found["surface=home"]) == (1, 0)
    assert found["all"] == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize("kind", ["popular", "contextual"])
def test_where_the_same_list_is_meant_nothing_is_learned_and_nothing_is_said(kind: str) -> None:
    meant = Expected(kinds=(({"surface": "email"}, kind),))
    rng = np.random.default_rng(0)
    earlier = [Earlier(START - (k + 1) * HOUR, summary_of(Shop(kept=0.9)(rng, 200), meant)) for k in range(3)]
    context = Context((START, START + HOUR), meant, earlier=lambda: earlier)
    now = Shop(kept=0.9)(rng, 200)
    found = in_slices(now, measure_summary(DETECTOR, summary_of(now, meant), context)["learned_share"])
    assert np.isnan(found["surface=email"])
    assert found["all"] == found["surface=home"] > 0.8


def test_short_lists_that_are_alike_are_another_trouble() -> None:
    whole = [[f"{u}-{i}" for i in range(6)] for u in range(60)]
    short = [["a", "b"] for _ in range(40)]
    batch = of_lists([*whole, *short], users=[f"u{i}" for i in range(100)])
    assert measured(batch, [batch])["learned_share"].value[0] < 1 / 3 + 0.4
    again = of_lists([*whole, *short], users=[f"v{i}" for i in range(100)])
    assert (
        measured(again, [batch, of_lists(whole, users=[f"w{i}" for i in range(60)])])["learned_share"].value[
            0
        ]
        == 0
    )


def test_what_a_log_lacks_is_not_measured() -> None:
    now = replace(Shop()(np.random.default_rng(0), 50), score=None, has=frozenset({"request"}))
    assert set(measured(now, [now])) == {"learned_share", "shared_share"}
    assert measured(replace(now, has=frozenset()), [now]) == {}
    assert set(measured(Shop()(np.random.default_rng(0), 50), [])) == {"shared_share", "degenerate_share"}
