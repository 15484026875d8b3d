"""Drift: what moved shows and is named, what did not stays at nought, and no distance follows from the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import ks_2samp

from detectors import Batch, Cells, Context, Earlier, Measurement, Summary, Verdict
from detectors.core.expected import Expected
from detectors.core.hashing import hash_integers, hash_texts
from detectors.core.texts import Texts
from detectors.drift import Drift
from detectors.judgement.judge import Judge
from detectors.judgement.spec import Floor, History
from tests.detectors.batches import HOUR, ROLES, START, in_slices, measure_summary, of_lists, only

DETECTOR = Drift(numbers=("price",), texts=("segment",))
PRICES = np.random.default_rng(0).lognormal(3, 0.5, 200)  # of each item, the same in every window
OF_ITEMS = {"item_jump", "item_distance"}
OF_SCORES = {"score_distance", "score_wasserstein", "score_stability_index"}
OF_COLUMNS = {"numeric_feature_distance", "categorical_feature_jump", "feature_null_rise"}


@dataclass(frozen=True)
class Shop:
    """Traffic of two surfaces with scores, a price for each item and a segment for each user.

    Parameters
    ----------
    pushed : float
        Share of the requests that have item 150 in place of their last item.
    turned : int
        By how many places the popularity of all items is turned.
    score_by : float
        What is added to all scores.
    price_times, no_price : float
        What prices are multiplied with; share of rows without one.
    vip : float
        Share of users of segment "vip".
    email : float
        Share of the requests on the surface email.
    visits : int
        Requests of each user.
    """

    pushed: float = 0.0
    turned: int = 0
    score_by: float = 0.0
    price_times: float = 1.0
    no_price: float = 0.05
    vip: float = 0.1
    email: float = 0.3
    visits: int = 1
    items: int = 200
    length: int = 6

    def __call__(self, rng: np.random.Generator, requests: int) -> Batch:
        users = max(requests // self.visits, 1)
        of_user = np.repeat(np.arange(users), self.visits)
        n = len(of_user)
        appeal = -0.6 * np.log(np.arange(1, self.items + 1)) + rng.gumbel(size=(users, self.items))
        lists = ((np.argsort(-appeal, axis=1)[:, : self.length] + self.turned) % self.items)[of_user]
        lists[rng.random(n) < self.pushed, -1] = 150
        surface = np.where(rng.random(n) < self.email, "email", "home")
        cells = Cells.of(("surface",), [(s,) for s in surface])
        number = {v: i for i, v in enumerate(cells.values)}
        rows = n * self.length
        price = PRICES[lists.ravel()] * self.price_times
        price[rng.random(rows) < self.no_price] = np.nan
        segment = np.repeat((rng.random(users) < self.vip)[of_user], self.length).astype(np.int32)
        return Batch(
            cells=cells,
            cell=np.array([number[(s,)] for s in surface], np.int32),
            offsets=np.arange(n + 1) * self.length,
            item=lists.ravel().astype(np.int32),
            item_hash=hash_texts(str(i) for i in range(self.items)),
            item_names=[str(i) for i in range(self.items)],
            position=np.tile(np.arange(1, self.length + 1, dtype=np.int32), n),
            user=hash_integers(rng.integers(0, 2**60, users))[of_user],
            user_known=np.ones(n, bool),
            request=hash_integers(rng.integers(0, 2**60, n)),
            time=START + rng.integers(0, HOUR, n),
            score=rng.normal(self.score_by, 1, rows),
            has=ROLES,
            repeated=np.zeros(len(cells), np.int64),
            columns={"number:price": price, "text:segment": Texts(segment, hash_texts(["new", "vip"]), ["new", "vip"])},
        )  # fmt: skip


def context(*earlier: tuple[int, Batch], troubled: frozenset[int] = frozenset()) -> Context:
    """With some windows so many hours ago, the newest first."""
    made = [
        Earlier(START - ago * HOUR, Summary.of(batch, DETECTOR.statistics), ago in troubled)
        for ago, batch in earlier
    ]
    return Context((START, START + HOUR), earlier=lambda: made)


def measured(now: Batch, windows: Context, detector: Drift = DETECTOR) -> dict[str, Measurement]:
    return measure_summary(detector, Summary.of(now, detector.statistics), windows)


def usual(seed: int, requests: int = 800, shop: Shop | None = None) -> Context:
    """The three hours before, and two of the day before."""
    shop = shop or Shop()
    return context(*((ago, shop(np.random.default_rng([seed, ago]), requests)) for ago in (1, 2, 3, 23, 24)))


def after(shop: Shop, seed: int = 0, requests: int = 800) -> dict[str, Measurement]:
    return measured(shop(np.random.default_rng([seed, 0]), requests), usual(seed, requests))


def least(name: str) -> float:
    """The change from which on a measure is trouble."""
    measure = next(m for m in DETECTOR.measures() if m.name == name)
    return min(
        j.above or 0.0 if isinstance(j, Floor) else j.change
        for j in measure.judge
        if isinstance(j, Floor | History)
    )


@pytest.mark.parametrize("seed", range(4))
def test_where_nothing_moved_nothing_is_near_what_matters(seed: int) -> None:
    found = after(Shop(), seed)
    assert set(found) == OF_ITEMS | OF_SCORES | OF_COLUMNS | {"slice_mix"}
    for name in set(found) - {"slice_mix"}:
        assert found[name].value[0] < least(name) / 3, name


TROUBLE = [
    (Shop(pushed=0.3), "item_jump", {"item": "150"}),
    (Shop(turned=60), "item_distance", {}),
    (Shop(score_by=1.5), "score_distance", {}),
    (Shop(score_by=1.5), "score_wasserstein", {}),
    (Shop(score_by=1.5), "score_stability_index", {}),
    (Shop(price_times=2.0), "numeric_feature_distance", {"feature": "price"}),
    (Shop(vip=0.5), "categorical_feature_jump", {"feature": "segment"}),
    (Shop(no_price=0.4), "feature_null_rise", {"feature": "price"}),
]


@pytest.mark.parametrize(("shop", "name", "says"), TROUBLE)
def test_what_it_is_there_for_shows_is_named_and_is_gone_without_it(
    shop: Shop, name: str, says: dict[str, str]
) -> None:
    m = after(shop)[name]
    assert m.value[0] - 3 * m.error[0] > least(name)
    assert m.evidence is not None
    assert says.items() <= m.evidence(0).items()
    assert after(Shop())[name].value[0] < least(name) / 3


@pytest.mark.parametrize(("shop", "name", "says"), TROUBLE)
def test_the_rest_stays_quiet_beside_it(shop: Shop, name: str, says: dict[str, str]) -> None:
    moves = {"item_jump", "item_distance"}
    along = moves if name in moves else OF_SCORES if name in OF_SCORES else {name}
    for other, m in after(shop).items():
        if other not in along | {"slice_mix"}:
            assert m.value[0] < least(other), other


def test_shares_of_the_evidence_are_those_of_the_requests() -> None:
    lists = [["a", "b"]] * 160 + [["c", "d"]] * 240
    before = [["a", "b"]] * 40 + [["c", "d"]] * 360
    users = [f"u{i}" for i in range(400)]
    windows = context(*((ago, of_lists(before, users=users)) for ago in (1, 24)))
    m = measured(of_lists(lists, users=users), windows)["item_jump"]
    assert m.value[0] == pytest.approx(0.3)
    assert m.evidence is not None
    assert m.evidence(0) in [
        {"item": i, "share": s, "share_before": b} for i, s, b in [("a", 0.4, 0.1), ("b", 0.4, 0.1)]
    ]  # fmt: skip


def test_the_distance_of_items_is_that_of_all_pairs_of_lists() -> None:
    rng = np.random.default_rng(1)
    now, before = Shop()(rng, 60), Shop(turned=10)(rng, 70)

    def rows(batch: Batch) -> list[set[int]]:
        return [set(row) for row in batch.item.reshape(-1, 6).tolist()]

    def alike(a: Sequence[set[int]], b: Sequence[set[int]], *, same: bool) -> float:
        pairs = [len(x & y) for (i, x), (j, y) in product(enumerate(a), enumerate(b)) if not same or i != j]
        return float(np.mean(pairs))

    ours, theirs = rows(now), rows(before)
    expected = 1 - 2 * alike(ours, theirs, same=False) / (
        alike(ours, ours, same=True) + alike(theirs, theirs, same=True)
    )
    m = measured(now, context((1, before)))["item_distance"]
    assert m.value[0] == pytest.approx(expected, abs=1e-9)


def test_the_distance_of_scores_is_scipy_s_in_every_slice() -> None:
    rng = np.random.default_rng(2)
    now, before = Shop(score_by=1.0)(rng, 3000), Shop()(rng, 3000)
    found = in_slices(now, measured(now, context((1, before)))["score_distance"])
    assert now.score is not None
    assert before.score is not None
    for text in ("all", "surface=email", "surface=home"):
        rows = [
            np.ones(b.n_rows, bool) if text == "all" else
            np.array([b.cells.values[c] == (text.partition("=")[2],) for c in b.row_cell]) for b in (now, before)
        ]  # fmt: skip
        expected = ks_2samp(now.score[rows[0]], before.score[rows[1]]).statistic
        assert found[text] == pytest.approx(expected, abs=0.01)


def test_a_change_by_the_clock_and_one_over_weeks_are_both_usual() -> None:
    """Every night has other items and scores, and so had the night before; today began an hour ago."""
    rng = np.random.default_rng(3)
    night, day = Shop(turned=60, score_by=1.5), Shop()

    def found_after(lately: Shop, yesterday: Shop) -> dict[str, Measurement]:
        shops = {1: lately, 2: lately, 3: lately, 23: yesterday, 24: yesterday}
        return measured(night(rng, 800), context(*((ago, shop(rng, 800)) for ago, shop in shops.items())))

    clock, weeks = found_after(day, night), found_after(night, day)
    for name in ("item_distance", *OF_SCORES):
        for found in (clock, weeks):
            assert found[name].value[0] < least(name) / 3, name


def test_windows_with_trouble_are_held_against_nothing() -> None:
    rng = np.random.default_rng(4)
    bad, good = Shop(turned=60, score_by=1.5), Shop()
    windows = [(1, bad(rng, 800)), (2, good(rng, 800)), (3, good(rng, 800))]
    now = good(rng, 800)
    passed = measured(now, context(*windows, troubled=frozenset({1})))
    assert passed["item_distance"].value[0] < 0.05
    assert measured(now, context(*windows))["item_distance"].value[0] > 0.05
    only_bad = measured(now, context(windows[0], troubled=frozenset({1})))
    assert not only_bad.keys() & {"item_jump", "item_distance"}


@pytest.mark.parametrize("visits", [1, 4])
@pytest.mark.parametrize(
    "shop", [Shop(), Shop(turned=20, score_by=0.5, price_times=1.3, vip=0.3, email=0.45)]
)
def test_stated_errors_hold_and_ten_times_the_rows_change_nothing(shop: Shop, visits: int) -> None:
    shop = replace(shop, visits=visits)
    before = usual(5, 4000, Shop(visits=visits))
    truth = {n: m.value[0] for n, m in measured(shop(np.random.default_rng(6), 4000), before).items()}
    runs = [measured(shop(np.random.default_rng([7, i]), 400), before) for i in range(12)]
    for name in set(truth) - {"slice_mix"}:
        expected = truth[name]
        value, error = np.array([(r[name].value[0], r[name].error[0]) for r in runs]).T
        right = np.abs(value - expected) <= 2.5 * error
        if name.endswith("_jump"):  # a few rows may not tell a jump from chance: then there is none
            right |= value == 0
        assert right.mean() >= 0.9, (name, value.mean(), expected)


def test_without_earlier_windows_nothing_is_said() -> None:
    assert set(measured(Shop()(np.random.default_rng(0), 50), Context((START, START + HOUR)))) == {
        "slice_mix"
    }


def test_what_a_log_lacks_is_not_measured() -> None:
    now = replace(Shop()(np.random.default_rng(0), 50), score=None, has=frozenset({"request"}), columns={})
    assert set(measured(now, context((1, now)))) == OF_ITEMS | {"slice_mix"}
    alone = replace(now, has=frozenset())
    assert set(measured(alone, context((1, alone)), Drift())) == {"recent_item_distance"}


def test_columns_that_nobody_named_are_not_looked_at() -> None:
    shop = Shop(price_times=3.0, vip=0.9)
    found = measured(shop(np.random.default_rng(0), 400), usual(0, 400), Drift(texts=("segment",)))
    assert set(found) & OF_COLUMNS == {"categorical_feature_jump", "feature_null_rise"}
    assert found["feature_null_rise"].value[0] == 0


def test_a_column_that_moved_is_named_among_several() -> None:
    rng = np.random.default_rng(8)

    def with_second(batch: Batch, times: float) -> Batch:
        age = rng.normal(40 * times, 10, batch.n_rows)
        return replace(batch, columns={**batch.columns, "number:age": age})

    detector = Drift(numbers=("price", "age"))
    windows = context((1, with_second(Shop()(rng, 500), 1.0)))
    m = measured(with_second(Shop()(rng, 500), 1.5), windows, detector)["numeric_feature_distance"]
    assert m.evidence is not None
    assert m.evidence(0)["feature"] == "age"


def test_a_slice_that_is_new_has_nothing_to_be_compared_with() -> None:
    rng = np.random.default_rng(9)
    now = Shop()(rng, 300)
    found = in_slices(now, measured(now, context((1, Shop(email=0.0)(rng, 300))))["item_distance"])
    assert np.isnan(found["surface=email"])
    assert np.isfinite(found["surface=home"])


def test_columns_of_a_slice_are_measured_as_its_rows_alone() -> None:
    rng = np.random.default_rng(10)
    now, *before = Shop(price_times=1.5, vip=0.4, no_price=0.2)(rng, 400), Shop()(rng, 300), Shop()(rng, 300)

    def home(batch: Batch) -> Batch:
        return only(batch, np.array([v == ("home",) for v in batch.cells.values]))

    found = measured(now, context((1, before[0]), (24, before[1])))
    alone = measured(home(now), context((1, home(before[0])), (24, home(before[1]))))
    s = now.cells.slices.texts.index("surface=home")
    for name in OF_COLUMNS | OF_SCORES:
        assert found[name].value[s] == pytest.approx(alone[name].value[0]), name
        assert found[name].error[s] == pytest.approx(alone[name].error[0]), name
        assert found[name].n[s] == pytest.approx(alone[name].n[0]), name


def test_a_new_list_where_everybody_is_meant_to_get_the_same_is_no_drift() -> None:
    rng = np.random.default_rng(11)
    letter = Expected(kinds=(({"surface": "email"}, "popular"),))

    def week(first: int) -> Summary:
        batch = Shop()(rng, 600)
        lists = batch.item.reshape(-1, 6).copy()
        email = np.array([batch.cells.values[c] == ("email",) for c in batch.cell])
        lists[email] = np.arange(first, first + 6)
        return Summary.of(replace(batch, item=lists.ravel()), DETECTOR.statistics, expected=letter)

    now, before = week(100), week(50)
    windows = Context((START, START + HOUR), letter, earlier=lambda: [Earlier(START - HOUR, before)])
    watched = measure_summary(DETECTOR, now.without("popular"), windows)
    all_of_it = measure_summary(DETECTOR, now, windows)
    for name in ("item_jump", "item_distance"):
        assert watched[name].value[0] < least(name) / 2
        assert all_of_it[name].value[0] > least(name)
        assert next(m for m in DETECTOR.measures() if m.name == name).of_sameness


def test_an_item_that_was_stuck_and_is_so_no_more_is_nothing_to_tell() -> None:
    stuck = [["s", "b"]] * 380 + [["c", "d"]] * 20
    lists = [[f"i{n % 40}", f"i{n % 40 + 1}"] for n in range(400)]
    users = [f"u{i}" for i in range(400)]
    windows = context(*((ago, of_lists(stuck, users=users)) for ago in (1, 24)))
    assert measured(of_lists(lists, users=users), windows)["item_jump"].value[0] < least("item_jump")


@pytest.mark.parametrize(("rise", "told"), [(0.12, Verdict.OK), (0.18, Verdict.BREACH)])
def test_what_a_healthy_shop_takes_up_in_a_day_is_no_jump(rise: float, told: Verdict) -> None:
    """Of 6,000 lists: chance has nothing to do with it."""
    declared = {m.name: m for m in DETECTOR.measures()}["item_jump"]
    found = Measurement("item_jump", np.array([rise]), np.array([0.004]), np.array([6000.0]))
    [judged] = Judge().judge(START, ["all"], [("drift.item_jump", declared, found)])
    assert Verdict(int(judged.verdict[0])) is told


def test_a_campaign_for_one_item_is_a_ticket_at_most() -> None:
    found = after(Shop(pushed=0.5))
    declared = {m.name: m for m in DETECTOR.measures()}
    judged = Judge().judge(
        START,
        ["all", "surface=email", "surface=home"],
        [(f"drift.{n}", declared[n], m) for n, m in found.items()],
    )
    breaches = {j.measure.name for j in judged if Verdict(int(j.verdict[0])) is Verdict.BREACH}
    assert breaches == {"item_jump"}
    assert {str(j) for m in declared.values() for j in m.judge if str(j).startswith("page")} == set()
