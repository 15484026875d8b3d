"""Staleness against comparing lists one by one, and against shops whose lists move as much as was set."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import hypergeom

from detectors import Batch, Catalog, Cells, Context, Earlier, Expected, History, Measurement, Summary
from detectors.core.expected import NOTHING_EXPECTED
from detectors.core.hashing import hash_integers, hash_texts
from detectors.staleness import DAY, Staleness, chance_among
from detectors.statistics import panel
from tests.detectors.batches import HOUR, ROLES, START, in_slices, measure_summary, of_lists

DETECTOR = Staleness()
REPETITION = ["unchanged_share", "unchanged_day_share", "change", "day_change", "novelty"]


def summary_of(batch: Batch, expected: Expected = NOTHING_EXPECTED) -> Summary:
    return Summary.of(batch, DETECTOR.statistics, expected=expected)


def measured(
    now: Batch,
    *earlier: tuple[int, Batch],
    catalog: Catalog | None = None,
    expected: Expected = NOTHING_EXPECTED,
) -> dict[str, Measurement]:
    """Beside windows of an hour, so many hours before."""
    windows = [Earlier(START - back * HOUR, summary_of(batch, expected)) for back, batch in earlier]
    context = Context((START, START + HOUR), expected, catalog=catalog, earlier=lambda: windows)
    return measure_summary(DETECTOR, summary_of(now, expected), context)


def values(now: Batch, *earlier: tuple[int, Batch], **more: object) -> dict[str, float]:
    return {name: float(m.value[0]) for name, m in measured(now, *earlier, **more).items()}


def test_lists_are_compared_with_those_of_the_same_user() -> None:
    now = of_lists([["a", "b", "c", "d"], ["e", "f"], ["x", "y"]], users=["Ada", "Bob", "new here"])
    hour_ago = of_lists([["a", "b", "c", "d"], ["q", "r"]], users=["Ada", "Eve"])
    long_ago = of_lists([["a", "x", "b", "y"], ["e", "z"]], users=["Ada", "Bob"])
    found = values(now, (1, hour_ago), (20, long_ago))
    assert found == {
        "unchanged_share": 1.0,  # Ada's alone
        "change": 0.0,
        "unchanged_day_share": pytest.approx(1 / 3),
        "day_change": pytest.approx((0 + 0.5 + 0.5) / 3),
        "novelty": pytest.approx((0 + 0.5) / 2),  # each list once
    }


def test_another_order_is_another_list_with_the_same_items() -> None:
    now, before = (of_lists([items], users=["Ada"]) for items in (["a", "b"], ["b", "a"]))
    found = values(now, (1, before))
    assert (found["unchanged_share"], found["change"], found["novelty"]) == (0, 0, 0)


def test_lists_of_one_item_and_requests_without_a_user_say_nothing() -> None:
    now = of_lists([["a"], ["b", "c"]], users=["Ada", None])
    assert np.isnan(list(values(now, (1, now)).values())).all()


def test_without_earlier_windows_nothing_is_known() -> None:
    now = of_lists([["a", "b"]] * 3, users=["Ada", "Bob", "Eve"])
    assert set(values(now)) == set(REPETITION)
    assert np.isnan(list(values(now).values())).all()


def test_a_long_window_is_recent_for_the_next() -> None:
    now = of_lists([["a", "b"]], users=["Ada"])
    earlier = [Earlier(START - 12 * HOUR, summary_of(now)), Earlier(START - 24 * HOUR, summary_of(now))]
    windows = Context((START, START + 12 * HOUR), earlier=lambda: earlier)
    found = measure_summary(DETECTOR, summary_of(now), windows)
    assert (found["unchanged_share"].value[0], found["unchanged_share"].n[0]) == (1, 1)


def test_contextual_lists_are_compared_with_those_about_the_same_thing() -> None:
    def batch(lists: list[list[str]], users: list[str], about: list[int]) -> Batch:
        return replace(of_lists(lists, users=users), context=np.array(about, np.uint64))

    now = batch([["a", "b"], ["c", "d"], ["c", "d"]], ["Ada", "Bob", "Eve"], [7, 8, 0])
    before = batch([["a", "b"], ["c", "e"], ["c", "d"]], ["Bob", "Ada", "Eve"], [7, 8, 0])
    found = values(now, (1, before), expected=Expected(kind="contextual"))
    assert found["unchanged_share"] == 0.5
    assert found["change"] == pytest.approx(0.25)


def test_each_surface_is_compared_by_what_its_lists_depend_on() -> None:
    def batch(lists: list[list[str]], users: list[str], about: list[int]) -> Batch:
        made = of_lists(lists, users=users, surfaces=["home", "page"])
        return replace(made, context=np.array(about, np.uint64))

    now = batch([["a", "b"], ["c", "d"]], ["Ada", "Ada"], [7, 8])
    before = batch([["a", "e"], ["c", "d"]], ["Ada", "Bob"], [9, 8])
    by_page = Expected(kinds=(({"surface": "page"}, "contextual"),))
    found = in_slices(now, measured(now, (1, before), expected=by_page)["change"])
    assert found == {"all": 0.25, "surface=home": 0.5, "surface=page": 0.0}


@dataclass(frozen=True)
class Sticky:
    """Users who come again, with lists of which each place is drawn anew with chance `moves`.

    Parameters
    ----------
    users : int
        Of whom each comes in an hour with chance `comes`.
    """

    users: int
    moves: float = 0.3
    comes: float = 0.3
    items: int = 500
    length: int = 6
    stuck_since: int | None = None  # hours before now

    def hours(self, rng: np.random.Generator, number: int) -> list[Batch]:
        """The latest first."""
        usual = rng.integers(0, self.items, (self.users, self.length))
        out: list[Batch] = []
        for back in reversed(range(number)):
            if self.stuck_since is None or back >= self.stuck_since - 1:
                fresh = rng.random(usual.shape) < self.moves
                lists = np.where(fresh, rng.integers(0, self.items, usual.shape), usual)
            who = np.flatnonzero(rng.random(self.users) < self.comes)
            out.append(self._batch(rng, lists[who], who))
        return out[::-1]

    def _batch(self, rng: np.random.Generator, lists: NDArray[np.int64], who: NDArray[np.int64]) -> Batch:
        n = len(who)
        return Batch(
            cells=Cells.of((), [()]),
            cell=np.zeros(n, np.int32),
            offsets=np.arange(n + 1) * self.length,
            item=lists.ravel().astype(np.int32),
            item_hash=hash_texts(str(i) for i in range(self.items)),
            item_names=[str(i) for i in range(self.items)],
            position=np.tile(np.arange(1, self.length + 1, dtype=np.int32), n),
            user=hash_integers(who),
            user_known=np.ones(n, bool),
            request=hash_integers(rng.integers(0, 2**60, n)),
            time=START + rng.integers(0, HOUR, n),
            has=ROLES - {"score"},
            repeated=np.zeros(1, np.int64),
        )


def after(shop: Sticky, seed: int, number: int = 6) -> dict[str, Measurement]:
    now, *before = shop.hours(np.random.default_rng(seed), number)
    return measured(now, *((back + 1, batch) for back, batch in enumerate(before)))


@pytest.mark.parametrize("moves", [0.0, 0.1, 0.4, 1.0])
def test_lists_change_as_much_as_they_were_made_to(moves: float) -> None:
    found = after(Sticky(4000, moves), 0)
    stays = (1 - moves) ** 2
    assert found["change"].value[0] == pytest.approx(1 - stays, abs=0.02)
    assert found["day_change"].value[0] == pytest.approx(1 - stays, abs=0.02)
    unchanged = found["unchanged_share"]
    assert unchanged.value[0] == pytest.approx(stays**6, abs=3 * unchanged.error[0])
    assert (found["novelty"].value[0] <= found["day_change"].value[0] + 1e-9).all()


@pytest.mark.parametrize("users", [300, 3000])
def test_stated_errors_hold_and_ten_times_the_users_change_nothing(users: int) -> None:
    truth = {name: m.value[0] for name, m in after(Sticky(40_000, 0.1), 1).items()}
    runs = [after(Sticky(users, 0.1), seed) for seed in range(60)]
    for name in REPETITION:
        value = np.array([run[name].value[0] for run in runs])
        error = np.array([run[name].error[0] for run in runs])
        assert (np.abs(value - truth[name]) <= 2 * error).mean() >= 0.88, name
        assert error.mean() <= 2 * value.std(), name


def test_users_that_panels_left_out_are_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = after(Sticky(3000), 2)
    monkeypatch.setattr(panel, "USERS", 300)
    part = after(Sticky(3000), 2)
    assert part["change"].n[0] < 0.6 * whole["change"].n[0]
    for name in REPETITION:
        assert part[name].value[0] == pytest.approx(whole[name].value[0], abs=4 * part[name].error[0]), name


def test_cells_weigh_as_their_traffic_does_where_one_of_them_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "USERS", 100)

    def batch(seed: int) -> Batch:
        """Lists at home never change; those in the mail always do. Home has nine times the users."""
        n = 2000
        surfaces = ["home" if u % 10 else "mail" for u in range(n)]
        lists = [
            ["a", "b"] if s == "home" else [f"{seed}-{u}", f"{seed}-{u}-2"] for u, s in enumerate(surfaces)
        ]
        return of_lists(lists, users=[str(u) for u in range(n)], surfaces=surfaces)

    now = batch(0)
    found = in_slices(now, measured(now, (1, batch(1)))["unchanged_share"])
    assert (found["surface=home"], found["surface=mail"]) == (1, 0)
    assert found["all"] == pytest.approx(0.9, abs=0.1)


def usual_and_change(name: str) -> float:
    (history,) = next(m.judge for m in DETECTOR.measures() if m.name == name)
    assert isinstance(history, History)
    return history.change


def test_stuck_lists_show_and_healthy_ones_do_not() -> None:
    healthy, stuck = after(Sticky(1500), 3), after(Sticky(1500, stuck_since=6), 3)
    assert stuck["unchanged_share"].value[0] == 1
    for name in ("unchanged_share", "unchanged_day_share"):
        assert stuck[name].value[0] - healthy[name].value[0] > usual_and_change(name)
    for name in ("change", "day_change", "novelty"):
        assert stuck[name].value[0] < (1 - usual_and_change(name)) * healthy[name].value[0]


def catalogue(items: int, new: int, **columns: object) -> Catalog:
    """`new` of the items came in an hour ago, the others long before."""
    created = np.where(np.arange(items) < new, START - HOUR, START - 100 * DAY)
    return Catalog.of([str(i) for i in range(items)], created_us=created, **columns)


def shown(rng: np.random.Generator, requests: int, appeal: NDArray[np.float64], length: int = 5) -> Batch:
    """Lists of different items, drawn by appeal; every user comes once."""
    lists = np.argsort(-(np.log(appeal + 1e-300) + rng.gumbel(size=(requests, len(appeal)))), axis=1)[
        :, :length
    ]
    return of_lists([[str(i) for i in row] for row in lists], users=[str(u) for u in range(requests)])


@pytest.mark.parametrize("boost", [0.0, 0.3, 1.0, 3.0])
def test_new_items_get_what_they_were_given(boost: float) -> None:
    items, new = 400, 40
    appeal = np.where(np.arange(items) < new, boost, 1.0)
    now = shown(np.random.default_rng(0), 2000, appeal)
    found = measured(now, catalog=catalogue(items, new))["new_item_exposure"]
    assert found.value[0] == pytest.approx(boost / (1 + boost), abs=4 * found.error[0] + 0.01)
    assert 0 < found.error[0] < 0.05


def test_the_exposure_of_new_items_has_the_error_that_it_states() -> None:
    runs = [
        measured(shown(np.random.default_rng(seed), 150, np.ones(200)), catalog=catalogue(200, 20))[
            "new_item_exposure"
        ]
        for seed in range(100)
    ]
    value, error = np.array([(r.value[0], r.error[0]) for r in runs]).T
    assert (np.abs(value - 0.5) <= 2 * error).mean() >= 0.9
    assert error.mean() <= 2 * value.std()


@pytest.mark.parametrize("new", [0, 5, 300])
def test_of_too_few_new_items_or_too_many_nothing_is_said(new: int) -> None:
    now = shown(np.random.default_rng(0), 100, np.ones(400))
    found = measured(now, catalog=catalogue(400, new))
    assert np.isnan(found["new_item_exposure"].value[0])
    assert np.isnan(found["new_items_shown_share"].value[0])


def test_items_that_may_not_be_shown_are_no_new_items() -> None:
    now = shown(np.random.default_rng(0), 500, np.where(np.arange(400) < 20, 0.0, 1.0))
    blocked = np.arange(400) < 20
    found = values(now, catalog=catalogue(400, 40, blocked=blocked))
    assert found["new_item_exposure"] == pytest.approx(0.5, abs=0.05)


def test_items_of_tomorrow_are_not_missed_today() -> None:
    now = shown(np.random.default_rng(0), 500, np.where(np.arange(400) < 200, 0.0, 1.0))
    created = np.where(np.arange(400) < 200, START + DAY, START - 100 * DAY)
    created[-20:] = START - HOUR
    found = values(now, catalog=Catalog.of([str(i) for i in range(400)], created_us=created))
    assert found["new_item_exposure"] == pytest.approx(0.5, abs=0.05)


def test_new_items_are_counted_over_some_hours_among_a_fixed_number_of_rows() -> None:
    rng = np.random.default_rng(0)
    appeal = np.where(np.arange(300) < 15, 1e-9, 1.0)  # half of the new items are never shown
    windows = [shown(rng, 100, appeal) for _ in range(3)]
    before = [(b + 1, w) for b, w in enumerate(windows[1:])]
    found = measured(windows[0], *before, (3, windows[0]), catalog=catalogue(300, 30))  # the last is too old
    total, rows = np.zeros(300), 0
    for w in windows:
        names = np.array([int(n) for n in w.item_names])
        total += np.bincount(names[w.item], minlength=300)
        rows += w.n_rows
    expected = np.mean([1 - hypergeom(rows, int(c), 150).pmf(0) for c in total[:30]])
    assert found["new_items_shown_share"].value[0] == pytest.approx(expected)
    few = measured(windows[0].select(np.arange(100) < 20), catalog=catalogue(300, 30))
    assert np.isnan(few["new_items_shown_share"].value[0])  # fewer rows than items


@pytest.mark.parametrize(("counts", "total", "to"), [([0, 1, 3, 90], 100, 20), ([5, 5], 10, 6), ([1], 1, 1)])
def test_the_chance_to_be_among_some_rows_is_hypergeometric(counts: list[int], total: int, to: int) -> None:
    expected = [1 - hypergeom(total, c, to).pmf(0) for c in counts]
    assert chance_among(np.array(counts, float), total, to) == pytest.approx(expected)


def test_blocked_new_items_show_and_healthy_ones_do_not() -> None:
    rng = np.random.default_rng(1)
    healthy, blocked = np.ones(300), np.where(np.arange(300) < 30, 1e-12, 1.0)
    before = [(b, shown(rng, 100, healthy)) for b in range(1, 5)]
    after_a_day = [(b, shown(rng, 100, blocked)) for b in range(1, 5)]
    usual = values(shown(rng, 100, healthy), *before, catalog=catalogue(300, 30))
    found = values(shown(rng, 100, blocked), *after_a_day, catalog=catalogue(300, 30))
    for name in ("new_item_exposure", "new_items_shown_share"):
        assert found[name] < (1 - usual_and_change(name)) * usual[name], name


def test_what_a_log_lacks_is_not_measured() -> None:
    now = replace(of_lists([["a", "b"]], users=["Ada"]), has=frozenset({"request", "position"}))
    assert measured(now) == {}
    no_times = Catalog.of(["a", "b"])
    assert set(measured(of_lists([["a", "b"]], users=["Ada"]), catalog=no_times)) == set(REPETITION)
