"""Items that should not be shown, against plain counting; parts of the catalogue that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors import Batch, Context, Expected, Summary
from detectors import Catalog as Known
from detectors.catalog import Catalog
from detectors.core.detector import Earlier
from detectors.core.hashing import hash_texts
from detectors.core.measurement import Measurement
from detectors.core.verdict import Verdict
from detectors.judgement.judge import Judge
from detectors.judgement.judged import Judged
from tests.detectors.batches import (
    HOUR,
    START,
    WINDOW,
    in_slices,
    measure,
    measure_summary,
    of_lists,
    random_batch,
)
from tests.detectors.recommender import Shop, check_sampling, sample

DETECTOR = Catalog()
KINDS = ("unknown", "blocked", "out_of_stock")
PARTS = ["x", "y"]


def with_catalogue(known: Known, **fields: Any) -> Context:
    return replace(WINDOW, catalog=known, **fields)


def judged(found: dict[str, Measurement], slices: Sequence[str] = ("all",)) -> dict[str, Judged]:
    """What is said in the first window that anybody sees."""
    given = [(f"catalog.{m.name}", m, found[m.name]) for m in DETECTOR.measures() if m.name in found]
    return {j.measure.name: j for j in Judge().judge(START, slices, given)}


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_what_counting_gives_in_every_slice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = random_batch(rng, requests=150, users=60, items=30)
    names = [f"item-{i}" for i in range(0, 30, 2)]
    flags = {kind: rng.random(len(names)) < 0.3 for kind in KINDS[1:]}
    found = measure(DETECTOR, batch, with_catalogue(Known.of(names, **flags)))
    wrong = {kind: {n for n, f in zip(names, flags[kind], strict=True) if f} for kind in KINDS[1:]}
    wrong["unknown"] = {f"item-{i}" for i in range(30)} - set(names)
    for kind in KINDS:
        rows, requests = (in_slices(batch, found[f"{kind}_{of}"]) for of in ("share", "requests_share"))
        for s, text in enumerate(batch.cells.slices.texts):
            here = batch.cells.slices.members[s][batch.cell]
            lists = [
                {batch.item_names[i] for i in batch.item[a:b].tolist()}
                for a, b, mine in zip(batch.offsets[:-1], batch.offsets[1:], here, strict=True) if mine
            ]  # fmt: skip
            hits = [len(shown & wrong[kind]) for shown in lists]
            assert rows[text] == pytest.approx(sum(hits) / max(sum(map(len, lists)), 1e-9), nan_ok=True)
            assert requests[text] == pytest.approx(np.mean([h > 0 for h in hits]))


def test_blocked_items_page_in_the_first_window_and_their_place_is_right() -> None:
    lists = [[f"i{(r + p) % 40}" for p in range(10)] for r in range(400)]
    surfaces = ["email" if r % 4 == 0 else "home" for r in range(400)]
    broken = [
        [*s[:-1], f"b{r % 7}"] if r % 28 < 4 and surfaces[r] == "email" else s for r, s in enumerate(lists)
    ]
    known = Known.of(
        [f"i{i}" for i in range(40)] + [f"b{i}" for i in range(7)], blocked=[False] * 40 + [True] * 7
    )
    slices = of_lists(lists, surfaces=surfaces).cells.slices.texts
    after, before = (
        judged(measure(DETECTOR, of_lists(shown, surfaces=surfaces), with_catalogue(known)), slices)
        for shown in (broken, lists)
    )
    said = after["blocked_requests_share"]
    by_slice = dict(
        zip(said.slices, zip(said.verdict.tolist(), said.page.tolist(), strict=True), strict=True)
    )
    assert by_slice["surface=email"] == (Verdict.BREACH, True)
    assert by_slice["surface=home"][0] == Verdict.OK
    assert not any((j.verdict == Verdict.BREACH).any() for j in before.values())


def test_a_few_unknown_items_are_no_trouble_and_nothing_but_unknown_ones_is() -> None:
    known = Known.of([str(i) for i in range(180)])  # the newest 20 are missing
    draw = Shop(length=10)(np.random.default_rng(0), 400)
    few = judged(measure(DETECTOR, draw, with_catalogue(known)))
    assert few["unknown_share"].value[0] == pytest.approx(0.05, abs=0.03)
    assert few["unknown_share"].verdict[0] == Verdict.OK
    odd = judged(measure(DETECTOR, draw, with_catalogue(Known.of([f"SKU/{i}" for i in range(200)]))))
    assert (odd["unknown_share"].value[0], bool(odd["unknown_share"].page[0])) == (1.0, True)


def expecting(batch: Batch, known: Known, **expected: Any) -> dict[str, Measurement]:
    meant = Expected(**expected)
    summary = Summary.of(batch, DETECTOR.statistics, expected=meant)
    return measure_summary(DETECTOR, summary, with_catalogue(known, expected=meant))


def test_items_that_are_meant_to_be_everywhere_are_known_and_blocked_all_the_same() -> None:
    batch = of_lists([["promo", "a"]] * 18 + [["a"]] * 2)
    items = (({}, frozenset(hash_texts(["promo"]).tolist())),)
    assert expecting(batch, Known.of(["a"]), items=items)["unknown_share"].value[0] == 0
    found = expecting(batch, Known.of(["a", "promo"], blocked=[False, True]), items=items)
    assert found["pinned_blocked_share"].value[0] == pytest.approx(0.9)
    assert found["blocked_requests_share"].value[0] == found["blocked_share"].value[0] == 0
    evidence = found["pinned_blocked_share"].evidence
    assert evidence is not None
    assert evidence(0)["item"] == "promo"


def test_pinned_places_may_show_what_is_not_of_the_catalogue_but_nothing_blocked() -> None:
    lists = [[f"ad-{r % 2}", "a", "b" if r % 10 == 0 else "c"] for r in range(200)]
    known = Known.of(["a", "b", "c", "ad-1"], blocked=[False, True, False, True])
    found = expecting(of_lists(lists), known, positions=(({}, 1),))
    assert found["unknown_share"].value[0] == 0
    assert found["pinned_blocked_share"].value[0] == pytest.approx(0.5)
    assert found["blocked_share"].value[0] == pytest.approx(20 / 400)
    assert found["blocked_requests_share"].value[0] == pytest.approx(0.1)


def test_what_is_sold_out_counts_wherever_it_stands() -> None:
    lists = [[f"ad-{r % 2}", "a", "b" if r % 10 == 0 else "c"] for r in range(200)]
    known = Known.of(["a", "b", "c", "ad-1"], out_of_stock=[False, True, False, True])
    found = expecting(of_lists(lists), known, positions=(({}, 1),))
    assert found["out_of_stock_share"].value[0] == pytest.approx((100 + 20) / 600)
    both = 0.5 + 0.1 - 0.5 * 0.1  # as if by chance
    assert found["out_of_stock_requests_share"].value[0] == pytest.approx(both)


@pytest.mark.parametrize(("pinned", "severity"), [(True, False), (False, True)])
def test_a_blocked_item_that_an_editor_chose_is_a_ticket_and_one_of_the_model_s_a_page(
    pinned: bool, severity: bool
) -> None:
    lists = [["x" if r % 2 else "y", "a", "b"] for r in range(300)]
    known = Known.of(["a", "b", "x", "y"], blocked=[False, False, True, False])
    found = expecting(of_lists(lists), known, positions=(({}, 1),) if pinned else ())
    said = {n: bool(j.page[0]) for n, j in judged(found).items() if j.verdict[0] == Verdict.BREACH}
    assert said == (
        {"pinned_blocked_share": False} if pinned else {"blocked_share": True, "blocked_requests_share": True}
    )


def test_what_is_wrong_is_named_the_worst_first_and_one_that_is_most_of_it_is_to_blame() -> None:
    lists = [["a", "b", "ok"]] * 6 + [["b", "ok"]] * 5 + [["c", "ok"]] * 3
    known = Known.of(["a", "b", "c", "ok"], blocked=[True, True, True, False])
    evidence = measure(DETECTOR, of_lists(lists), with_catalogue(known))["blocked_share"].evidence
    assert evidence is not None
    assert evidence(0) == {
        "item": "b",
        "items": [
            {"item": "b", "requests": 11, "share": 0.55},
            {"item": "a", "requests": 6, "share": 0.3},
            {"item": "c", "requests": 3, "share": 0.15},
        ],
        "different_items": 3,
        "catalogue": {"items": 4},
    }
    known = Known.of(["a", "b", "c", "ok"], blocked=[True, False, True, False])
    evidence = measure(DETECTOR, of_lists(lists), with_catalogue(known))["blocked_share"].evidence
    assert evidence is not None
    assert evidence(0)["item"] == "a"
    even = measure(DETECTOR, of_lists([["a"], ["b"], ["c"]]), with_catalogue(known))["blocked_share"].evidence
    assert even is not None
    assert "item" not in even(0)


def test_rare_items_have_the_catalogues_name() -> None:
    names = [f"item-{i}" for i in range(3000)]
    batch = of_lists([[name] for name in names] + [["top"]] * 200 + [["second"]] * 150 + [["third"]] * 140)
    known = Known.of([*names, "top", "second", "third"], blocked=[i == 1234 for i in range(3003)])
    evidence = measure(DETECTOR, batch, with_catalogue(known))["blocked_share"].evidence
    assert evidence is not None
    assert evidence(0)["item"] == "item-1234"


def test_without_a_catalogue_or_what_it_should_say_nothing_is_measured() -> None:
    batch = of_lists([["a"]] * 5)
    assert measure(DETECTOR, batch) == {}
    assert set(measure(DETECTOR, batch, with_catalogue(Known.of(["a"])))) == {
        "unknown_requests_share", "unknown_share"
    }  # fmt: skip
    rows = measure(DETECTOR, replace(batch, has=batch.has - {"request"}), with_catalogue(Known.of(["a"])))
    assert set(rows) == {"unknown_share"}


def test_an_empty_window_has_nothing_to_measure() -> None:
    known = Known.of(["a"], blocked=[True], category=["x"])
    for found in measure_summary(DETECTOR, Summary(), with_catalogue(known)).values():
        assert np.isnan(found.value).all()


def categories(batch_items: int = 200, empty: int = 0) -> Known:
    """Four categories of the shop's items, and one whose items nobody has ever seen."""
    ids = [str(i) for i in range(batch_items)] + [f"new-{i}" for i in range(empty)]
    return Known.of(
        ids,
        category=[f"category-{i % 4}" for i in range(batch_items)] + ["category-9"] * empty,
        provider=["large" if i % 10 else f"small-{i % 3}" for i in range(batch_items)] + ["large"] * empty,
    )


def without(batch: Batch, category: int) -> Batch:
    """The items of a category replaced by those of the next one."""
    item = batch.item.copy()
    item[item % 4 == category] += 1
    return replace(batch, item=item % 200)


def test_all_of_a_catalogue_is_in_circulation() -> None:
    found = measure(DETECTOR, Shop()(np.random.default_rng(0), 400), with_catalogue(categories()))
    assert found["category_circulation"].value[0] == 1
    assert found["provider_circulation"].value[0] == 1
    assert found["category_circulation"].error[0] == 0


def test_a_category_that_is_not_shown_any_more_is_missing_and_named_with_what_it_was() -> None:
    draw = Shop()(np.random.default_rng(0), 400)
    yesterday = Earlier(START - 24 * HOUR, Summary.of(draw, DETECTOR.statistics))
    context = with_catalogue(categories(), earlier=lambda: [yesterday])
    found = measure(DETECTOR, without(draw, 2), context)["category_circulation"]
    assert found.value[0] == pytest.approx(0.75)
    assert found.evidence is not None
    told = found.evidence(0)
    assert told["part"] == "category-2"
    assert [(n["category"], n["items"], n["share_of_rows"]) for n in told["not_shown"]] == [
        ("category-2", 50, 0.0)
    ]
    assert told["not_shown"][0]["share_of_rows_before"] == pytest.approx(
        (draw.item % 4 == 2).mean(), abs=1e-4
    )


def test_what_was_shown_before_is_named_before_what_never_was() -> None:
    draw = Shop()(np.random.default_rng(0), 400)
    earlier = [
        Earlier(START - 23 * HOUR, Summary.of(without(draw, 2), DETECTOR.statistics), troubled=True),
        Earlier(START - 24 * HOUR, Summary.of(draw, DETECTOR.statistics)),
    ]
    context = with_catalogue(categories(empty=80), earlier=lambda: earlier)
    found = measure(DETECTOR, without(draw, 2), context)["category_circulation"]
    assert found.value[0] == pytest.approx(150 / 280)
    assert found.evidence is not None
    assert [n["category"] for n in found.evidence(0)["not_shown"]] == ["category-2", "category-9"]


def test_items_that_may_not_be_shown_are_not_missed() -> None:
    names = [str(i) for i in range(200)]
    shown = without(Shop()(np.random.default_rng(0), 400), 2)
    for flags in (
        {"blocked": [i % 4 == 2 for i in range(200)]},
        {"out_of_stock": [i % 4 == 2 for i in range(200)]},
        {"created_us": np.array([START + 2 * HOUR if i % 4 == 2 else 0 for i in range(200)])},
    ):
        known = Known.of(names, category=[f"category-{i % 4}" for i in range(200)], **flags)
        assert measure(DETECTOR, shown, with_catalogue(known))["category_circulation"].value[0] == 1


def test_a_part_too_small_for_the_traffic_is_not_looked_at() -> None:
    known = Known.of(
        [str(i) for i in range(200)], category=["rare" if i == 199 else "usual" for i in range(200)]
    )
    names = hash_texts([*(str(i) for i in range(199)), "another"])  # nobody gets the rare one
    few, many = (
        measure(
            DETECTOR, replace(Shop()(np.random.default_rng(0), n), item_hash=names), with_catalogue(known)
        )
        for n in (400, 4000)
    )
    assert few["category_circulation"].value[0] == 1  # 10 rows of 2,000
    assert many["category_circulation"].value[0] == pytest.approx(0.995)


SHARES = [f"{kind}_{of}" for kind in KINDS for of in ("requests_share", "share")]


@pytest.mark.parametrize(
    "shop",
    [Shop(), Shop(visits=3), Shop(visits=3, loyal=False), Shop(stuck=0.3, broken=0.2, visits=2)],
    ids=["one visit", "the same list each visit", "a new list each visit", "short and stuck lists"],
)
def test_stated_errors_hold_and_values_do_not_move_with_the_sample(shop: Shop) -> None:
    known = Known.of(
        [str(i) for i in range(185)],
        blocked=[i in (3, 60) for i in range(185)],
        out_of_stock=[i % 20 == 7 for i in range(185)],
    )
    check_sampling(DETECTOR, shop, SHARES, context=with_catalogue(known))


@pytest.mark.parametrize("tilt", [0.2, 1.2, 2.5])
def test_circulation_does_not_move_with_the_sample(tilt: float) -> None:
    known = Known.of([str(i) for i in range(200)], category=[f"category-{i // 20}" for i in range(200)])
    few, many = (
        sample(DETECTOR, Shop(tilt=tilt, visits=2), n, times, context=with_catalogue(known))[
            "category_circulation"
        ]
        for n, times in ((400, 200), (4000, 20))
    )
    truth = float(many.value.mean())
    assert (truth < 0.9) == (tilt == 2.5)  # popular items and hardly any others
    assert few.covers(truth) >= 0.9
