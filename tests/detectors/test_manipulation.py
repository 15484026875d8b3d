"""Manipulation: an item that hardly anyone got is pushed into many lists, and what else may look like that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.stats import nbinom

from detectors import (
    Batch,
    Catalog,
    Cells,
    Context,
    Detector,
    Earlier,
    Measure,
    Measurement,
    Summary,
    Verdict,
)
from detectors.comparing.past_shares import counts_of
from detectors.comparing.risen import ItemsOfSlice
from detectors.core.hashing import hash_integers, hash_texts
from detectors.judgement.judge import Judge
from detectors.manipulation import Manipulation
from detectors.statistics.item_counts import ItemCounts
from tests.detectors.batches import HOUR, ROLES, START, measure_summary, random_batch
from tests.detectors.recommender import check_sampling

DETECTOR = Manipulation()
ITEMS, COLD = 400, 399


@dataclass(frozen=True)
class Shop:
    """Lists of `length` items, the popular ones more often, in any order; and what happens to item COLD.

    Parameters
    ----------
    pushed, first, anywhere : float
        Share of requests that have it in the fourth place or below, at the first place, and at any place.
    bot : float
        Share of all requests that one user makes, always for a list with it.
    stuck : float
        Share of requests with one and the same list, in which it stands last.
    countries : int
        The item is pushed in the first of them alone when there are several.
    """

    pushed: float = 0.0
    first: float = 0.0
    anywhere: float = 0.0
    bot: float = 0.0
    stuck: float = 0.0
    length: int = 10
    visits: int = 1
    countries: int = 1

    def __call__(self, rng: np.random.Generator, requests: int) -> Batch:
        users = max(requests // self.visits, 1)
        of_user = np.repeat(np.arange(users), self.visits)
        n = len(of_user)
        name = rng.integers(0, 2**60, users)[of_user]
        country = rng.integers(0, self.countries, users)[of_user]
        appeal = -0.7 * np.log(np.arange(1, COLD + 1)) + rng.gumbel(size=(users, COLD))
        lists = rng.permuted(np.argsort(-appeal, axis=1)[:, : self.length], axis=1)[of_user]
        for share, lowest, highest in (
            (self.pushed, min(3, self.length - 1), self.length),
            (self.first, 0, 1),
            (self.anywhere, 0, self.length),
        ):
            at = np.flatnonzero((rng.random(n) < share) & (country == 0))
            lists[at, rng.integers(lowest, highest, len(at))] = COLD
        lists[rng.random(n) < self.stuck] = [*range(100, 99 + self.length), COLD]
        robot = rng.random(n) < self.bot
        lists[robot] = [*range(100, 99 + self.length), COLD]
        lists[robot, :3] = rng.integers(200, 300, (int(robot.sum()), 3))  # not one and the same list
        values = [(f"C{c}",) for c in country]
        cells = Cells.of(("country",), values)
        number = {v: i for i, v in enumerate(cells.values)}
        return Batch(
            cells=cells,
            cell=np.array([number[v] for v in values], np.int32),
            offsets=np.arange(n + 1, dtype=np.int64) * self.length,
            item=lists.ravel().astype(np.int32),
            item_hash=hash_texts(f"item-{i}" for i in range(ITEMS)),
            item_names=[f"item-{i}" for i in range(ITEMS)],
            position=np.tile(np.arange(1, self.length + 1, dtype=np.int32), n),
            user=hash_integers(np.where(robot, 1, name)),
            user_known=np.ones(n, bool),
            request=hash_integers(rng.integers(0, 2**60, n)),
            time=START + rng.integers(0, HOUR, n),
            has=ROLES - {"score"},
            repeated=np.zeros(len(cells), np.int64),
        )


def day_before(shop: Shop, requests: int, hours: int = 24) -> Context:
    """Windows of a shop in which nothing happens, the newest first."""
    quiet = Shop(length=shop.length, countries=shop.countries)
    windows = [
        Earlier(
            START - (h + 1) * HOUR,
            Summary.of(quiet(np.random.default_rng([5, h]), requests), DETECTOR.statistics),
        )
        for h in range(hours)
    ]
    return Context((START, START + HOUR), earlier=lambda: windows)


def judged(
    batch: Batch, context: Context, detector: Manipulation = DETECTOR
) -> tuple[dict[str, Measurement], dict[tuple[str, str], Verdict]]:
    measured = measure_summary(detector, Summary.of(batch, detector.statistics), context)
    declared = {m.name: m for m in detector.measures()}
    given = [(f"manipulation.{name}", declared[name], m) for name, m in measured.items()]
    verdicts = {
        (j.measure.name, text): Verdict(int(verdict))
        for j in Judge().judge(START, batch.cells.slices.texts, given)
        for text, verdict in zip(j.slices, j.verdict, strict=True)
    }
    return measured, verdicts


def breaches(batch: Batch, context: Context) -> set[tuple[str, str]]:
    return {which for which, verdict in judged(batch, context)[1].items() if verdict is Verdict.BREACH}


WHERE_ALL = ("cold_item_share", "all")


@pytest.mark.parametrize("requests", [300, 1500, 6000])
def test_a_promoted_item_shows_in_the_first_window(requests: int) -> None:
    shop = Shop(pushed=0.12)
    context = day_before(shop, min(requests, 1000))
    seen = 0
    for seed in range(10):
        batch = shop(np.random.default_rng(seed), requests)
        measured, verdicts = judged(batch, context)
        seen += verdicts[WHERE_ALL] is Verdict.BREACH
        evidence = measured["cold_item_share"].evidence
        assert evidence is not None
        assert evidence(0)["item"] == "item-399"
        assert evidence(0)["share_in_first_places"] == 0
    assert seen >= 9


@pytest.mark.parametrize("length", [4, 5, 20])
def test_in_lists_of_any_length(length: int) -> None:
    shop = Shop(pushed=0.2, length=length)
    assert WHERE_ALL in breaches(shop(np.random.default_rng(0), 1500), day_before(shop, 500))


@pytest.mark.parametrize("requests", [60, 300, 3000])
def test_nothing_is_said_of_a_quiet_shop(requests: int) -> None:
    shop = Shop(countries=3)
    context = day_before(shop, requests)
    for seed in range(12):
        assert not breaches(shop(np.random.default_rng(seed), requests), context)


@pytest.mark.parametrize(
    "shop",
    [
        Shop(first=0.12),  # a flash sale: the first place
        Shop(anywhere=0.12),  # an item that people like: as often at the top as elsewhere
        Shop(stuck=0.3),  # one list for many: of the list, not of the item
    ],
)
@pytest.mark.parametrize("requests", [300, 3000])
def test_other_ways_to_be_new_are_not_manipulation(shop: Shop, requests: int) -> None:
    context = day_before(shop, requests)
    for seed in range(6):
        assert WHERE_ALL not in breaches(shop(np.random.default_rng(seed), requests), context)


def test_an_item_that_was_there_before_is_not_new() -> None:
    shop = Shop(pushed=0.12)
    windows = [
        Earlier(
            START - (h + 1) * HOUR, Summary.of(shop(np.random.default_rng([6, h]), 500), DETECTOR.statistics)
        )
        for h in range(24)
    ]
    batch = shop(np.random.default_rng(0), 1500)
    assert not breaches(batch, Context((START, START + HOUR), earlier=lambda: windows))
    # Pushed for half a day it is still new: what counts is how it was before that.
    context = Context(
        (START, START + HOUR), earlier=lambda: [*windows[:12], *list(day_before(shop, 500).earlier())[12:]]
    )
    assert WHERE_ALL in breaches(batch, context)


def test_windows_in_which_something_was_wrong_are_passed_over() -> None:
    shop = Shop(pushed=0.12)
    quiet = list(day_before(shop, 500).earlier())
    wrong = Summary.of(Shop(pushed=0.9)(np.random.default_rng(1), 500), DETECTOR.statistics)
    windows = [replace(w, summary=wrong, troubled=True) if h % 2 else w for h, w in enumerate(quiet)]
    batch = shop(np.random.default_rng(0), 1500)
    assert WHERE_ALL in breaches(batch, Context((START, START + HOUR), earlier=lambda: windows))
    all_wrong = [replace(w, summary=wrong, troubled=True) for w in quiet]
    assert not breaches(batch, Context((START, START + HOUR), earlier=lambda: all_wrong))


def test_without_a_past_there_is_too_little_to_say() -> None:
    batch = Shop(pushed=0.12)(np.random.default_rng(0), 1500)
    assert set(judged(batch, Context((START, START + HOUR)))[1].values()) == {Verdict.TOO_FEW}
    assert set(judged(batch, day_before(Shop(), 500, hours=2))[1].values()) == {Verdict.TOO_FEW}
    assert WHERE_ALL in breaches(batch, day_before(Shop(), 500, hours=6))


def test_an_empty_window_is_no_data() -> None:
    summary = Summary(has=ROLES)
    assert np.isnan([m.value[0] for m in DETECTOR.measure(summary, day_before(Shop(), 50, hours=4))]).all()


def test_the_place_is_where_it_is_pushed() -> None:
    shop = Shop(pushed=0.3, countries=4)
    measured, verdicts = judged(shop(np.random.default_rng(0), 2000), day_before(shop, 1000))
    told = {text for (name, text), v in verdicts.items() if v is Verdict.BREACH and name == "cold_item_share"}
    assert told == {"all", "country=C0"}
    assert measured["cold_item_share"].value[1] == pytest.approx(0.3, abs=0.06)


def test_few_users_who_ask_very_often() -> None:
    shop = Shop(bot=0.08)
    batch = shop(np.random.default_rng(0), 1500)
    measured, verdicts = judged(batch, day_before(shop, 500))
    assert verdicts["cold_item_few_users", "all"] is Verdict.BREACH
    assert measured["cold_item_few_users"].value[0] > 0.9
    evidence = measured["cold_item_few_users"].evidence
    assert evidence is not None
    assert evidence(0)["users"] <= 2
    many = Shop(pushed=0.12)(np.random.default_rng(0), 1500)
    assert judged(many, day_before(shop, 500))[0]["cold_item_few_users"].value[0] < 0.3


def test_users_who_ask_often_are_not_many_users() -> None:
    """One user's thirty requests do not make an item known to many."""
    shop = Shop(pushed=0.1, visits=30)
    context = day_before(shop, 500)
    assert WHERE_ALL not in breaches(Shop(bot=0.05)(np.random.default_rng(1), 600), context)


def test_the_share_is_what_counting_by_hand_gives() -> None:
    shop = Shop(pushed=0.2, anywhere=0.1)
    batch = shop(np.random.default_rng(3), 800)
    rows = batch.item.reshape(-1, 10)
    first, below = (rows[:, :3] == COLD).any(axis=1), (rows[:, 3:] == COLD).any(axis=1)
    below &= ~first
    measured, _ = judged(batch, day_before(shop, 500))
    assert measured["cold_item_share"].value[0] == pytest.approx(
        (below.sum() - 7 / 3 * first.sum()) / len(rows)
    )
    evidence = measured["cold_item_share"].evidence
    assert evidence is not None
    assert evidence(0) == {
        "item": "item-399", "share": round((first.sum() + below.sum()) / 800, 4), "share_before": 0.0,
        "users": int((first | below).sum()),
        "share_in_first_places": round(first.sum() / (first.sum() + below.sum()), 4),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hits", "before", "requests", "requests_before"), [(5, 0, 100, 900), (12, 3, 300, 4000)]
)
def test_a_rise_is_as_unlikely_as_the_predictive_distribution_says(
    hits: int, before: int, requests: int, requests_before: int
) -> None:
    chance = float(nbinom.sf(hits - 1, before + 0.5, requests_before / (requests + requests_before)))
    for limit, expected in ((chance * 1.01, True), (chance * 0.99, False)):
        items = ItemsOfSlice(
            requests=requests, users=requests, independent=requests, rate=1.0, below_for_a_first=2.0,
            item=np.zeros(hits, np.int64), user=np.arange(hits), first=np.zeros(hits, bool), weight=np.ones(hits),
            signature=np.zeros(hits, np.uint64), keys=np.zeros(1, np.uint64), counts=ItemCounts.empty(),
            shares=np.array([hits / requests]),
            before=np.array([float(before)]), requests_before=requests_before, known_before=True, chance=limit,
        )  # fmt: skip
        assert (
            items.risen(np.array([0]), by_users=True).tolist()
            == items.risen(np.array([0]), by_users=False).tolist()
            == [expected]
        )


def test_the_catalogue_says_how_many_items_might_have_risen() -> None:
    shop = Shop(pushed=0.07)
    batch, context = shop(np.random.default_rng(2), 220), day_before(shop, 60)
    large = Catalog.of([str(i) for i in range(200_000)])
    alone, many = (
        judged(batch, c)[0]["cold_item_share"].value[0] for c in (context, replace(context, catalog=large))
    )
    assert alone > 0
    assert many == 0


@pytest.mark.parametrize("seed", range(5))
def test_counts_of_some_items_are_looked_up(seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), requests=200)
    counts = ItemCounts.from_batch(batch)
    items = np.sort(np.append(batch.item_hash[::3], np.uint64(12345)))
    by_group = counts_of(counts, items)
    for g in range(len(counts.groups)):
        mine = {
            int(counts.keys[k]): n
            for k, n in zip(counts.key[counts.group == g], counts.counts[counts.group == g, 0], strict=True)
        }
        assert by_group[g].tolist() == [mine.get(int(i), 0) for i in items]
    assert counts_of(ItemCounts.empty(), items).shape == (0, len(items))


@dataclass(frozen=True)
class AfterAQuietDay(Detector):
    """The detector, with a day to look back on."""

    context: Context

    name = "manipulation"
    statistics = Manipulation.statistics

    def measures(self) -> tuple[Measure, ...]:
        return DETECTOR.measures()

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        yield from DETECTOR.measure(summary, self.context)


def test_stated_errors_hold() -> None:
    shop = Shop(pushed=0.2, anywhere=0.05, visits=2)
    check_sampling(AfterAQuietDay(day_before(shop, 300)), shop, ["cold_item_share"])


def test_what_a_log_lacks_is_not_measured() -> None:
    rng = np.random.default_rng(0)
    rows_only = Summary.of(random_batch(rng, has=ROLES - {"request"}), DETECTOR.statistics)
    assert measure_summary(DETECTOR, rows_only) == {}
    no_user = Summary.of(random_batch(rng, has=ROLES - {"user"}), DETECTOR.statistics)
    assert set(measure_summary(DETECTOR, no_user)) == {"cold_item_share"}
