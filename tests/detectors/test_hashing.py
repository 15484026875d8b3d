"""Hashes of ids: stable for ever, the same by every way there, and without structure of the ids left in them."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.hashing import combine, hash_integers, hash_strings, hash_texts, mix

GOLDEN_TEXTS = [
    12994781566227106604,
    15201223800736002406,
    5431813851426558030,
    8486305494615147008,
    6397545103826560484,
]
GOLDEN_INTEGERS = [11286133854226296554, 16572613472718614229, 2717770620714153248, 5843682185363217823]
GOLDEN_PAIR = 302305021541615817


def test_hashes_never_change() -> None:
    """Stored summaries and nested samples depend on them: when this fails, versions of all statistics must rise."""
    assert hash_texts(["", "a", "sku-000412", "ü" * 20, "x" * 1025]).tolist() == GOLDEN_TEXTS
    assert hash_integers(np.array([0, 1, -1, 2**40])).tolist() == GOLDEN_INTEGERS
    one, two = hash_integers(np.array([1, 2]))
    assert int(combine(np.array([one]), np.array([two]))[0]) == GOLDEN_PAIR
    assert int(mix(np.array([1], np.uint64))[0]) == 12994781566227106604


def test_no_collision_among_structured_ids() -> None:
    n = 1_000_000
    digits = np.random.default_rng(0).choice(10**12, n)
    for ids in (
        [f"{i}" for i in range(n)],
        [f"item-{i:09d}" for i in range(n)],
        [f"sku-{i:012d}" for i in np.unique(digits).tolist()],
        [str(uuid.UUID(int=(i << 64) + (i & 0xFF))) for i in range(n // 4)],
    ):
        assert len(np.unique(hash_texts(ids))) == len(ids)
    assert len(np.unique(hash_integers(np.arange(n)))) == n
    assert len(np.unique(hash_integers(np.arange(n) << 32))) == n


def test_no_collision_where_two_bytes_eight_apart_differ() -> None:
    """The same place in two words: what a change does to one must not be undone by a change in the next."""
    for place in range(8):
        texts = np.full((65536, 16), ord("0"), np.uint8)
        texts[:, place] = np.repeat(np.arange(256), 256)
        texts[:, place + 8] = np.tile(np.arange(256), 256)
        hashes = hash_strings(np.arange(65537) * 16, texts.ravel())
        assert len(np.unique(hashes)) == 65536


def test_every_bit_of_the_hash_depends_on_every_place() -> None:
    rng = np.random.default_rng(1)
    base = rng.integers(48, 58, (4000, 20)).astype(np.uint8)
    offsets = np.arange(4001) * 20
    before = hash_strings(offsets, base.ravel())
    for place in range(20):
        changed = base.copy()
        changed[:, place] ^= 1
        flips = np.unpackbits(
            (before ^ hash_strings(offsets, changed.ravel())).view(np.uint8).reshape(-1, 8), axis=1
        )
        assert abs(flips.mean(axis=0) - 0.5).max() < 0.05


def test_share_of_hashes_below_a_bound_is_that_bound() -> None:
    for ids in ([f"u{i}" for i in range(100_000)], [f"{i:08d}" for i in range(100_000)]):
        share = (hash_texts(ids) < np.uint64(2**64 // 20)).mean()
        assert share == pytest.approx(0.05, abs=4 * (0.05 * 0.95 / 1e5) ** 0.5)


@given(st.lists(st.text(max_size=40)))
def test_texts_hash_alike_alone_and_among_others(texts: list[str]) -> None:
    """Alone, all are of one length; among others they go the general way."""
    together = hash_texts([*texts, "of another length: 012345678901234567890123456789"])[: len(texts)]
    assert together.tolist() == [int(hash_texts([text])[0]) for text in texts]


@given(st.lists(st.integers(1000, 1050).map("x".__mul__), min_size=1, max_size=4))
def test_long_texts_hash_alike_alone_and_among_others(texts: list[str]) -> None:
    assert hash_texts(texts).tolist() == [int(hash_texts([text])[0]) for text in texts]


@pytest.mark.parametrize("width", [0, 3, 8, 20])
def test_blocks_do_not_show(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{i:0{width}d}"[:width] for i in range(100)]
    mixed = [*texts, "longer than the others are"]
    whole = hash_texts(texts), hash_texts(mixed)
    monkeypatch.setattr("detectors.core.hashing._BLOCK", 7)
    assert (hash_texts(texts) == whole[0]).all()
    assert (hash_texts(mixed) == whole[1]).all()


def test_a_piece_of_an_arrow_array_hashes_as_its_texts() -> None:
    data = np.frombuffer(b"skipabbcccrest", np.uint8)
    assert (
        hash_strings(np.array([4, 5, 7, 10], np.int32), data).tolist()
        == hash_texts(["a", "bb", "ccc"]).tolist()
    )
    assert hash_strings(np.array([4, 5], np.int32), data).tolist() == hash_texts(["a"]).tolist()
    assert hash_strings(np.array([5], np.int32), data).tolist() == []


def test_lone_surrogates_have_a_hash() -> None:
    a, b = hash_texts(["\ud800", "\udfff"])
    assert a != b


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1))
def test_signed_and_unsigned_integers_agree(values: list[int]) -> None:
    signed, unsigned = np.array(values, np.int64), np.array(values, np.uint64)
    assert (hash_integers(signed) == hash_integers(unsigned)).all()


def test_narrow_integers_agree_with_wide_ones() -> None:
    small = np.array([-3, 0, 100], np.int8)
    assert (hash_integers(small) == hash_integers(small.astype(np.int64))).all()
    largest = np.array([2**64 - 1], np.uint64)
    assert hash_integers(largest)[0] != hash_integers(largest - np.uint64(1))[0]


def test_pairs_are_ordered() -> None:
    a, b = hash_texts(["a"]), hash_texts(["b"])
    assert combine(a, b) != combine(b, a)
    grid = combine(
        np.repeat(np.arange(1000, dtype=np.uint64), 1000), np.tile(np.arange(1000, dtype=np.uint64), 1000)
    )
    assert len(np.unique(grid)) == 1_000_000
