"""A summary as bytes and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Cells, Summary, discover
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.traffic_tally import TrafficTally
from monitor.engine.stored import summary_from_bytes, summary_to_bytes
from tests.detectors.batches import of_lists, random_batch

KINDS = sorted({s for d in discover().values() for s in d.statistics}, key=lambda s: s.name)


def summary(seed: int = 1) -> Summary:
    return Summary.of(random_batch(np.random.default_rng(seed)), KINDS, 0.25)


@given(st.integers(0, 1000))
def test_what_is_stored_is_what_was_there(seed: int) -> None:
    before = summary(seed)
    after = summary_from_bytes(summary_to_bytes(before), KINDS)
    assert (after.cells, after.has, after.rate) == (before.cells, before.has, 0.25)
    assert after.statistics.keys() == before.statistics.keys()
    assert all(after[kind].equals(before[kind]) for kind in KINDS)


def test_an_empty_summary() -> None:
    after = summary_from_bytes(summary_to_bytes(Summary()), KINDS)
    assert (after.cells, after.statistics, after.rate) == (Cells(), {}, 1.0)


@pytest.mark.parametrize("text", ["a,b=c\\", 'quo"te', "new\nline", "<b>", "\U0001f6d2", "\udc80", "", "\0"])
def test_hostile_slice_values(text: str) -> None:
    before = Summary.of(of_lists([["a"], ["b"]], surfaces=[text, "home"]), [TrafficTally])
    after = summary_from_bytes(summary_to_bytes(before), [TrafficTally])
    assert after.cells == before.cells
    assert after.slices.texts == before.slices.texts


def test_statistics_that_are_not_wanted_are_left_out() -> None:
    after = summary_from_bytes(summary_to_bytes(summary()), [ItemCounts])
    assert list(after.statistics) == [ItemCounts]
    assert after[ItemCounts].equals(summary()[ItemCounts])


def test_a_statistic_of_another_version_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = summary_to_bytes(summary())
    monkeypatch.setattr(ItemCounts, "version", ItemCounts.version + 1)
    after = summary_from_bytes(blob, KINDS)
    assert set(KINDS) - set(after.statistics) == {ItemCounts}
    assert after[TrafficTally].equals(summary()[TrafficTally])


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_damaged_byte_is_noticed(place: int, change: int) -> None:
    blob = bytearray(summary_to_bytes(summary()))
    blob[place % len(blob)] ^= change
    try:
        after = summary_from_bytes(bytes(blob), KINDS)
    except ValueError:
        return
    # A damaged statistic is as if it had not been stored; all others, and bytes that say nothing, are as they were.
    lost = [kind for kind in KINDS if after.statistics.get(kind) is None]
    assert len(lost) <= 1
    assert all(after[kind].equals(summary()[kind]) for kind in KINDS if kind not in lost)


@given(st.integers(0, 10**6))
def test_a_blob_cut_short_is_damaged(length: int) -> None:
    blob = summary_to_bytes(summary())
    with pytest.raises(ValueError, match="damaged"):
        summary_from_bytes(blob[: length % len(blob)], KINDS)


def test_the_texts() -> None:
    with pytest.raises(
        ValueError, match=r"^summary is damaged: unpack_from requires a buffer of at least 8 bytes"
    ):
        summary_from_bytes(b"", KINDS)
    with pytest.raises(ValueError, match=r"^summary is damaged: the checksum of its header differs$"):
        summary_from_bytes(b"\x05\0\0\0\0\0\0\0{}", KINDS)
