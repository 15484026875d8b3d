"""Sameness that hides: two items, one product under many ids, a part of the users, lists that depend on a context."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from detectors import Batch, Catalog, Earlier, Expected, Floor, Measurement, Summary
from detectors.core.expected import NOTHING_EXPECTED
from detectors.core.hashing import hash_texts
from detectors.core.verdict import Verdict
from detectors.judgement.judge import Judge
from detectors.same_item import SameItem
from detectors.sameness.shown import Shown
from detectors.statistics.item_counts import ANYWHERE, FIRST
from tests.detectors.batches import HOUR, START, WINDOW, in_slices, measure_summary, of_lists, random_batch

DETECTOR = SameItem()
FLOOR = {m.name: m.judge[0].above for m in DETECTOR.measures() if isinstance(m.judge[0], Floor)}
MEASURES = {m.name: m for m in DETECTOR.measures()}
CONTEXTUAL = Expected(kinds=(({"surface": "pdp"}, "contextual"),))


def healthy(n: int, seed: int = 0, items: int = 100) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"i{i}" for i in rng.choice(items, 5, replace=False)] for _ in range(n)]


def with_first(lists: list[list[str]], share: float, *items: str) -> list[list[str]]:
    """The same with these items in turn at the first place of a share of the lists, evenly spread."""
    every = [int(r * share) for r in range(len(lists) + 1)]
    return [
        [items[every[r] % len(items)], *shown[1:]] if every[r + 1] > every[r] else shown
        for r, shown in enumerate(lists)
    ]


def summary_of(batch: Batch, expected: Expected = NOTHING_EXPECTED) -> Summary:
    return Summary.of(batch, DETECTOR.statistics, expected=expected)


def found_in(
    now: Summary, *, earlier: Sequence[Earlier] = (), catalog: Catalog | None = None
) -> dict[str, Measurement]:
    return measure_summary(DETECTOR, now, replace(WINDOW, catalog=catalog, earlier=lambda: earlier))


def verdict(name: str, m: Measurement) -> Verdict:
    """How the first slice is judged in the first window there is."""
    [judged] = Judge().judge(START, ("all",), [(name, MEASURES[name], _only_first(m))])
    return Verdict(int(judged.verdict[0]))


def _only_first(m: Measurement) -> Measurement:
    return replace(m, value=m.value[:1], error=m.error[:1], n=m.n[:1])


def before(*batches: Batch, troubled: bool = False, expected: Expected = NOTHING_EXPECTED) -> list[Earlier]:
    return [Earlier(START - (i + 1) * HOUR, summary_of(b, expected), troubled) for i, b in enumerate(batches)]


# Two items that share the top


def test_two_items_that_share_the_top_are_seen_where_neither_of_them_is() -> None:
    batch = of_lists(with_first(healthy(600), 0.58, "A", "B"), users=[f"u{r}" for r in range(600)])
    found = found_in(summary_of(batch))
    assert found["top_two_share"].value[0] == pytest.approx(0.58, abs=0.02)
    assert verdict("top_two_share", found["top_two_share"]) is Verdict.BREACH
    assert verdict("first_place_share", found["first_place_share"]) is not Verdict.BREACH
    evidence = found["top_two_share"].evidence(0)
    assert {evidence["item"], evidence["other"]} == {"A", "B"}
    alone = found_in(summary_of(of_lists(with_first(healthy(600), 1.0, "A"))))["top_two_share"]
    assert (alone.value[0], alone.evidence(0)["item"], alone.evidence(0)["other"]) == (1.0, "A", "no other")
    calm = found_in(summary_of(of_lists(healthy(600))))
    assert verdict("top_two_share", calm["top_two_share"]) is Verdict.OK


@pytest.mark.parametrize("seed", range(3))
def test_the_two_are_the_most_frequent(seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), requests=150, items=9)
    firsts = Counter(batch.item[batch.position == 1].tolist())
    two = sum(n for _, n in firsts.most_common(2)) / firsts.total()
    assert found_in(summary_of(batch))["top_two_share"].value[0] == pytest.approx(two)


# One product under many ids


def variants(items: int = 100, product: Sequence[str] = (), department: Sequence[str] = ()) -> Catalog:
    ids = [*(f"i{i}" for i in range(items)), *product, *department]
    family = [f"own-{i}" for i in range(items)] + ["shirt"] * len(product) + ["shoes"] * len(department)
    return Catalog.of(ids, family=family)


def test_one_product_under_many_ids_is_seen_where_no_id_is() -> None:
    sizes = [f"shirt-{s}" for s in range(6)]
    batch = of_lists(with_first(healthy(600), 0.9, *sizes), users=[f"u{r}" for r in range(600)])
    found = found_in(summary_of(batch), catalog=variants(400, sizes))
    assert found["family_first_share"].value[0] == pytest.approx(0.9, abs=0.01)
    assert verdict("family_first_share", found["family_first_share"]) is Verdict.BREACH
    assert verdict("family_anywhere_share", found["family_anywhere_share"]) is Verdict.BREACH
    assert verdict("first_place_share", found["first_place_share"]) is Verdict.OK
    evidence = found["family_first_share"].evidence(0)
    assert (evidence["family"], evidence["position"]) == ("shirt", 1)
    assert set(evidence["items"]) == set(sizes)


def test_a_department_is_no_product_and_neither_is_an_only_id() -> None:
    shoes = [f"shoe-{s}" for s in range(40)]
    batch = of_lists(with_first(healthy(600), 0.9, *shoes))
    found = found_in(summary_of(batch), catalog=variants(400, department=shoes))
    assert found["family_first_share"].value[0] == found["family_anywhere_share"].value[0] == 0.0
    stuck = of_lists(with_first(healthy(600), 0.9, "i7"))
    assert found_in(summary_of(stuck), catalog=variants())["family_first_share"].value[0] == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_shares_of_families_are_what_counting_by_hand_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = random_batch(rng, requests=150, users=140, items=12, longest=5)
    ids = [
        *batch.item_names[:-1],
        *(f"other-{i}" for i in range(400)),
    ]  # an item that the catalogue does not know
    family = [f"f{i // 3}" if i < 9 else None for i in range(len(ids))]
    catalog = Catalog.of(ids, family=family)
    of_item = dict(zip(ids, family, strict=True))
    first: Counter[str] = Counter()
    anywhere: Counter[str] = Counter()
    for o, e in zip(batch.offsets[:-1], batch.offsets[1:], strict=True):
        names = [of_item.get(batch.item_names[batch.item[i]]) for i in range(o, e)]
        first.update(n for n, i in zip(names, range(o, e), strict=True) if n and batch.position[i] == 1)
        anywhere.update({n for n in names if n})
    found = found_in(summary_of(batch), catalog=catalog)
    assert found["family_first_share"].value[0] == pytest.approx(
        max(first.values()) / (batch.position == 1).sum()
    )
    if max(Counter(batch.user.tolist()).values()) <= 32:
        share = max(anywhere.values()) / batch.n_requests
        assert found["family_anywhere_share"].value[0] == pytest.approx(share)


def test_without_families_there_is_nothing_to_say_of_them() -> None:
    batch = of_lists(healthy(50))
    for catalog in (None, Catalog.of(["i1", "i2"])):
        assert not [name for name in found_in(summary_of(batch), catalog=catalog) if "family" in name]


# An item that comes from nowhere


def test_a_part_of_the_users_that_no_column_describes_shows_as_a_rise() -> None:
    users = [f"u{r}" for r in range(800)]
    earlier = before(*(of_lists(healthy(800, seed), users=users) for seed in (1, 2, 3)))
    now = of_lists(with_first(healthy(800), 0.25, "STUCK"), users=users)
    found = found_in(summary_of(now), earlier=earlier)
    tops = [max(Counter(shown[0] for shown in healthy(800, seed)).values()) / 800 for seed in (1, 2, 3)]
    rise = found["first_place_rise"]
    assert rise.value[0] == pytest.approx(0.25 - np.mean(tops), abs=1e-6)
    assert verdict("first_place_rise", rise) is Verdict.BREACH
    assert not [n for n in ("first_place_share", "any_place_share") if verdict(n, found[n]) is Verdict.BREACH]
    evidence = rise.evidence(0)
    assert (evidence["item"], evidence["share"], evidence["share_before"]) == ("STUCK", 0.25, 0.0)


def test_an_item_that_had_its_share_before_has_not_risen() -> None:
    lists = with_first(healthy(400), 0.25, "BESTSELLER")
    found = found_in(summary_of(of_lists(lists)), earlier=before(of_lists(lists), of_lists(lists)))
    assert found["first_place_rise"].value[0] == 0.0
    deals = before(*(of_lists(with_first(healthy(400, day), 0.25, f"deal-{day}")) for day in range(3)))
    today = found_in(summary_of(of_lists(with_first(healthy(400), 0.25, "deal of today"))), earlier=deals)
    assert today["first_place_rise"].value[0] == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("n", [60, 600, 20_000])
def test_a_sale_on_an_eighth_of_the_first_places_is_no_page(n: int) -> None:
    earlier = before(of_lists(healthy(1000, 1)))
    rng = np.random.default_rng(n)
    for _ in range(max(1, 4000 // n)):
        lists = [["SALE", *s[1:]] if rng.random() < 0.12 else s for s in healthy(n)]
        found = found_in(summary_of(of_lists(lists)), earlier=earlier)
        assert verdict("first_place_rise", found["first_place_rise"]) is not Verdict.BREACH


def test_windows_in_which_something_was_wrong_do_not_say_what_is_usual() -> None:
    stuck, calm = of_lists(with_first(healthy(400), 0.25, "STUCK")), of_lists(healthy(400, 1))
    earlier = [*before(calm), *before(stuck, stuck, troubled=True)]
    found = found_in(summary_of(stuck), earlier=earlier)["first_place_rise"]
    assert found.value[0] > 0.2
    assert found.evidence(0)["share_before"] == 0.0
    unknown = found_in(summary_of(stuck), earlier=before(stuck, troubled=True))["first_place_rise"]
    assert np.isnan(unknown.value[0])


def test_a_few_answers_of_the_day_before_say_nothing() -> None:
    found = found_in(summary_of(of_lists(healthy(400))), earlier=before(of_lists(healthy(29))))
    assert np.isnan(found["first_place_rise"].value[0])
    assert np.isnan(found_in(summary_of(of_lists(healthy(400))))["first_place_rise"].value[0])


def test_a_rise_is_one_of_its_slice_and_slices_come_and_go() -> None:
    surfaces = ["email", "home"] * 300
    calm = of_lists(healthy(600, 1), surfaces=surfaces)
    other = of_lists(healthy(600, 2), surfaces=["cart", "home"] * 300)
    lists = [["STUCK", *s[1:]] if r % 2 == 0 and r % 3 == 0 else s for r, s in enumerate(healthy(600))]
    batch = of_lists(lists, surfaces=["email", "push"] * 300)
    found = found_in(summary_of(batch), earlier=before(calm, other))["first_place_rise"]
    rises = in_slices(batch, found)
    assert rises["surface=email"] == pytest.approx(1 / 3, abs=0.06)
    assert rises["all"] == pytest.approx(1 / 6, abs=0.04)
    assert np.isnan(rises["surface=push"])


def test_the_error_of_a_rise_covers_what_sampling_does() -> None:
    def lists(n: int, share: float, rng: np.random.Generator) -> Batch:
        first = np.where(rng.random(n) < share, "X", np.char.add("i", rng.integers(0, 50, n).astype(str)))
        return of_lists([[str(f), "a"] for f in first])

    rng = np.random.default_rng(5)
    covered, errors, values = 0, [], []
    for _ in range(150):
        usual = lists(300, 0.1, rng)
        found = found_in(summary_of(lists(200, 0.4, rng)), earlier=before(usual))["first_place_rise"]
        values.append(found.value[0])
        errors.append(found.error[0])
        covered += abs(found.value[0] - 0.3) <= 2 * found.error[0]
    assert covered >= 0.9 * 150
    assert np.mean(errors) <= 2 * np.std(values)
    n = float(found.n[0])  # the sample of a plain share that is known as well
    assert np.sqrt(0.3 * 0.7 / n) == pytest.approx(errors[-1], rel=0.25)


# Lists that depend on what is looked at


def looking(lists: Sequence[Sequence[str]], things: Sequence[str | None], **columns: object) -> Batch:
    batch = of_lists(lists, **columns)  # type: ignore[arg-type]  # passed on as they are
    hashes = [0 if t is None else int(hash_texts([t])[0]) for t in things]
    return replace(batch, context=np.array(hashes, np.uint64), has=batch.has | {"context"})


def product_page(n: int, hot: float, seed: int = 0) -> tuple[list[list[str]], list[str]]:
    """Similar items of what is looked at: the same for all who look at it; a share looks at one thing."""
    rng = np.random.default_rng(seed)
    things = [int(t) if rng.random() >= hot else 0 for t in rng.integers(0, 300, n)]
    return [[f"t{t}-{k}" for k in range(5)] for t in things], [f"thing-{t}" for t in things]


def test_a_product_that_everybody_looks_at_is_no_stuck_list() -> None:
    lists, things = product_page(500, hot=0.8)
    users = [f"u{r}" for r in range(500)]
    batch = looking(lists, things, users=users, surfaces=["pdp"] * 500)
    found = found_in(summary_of(batch, CONTEXTUAL), earlier=before(batch, expected=CONTEXTUAL))
    n = len(set(things))
    for name in ("identical_list_share", "first_place_share", "any_place_share", "anywhere_share"):
        assert found[name].value[0] == pytest.approx(1 / n), name
        assert found[name].n[0] == n, name
    assert found["first_place_rise"].value[0] == 0.0
    assert np.isnan(found["users_share"].value[0])
    # What the same log would look like if its lists were taken for personal ones.
    plain = found_in(summary_of(batch))
    assert plain["identical_list_share"].value[0] > 0.75
    assert plain["users_share"].value[0] > 0.75


def test_one_list_whatever_is_looked_at_is_stuck() -> None:
    lists, things = product_page(500, hot=0.3)
    rng = np.random.default_rng(1)
    lists = [["STUCK", "a", "b", "c", "d"] if rng.random() < 0.4 else shown for shown in lists]
    batch = looking(lists, things, users=[f"u{r}" for r in range(500)], surfaces=["pdp"] * 500)
    found = found_in(summary_of(batch, CONTEXTUAL))
    for name in ("identical_list_share", "first_place_share"):
        assert found[name].value[0] == pytest.approx(0.4, abs=0.07)
        assert found[name].evidence(0)["item"] == "STUCK"
    assert verdict("identical_list_share", found["identical_list_share"]) is Verdict.BREACH


def test_a_thing_that_is_not_known_stands_for_itself() -> None:
    batch = looking([["a", "b"], ["a", "b"], ["c", "d"]], [None, None, "x"], surfaces=["pdp"] * 3)
    found = found_in(summary_of(batch, CONTEXTUAL))
    assert found["identical_list_share"].value[0] == pytest.approx(2 / 3)
    assert found["identical_list_share"].n[0] == 3


def test_in_mixed_traffic_requests_are_counted_and_those_of_one_thing_are_not_independent() -> None:
    lists, things = product_page(400, hot=1.0)
    surfaces = ["pdp"] * 400 + ["home"] * 600
    users = [f"u{r}" for r in range(1000)]
    batch = looking([*lists, *healthy(600)], [*things, *["w"] * 600], users=users, surfaces=surfaces)
    summary = summary_of(batch, CONTEXTUAL)
    found = found_in(summary)
    # One thing of 400 requests and 600 users: Kish's effective number of answers.
    independent = 1000**2 / (400**2 + 600)
    assert found["first_place_share"].value[0] == 0.4
    assert found["first_place_share"].n[0] == pytest.approx(independent)
    assert verdict("first_place_share", found["first_place_share"]) is not Verdict.BREACH
    assert verdict("identical_list_share", found["identical_list_share"]) is not Verdict.BREACH
    assert found["users_share"].value[0] < 0.1  # of those at home
    lists += with_first(healthy(600), 0.9, "STUCK")
    stuck = looking(lists, [*things, *["w"] * 600], users=users, surfaces=surfaces)
    users_share = in_slices(stuck, found_in(summary_of(stuck, CONTEXTUAL))["users_share"])
    assert users_share["surface=home"] == pytest.approx(0.9)
    assert users_share["all"] == pytest.approx(0.9 * 0.6)  # of all users: the wider slice is not hit as much
    assert np.isnan(users_share["surface=pdp"])


@pytest.mark.parametrize("seed", range(4))
def test_one_list_of_each_thing_counts_in_each_slice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 120
    things = [None if t == 0 else f"t{t}" for t in rng.integers(0, 12, n)]
    lists = [[f"i{i}" for i in rng.choice(8, 3, replace=False)] for _ in range(n)]
    surfaces = [("pdp", "home")[int(s)] for s in rng.integers(0, 2, n)]
    batch = looking(lists, things, users=[f"u{u}" for u in rng.integers(0, 60, n)], surfaces=surfaces)
    summary = summary_of(batch, CONTEXTUAL)
    at = summary.slices.texts.index("surface=pdp")
    there = [r for r in range(n) if surfaces[r] == "pdp"]
    expected = len({things[r] for r in there if things[r]}) + sum(things[r] is None for r in there)
    anywhere, first = Shown(summary, ANYWHERE), Shown(summary, FIRST)
    assert summary.answers[at].sum() == anywhere.answers[at] == first.answers[at] == expected
    totals = [*anywhere.by_item()][at]
    assert totals.sum() == 3 * expected
    keys = np.sort(hash_texts(batch.item_names))
    for item, total in zip(keys.tolist(), totals.tolist(), strict=True):
        assert anywhere.of_item(item, at) == total
    key, at_home = int(hash_texts(["i3"])[0]), summary.slices.texts.index("surface=home")
    assert first.of_item(key, at_home) == sum(lists[r][0] == "i3" and surfaces[r] == "home" for r in range(n))
