"""What people got before and after: the most frequent items, counted by hand, and whole lists."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from detectors import Summary
from detectors.same_item import SameItem
from monitor.incidents.pictures import with_pictures
from tests.detectors.batches import of_lists
from tests.monitor.factories import incident


def lists_of(seed: int, stuck: float = 0.0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    out = [[f"i{i}" for i in rng.choice(20, 4, replace=False)] for _ in range(300)]
    return [["STUCK", *shown[1:]] if r < stuck * 300 else shown for r, shown in enumerate(out)]


def summary_of(lists: list[list[str]]) -> Summary:
    return Summary.of(of_lists(lists, users=[f"u{r}" for r in range(len(lists))]), SameItem().statistics)


@pytest.mark.parametrize(
    ("measure", "taken"),
    [("same_item.first_place_share", slice(0, 1)), ("same_item.anywhere_share", slice(0, 4))],
)
def test_the_top_items_of_both_sides_are_counted_as_the_measure_counts(measure: str, taken: slice) -> None:
    earlier, now = [lists_of(1), lists_of(2)], lists_of(3, stuck=0.9)
    before_it = replace(incident(), measure=measure, slice={})
    found = with_pictures(before_it, summary_of(now), [summary_of(part) for part in earlier])
    for side, lists in ((found.before, [*earlier[0], *earlier[1]]), (found.after, now)):
        shares = Counter(item for shown in lists for item in shown[taken])
        top = side["top_items"]
        assert len(top) == 5
        assert [t["share"] for t in top] == [round(n / len(lists), 4) for _, n in shares.most_common(5)]
        assert all(t["share"] == round(shares[t["item"]] / len(lists), 4) for t in top)
    assert found.after["top_items"][0]["item"] == "STUCK"
    assert found.before["value" if "value" in before_it.before else "share"] is not None


def test_lists_are_of_different_users_and_of_the_newest_window_before() -> None:
    newest, older, now = lists_of(1), lists_of(2), lists_of(3, stuck=1.0)
    found = with_pictures(
        replace(incident(), slice={}), summary_of(now), [summary_of(newest), summary_of(older)]
    )
    assert all(shown in newest for shown in found.before["lists"])
    assert all(shown in now for shown in found.after["lists"])
    assert len({tuple(shown) for shown in found.after["lists"]}) == 3


def test_a_place_that_was_not_there_has_no_picture() -> None:
    known = replace(incident(), slice={"country": "XX"})
    assert with_pictures(known, summary_of(lists_of(1)), [summary_of(lists_of(2))]) == known


def test_rare_items_have_no_name_in_lists_and_are_not_among_the_top_ones() -> None:
    lists = [[f"once{r}-{i}" for i in range(3)] for r in range(400)] + [["often", "once", "ever"]] * 8
    found = with_pictures(replace(incident(), slice={}), summary_of(lists), [])
    assert found.after["top_items"][0]["item"] == "often"
    assert any(None in shown for shown in found.after["lists"])
    assert "top_items" not in found.before
