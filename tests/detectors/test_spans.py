"""What windows count, in the slices of one of them."""

from __future__ import annotations

import numpy as np

from detectors import Summary
from detectors.core.spans import in_slices
from detectors.statistics.click_tally import ClickTally
from detectors.statistics.traffic_tally import TrafficTally
from tests.detectors.batches import random_batch


def window(seed: int, countries: int) -> Summary:
    batch = random_batch(np.random.default_rng(seed), countries=countries)
    return Summary.of(batch, (ClickTally, TrafficTally))


def test_each_window_counts_in_the_slices_that_are_asked_for_whoever_asked_before() -> None:
    windows = [window(1, 3), window(2, 5), window(3, 2)]
    for asked in windows * 2:  # again: what was counted before is the same
        texts = asked.slices.texts
        found = in_slices(windows, ClickTally, texts, ClickTally.by_group)
        rows = in_slices(windows, TrafficTally, texts, TrafficTally.by_slice)["rows"]
        for w, other in enumerate(windows):
            counts = ClickTally.by_group(other[ClickTally], other.members(other[ClickTally]))
            of_rows = other[TrafficTally].by_slice(other.members(other[TrafficTally]))["rows"]
            at = {text: s for s, text in enumerate(other.slices.texts)}
            for s, text in enumerate(texts):
                there = text in at
                assert rows[w, s] == (of_rows[at[text]] if there else 0)
                for kind, by_slice in counts.items():
                    assert (
                        found[kind][w, s].tolist()
                        == (by_slice[at[text]] if there else 0 * by_slice[0]).tolist()
                    )


def test_what_was_counted_with_all_traffic_is_not_told_of_a_part_of_it() -> None:
    whole = window(4, 3)
    left_out = Summary(whole.cells, whole.has, whole.statistics, left_out=frozenset(whole.cells.values[:2]))
    left_out.__dict__["memo"] = whole.memo
    rows = [
        in_slices([of], TrafficTally, of.slices.texts, TrafficTally.by_slice)["rows"][0, 0]
        for of in (whole, left_out)
    ]
    gone = whole[TrafficTally].counts[:2, TrafficTally.names.index("rows")].sum()
    assert gone > 0
    assert rows[0] - rows[1] == gone


def test_no_windows_count_nothing() -> None:
    assert in_slices([], ClickTally, ("all",), ClickTally.by_group) == {}
