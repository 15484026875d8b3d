"""Ids that are written in another way than before: against characters looked at one by one, and without the change."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Batch, Context, Earlier, Summary
from detectors.core.id_formats import DIGITS, LENGTHS, NONE, ROLES, describe, formats_of
from detectors.traffic import Traffic
from tests.detectors.batches import HOUR, START, WINDOW, in_slices, measure_summary, of_lists, random_batch

DETECTOR = Traffic()


def formats(texts: Sequence[str]) -> list[int]:
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([0, *map(len, encoded)])
    found: list[int] = formats_of(ends, np.frombuffer(b"".join(encoded), np.uint8)).tolist()
    return found


def by_hand(text: str) -> object:
    """What makes two ids alike."""
    classes = [string.digits, string.ascii_lowercase, string.ascii_uppercase, *"-_:/."]
    of = [next((i for i, c in enumerate(classes) if character in c), 99) for character in text]
    if set(of) == {0}:
        return ("number", text[0] == "0" and len(text) > 1)
    size = len(text.encode("utf-8", "surrogatepass"))
    return frozenset(of), min(of[0], 3), size if size in LENGTHS else 0


IDS = st.one_of(
    st.text(st.characters(), min_size=1, max_size=70),
    st.text("0123456789", min_size=1, max_size=20),
    st.text("0123456789abcdef-", min_size=1, max_size=40),
)


@given(st.lists(IDS, max_size=12))
def test_ids_are_alike_when_made_of_the_same_characters(texts: list[str]) -> None:
    found = formats(texts)
    assert NONE not in found
    for a, fa in zip(texts, found, strict=True):
        for b, fb in zip(texts, found, strict=True):
            assert (fa == fb) == (by_hand(a) == by_hand(b)), (a, b)


def test_no_text_has_no_format() -> None:
    assert formats(["", "7", "", "a", ""]) == [NONE, DIGITS, NONE, formats(["a"])[0], NONE]
    assert formats([]) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("17", "digits"),
        ("017", "digits with leading zeros"),
        ("sku-17", 'digits, small letters and "-", beginning with a small letter'),
        ("SKU/17", 'digits, capital letters and "/", beginning with a capital letter'),
        ("_x", 'small letters and "_", beginning with another sign'),
        ("9f" * 16, "32 characters: digits and small letters"),
        ("9f86d081-884c-7d65-9a2f-eaa0c55ad015", '36 characters: digits, small letters and "-"'),
        ("größe", "small letters and other signs, beginning with a small letter"),
        ("", "no id"),
    ],
)
def test_formats_are_said_in_words(text: str, says: str) -> None:
    assert describe(formats([text])[0]) == says


def written(ids: Sequence[Sequence[str | None]], surfaces: Sequence[str] | None = None) -> Batch:
    """Requests with ids of user, request and item."""
    batch = of_lists([["x"]] * len(ids), users=[of[0] for of in ids], surfaces=surfaces)
    flat = formats([text or "" for of in ids for text in of])
    return replace(batch, id_format=np.array(flat, np.uint16).reshape(len(ids), len(ROLES)))


def alike(n: int, user: str = "u{}", request: str = "{}", item: str = "sku-{}") -> list[tuple[str, str, str]]:
    return [(user.format(i), request.format(i), item.format(i)) for i in range(n)]


def after(batches: Sequence[Batch]) -> Context:
    """The window after others, the newest of them first."""
    return replace(
        WINDOW,
        earlier=lambda: [
            Earlier(START - (i + 1) * HOUR, Summary.of(b, DETECTOR.statistics)) for i, b in enumerate(batches)
        ],
    )


def shares(now: Batch, before: Sequence[Batch]) -> dict[str, dict[str, float]]:
    found = measure_summary(DETECTOR, Summary.of(now, DETECTOR.statistics), after(before))
    return {role: in_slices(now, found[f"new_format_{role}_share"]) for role in ROLES}


@pytest.mark.parametrize("seed", range(3))
def test_shares_are_those_of_formats_that_most_windows_lacked(seed: int) -> None:
    batches = [random_batch(np.random.default_rng([seed, k]), requests=40 + k) for k in range(4)]
    rng = np.random.default_rng(seed)
    rare = [1, 3, 5, 9, 17, 33]  # one window has some that others lack
    batches = [
        replace(b, id_format=rng.choice(np.array(rare[k : k + 3], np.uint16), (b.n_requests, 3)))
        for k, b in enumerate(batches)
    ]
    now, before = batches[0], batches[1:]
    found = shares(now, before)
    for i, role in enumerate(ROLES):
        windows = [Counter(b.id_format[:, i].tolist()) for b in before if b.id_format is not None]
        ordinary = {f for f in rare if sum(w[f] > 0 for w in windows) >= len(windows) / 2}
        assert now.id_format is not None
        new = [f not in ordinary for f in now.id_format[:, i].tolist()]
        assert found[role]["all"] == pytest.approx(np.mean(new))


def test_another_format_shows_where_it_is_and_not_without_it() -> None:
    usual = written(alike(400), ["home", "email"] * 200)
    changed = alike(200) + alike(200, item="SKU/{}")
    now = written(changed, ["home"] * 200 + ["email"] * 200)
    assert shares(now, [usual] * 3) == {
        "user": {"all": 0.0, "surface=email": 0.0, "surface=home": 0.0},
        "request": {"all": 0.0, "surface=email": 0.0, "surface=home": 0.0},
        "item": {"all": 0.5, "surface=email": 1.0, "surface=home": 0.0},
    }
    without = shares(usual, [usual] * 3)
    assert {value for by_slice in without.values() for value in by_slice.values()} == {0.0}
    found = measure_summary(DETECTOR, Summary.of(now, DETECTOR.statistics), after([usual]))[
        "new_format_item_share"
    ]
    assert found.evidence is not None
    assert found.evidence(0) == {
        "format": 'digits, capital letters and "/", beginning with a capital letter',
        "before": 'digits, small letters and "-", beginning with a small letter',
    }
    assert found.evidence(now.cells.slices.texts.index("surface=home")) == {}
    assert found.value[0] - DETECTOR.format_rise > 8 * found.error[0]


def test_a_new_format_does_not_become_ordinary_before_most_windows_had_it() -> None:
    usual, changed = written(alike(300)), written(alike(300, user="{}"))
    said = [shares(changed, [changed] * k + [usual] * (10 - k))["user"]["all"] for k in range(11)]
    assert [value for value, _ in groupby(said)] == [1.0, 0.0]
    assert said.index(0.0) == 5


def test_missing_ids_have_no_format() -> None:
    usual = written(alike(300))
    now = written([(None, r, i) if k % 2 else (u, r, i) for k, (u, r, i) in enumerate(alike(300))])
    assert shares(now, [usual])["user"]["all"] == 0.0


def test_nothing_is_known_without_a_day_before() -> None:
    now = written(alike(10))
    assert all(np.isnan(by_slice["all"]) for by_slice in shares(now, []).values())
    unseen = replace(now, id_format=None)
    assert all(np.isnan(by_slice["all"]) for by_slice in shares(now, [unseen]).values())


def test_the_share_does_not_follow_from_the_number_of_rows() -> None:
    usual = written(alike(300))
    for n in (300, 3000):
        now = written(alike(n // 4, request="r{}") + alike(n - n // 4))
        assert shares(now, [usual])["request"]["all"] == pytest.approx(0.25)
