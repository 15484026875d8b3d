"""The shape of lists against counting by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detectors import Floor
from detectors.lists import Lists
from tests.detectors.batches import ROLES, in_slices, measure, of_lists, random_batch
from tests.detectors.recommender import Shop, check_sampling

DETECTOR = Lists()
FLOOR = {m.name: m.judge[0].above for m in DETECTOR.measures() if isinstance(m.judge[0], Floor)}
FULL = [["a", "b", "c", "d", "e", "f"]] * 20
WITH_EMPTY = ROLES | {"empty_lists"}


def values(lists: list[list[str]], **columns: object) -> dict[str, float]:
    found = measure(DETECTOR, of_lists(lists, **{"has": WITH_EMPTY, **columns}))
    return {name: float(m.value[0]) for name, m in found.items()}


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_what_counting_by_hand_gives(seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), requests=150, longest=8)
    bounds = list(zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True))
    items = [batch.item[o:e].tolist() for o, e in bounds]
    places = [batch.position[o:e].tolist() for o, e in bounds]
    short = 0
    for cell in range(len(batch.cells)):
        lengths = [len(shown) for shown, c in zip(items, batch.cell, strict=True) if c == cell]
        usual = max(range(1, 9), key=lambda n, of=lengths: (of.count(n), n))
        short += sum(2 * n < usual for n in lengths)
    found = {name: m.value[0] for name, m in measure(DETECTOR, batch).items()}
    assert found["mean_length"] == pytest.approx(np.mean([len(shown) for shown in items]))
    assert found["empty_share"] == pytest.approx(np.mean([not shown for shown in items]))
    assert found["repeat_share"] == pytest.approx(np.mean([len(set(shown)) < len(shown) for shown in items]))
    assert found["gap_share"] == pytest.approx(
        np.mean([bool(at) and set(at) != set(range(1, max(at) + 1)) for at in places])
    )
    assert found["short_share"] == pytest.approx(short / len(items))


@pytest.mark.parametrize(
    ("name", "lists"),
    [
        ("short_share", [["a", "b"], ["a"]] * 6 + FULL[:8]),
        ("empty_share", [[], []] * 5 + FULL),
        ("repeat_share", [["a", "b", "c", "d", "e", "a"]] * 10 + FULL),
    ],
)
def test_an_incident_is_above_its_floor(name: str, lists: list[list[str]]) -> None:
    assert not [n for n, value in values(FULL).items() if n in FLOOR and value > FLOOR[n]]
    assert [n for n, value in values(lists).items() if n in FLOOR and value > FLOOR[n]] == [name]


def test_gaps_in_positions() -> None:
    whole, gap, late, shared = [1, 2, 3], [1, 3, 4], [2, 3, 4], [1, 1, 3]
    found = values([["a", "b", "c"]] * 4, positions=[whole, gap, late, shared])
    assert found["gap_share"] == 0.75
    assert values([["a", "b", "c"]] * 2, positions=[[1, 1, 2], whole])["gap_share"] == 0  # two share a place


def test_surfaces_may_have_lists_of_their_own_length() -> None:
    lists, surfaces = FULL + [["a", "b"]] * 15, ["home"] * 20 + ["email"] * 15
    batch = of_lists(lists, surfaces=surfaces)
    assert in_slices(batch, measure(DETECTOR, batch)["short_share"]) == {
        "all": 0.0, "surface=email": 0.0, "surface=home": 0.0
    }  # fmt: skip
    assert in_slices(batch, measure(DETECTOR, batch)["mean_length"])["surface=email"] == 2.0


def test_few_lists_that_happen_to_be_equally_long_are_not_known_to_be_so_for_ever() -> None:
    """Of lists of one or three items, four of three in a row are no wonder."""
    batch = of_lists(
        [["a"], ["a", "b", "c"]] * 50 + [["a", "b", "c"]] * 4, surfaces=["home"] * 100 + ["email"] * 4
    )
    found = measure(DETECTOR, batch)["mean_length"]
    error = in_slices(batch, replace(found, value=found.error))
    assert 0.3 < error["surface=email"] < 0.6
    assert error["all"] == pytest.approx(1 / np.sqrt(104), rel=0.02)
    fixed = of_lists(FULL, surfaces=["home"] * 16 + ["email"] * 4)
    assert measure(DETECTOR, fixed)["mean_length"].error.tolist() == [0, 0, 0]


def test_evidence_is_the_lengths() -> None:
    found = measure(DETECTOR, of_lists([*FULL, ["a"], ["b"]]))["short_share"]
    assert found.evidence is not None
    assert found.evidence(0) == {"lengths": {"1": 2, "6": 20}}


def test_what_a_log_lacks_is_not_measured() -> None:
    rng = np.random.default_rng(0)
    assert measure(DETECTOR, random_batch(rng, has=ROLES - {"request"})) == {}
    assert set(measure(DETECTOR, random_batch(rng, has=ROLES - {"position"}))) == {
        "mean_length",
        "short_share",
        "repeat_share",
    }
    assert "empty_share" not in measure(DETECTOR, random_batch(rng, has=ROLES))


def test_very_long_lists_are_looked_through_for_repeats() -> None:
    long = [f"i{i}" for i in range(300)]
    found = values([long, [*long, "i7"], [*long[:-1], "i298"], ["a", "b"]])
    assert found["repeat_share"] == 0.5


@pytest.mark.parametrize("visits", [1, 2])
def test_stated_errors_hold(visits: int) -> None:
    check_sampling(DETECTOR, Shop(broken=0.3, visits=visits), ["mean_length", "short_share"])


def test_a_share_of_nothing_in_three_requests_is_not_known_for_sure() -> None:
    found = measure(DETECTOR, of_lists(FULL[:3]))["repeat_share"]
    assert found.value[0] == 0
    assert 0.1 < found.error[0] < 0.5
