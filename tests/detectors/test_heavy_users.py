"""Few users who make very many requests: against counting by hand, and with them taken out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from detectors import Batch
from detectors.core.hashing import hash_integers, hash_texts
from detectors.statistics import request_sample
from detectors.traffic import Traffic
from tests.detectors.batches import in_slices, measure, of_lists, random_batch
from tests.detectors.recommender import Shop, check_sampling, sample

DETECTOR = Traffic()


@dataclass(frozen=True)
class Crowd:
    """A shop's traffic of which few users make a part.

    Parameters
    ----------
    share : float
        The part of all requests that theirs are.
    """

    heavy: int = 5
    share: float = 0.0
    visits: int = 2

    def __call__(self, rng: np.random.Generator, requests: int) -> Batch:
        batch = Shop(items=8, visits=self.visits)(rng, requests)
        theirs = rng.random(batch.n_requests) < self.share
        who = hash_integers(rng.integers(0, self.heavy, batch.n_requests))
        return replace(batch, user=np.where(theirs, who, batch.user))


def by_hand(users: Sequence[str | None]) -> tuple[float, float]:
    """Share of the requests by users who make a hundredth of them and ten; and the inverse of Simpson's index."""
    times = Counter(u for u in users if u is not None)
    heavy = sum(n for n in times.values() if n >= 10 and n >= len(users) / 100)
    pairs = [a == b for i, a in enumerate(users) if a for j, b in enumerate(users) if b and i != j]
    return heavy / len(users), len(pairs) / sum(pairs) if any(pairs) else np.nan


@pytest.mark.parametrize("seed", range(4))
def test_shares_and_effective_users_are_what_counting_by_hand_gives(seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), requests=300)
    found = measure(DETECTOR, batch)
    for s, members in enumerate(batch.cells.slices.members):
        mine = members[batch.cell]
        users = [
            str(user) if known else None
            for user, known in zip(batch.user[mine].tolist(), batch.user_known[mine].tolist(), strict=True)
        ]
        share, effective = by_hand(users)
        assert found["heavy_users_share"].value[s] == pytest.approx(share)
        assert found["heavy_users_share"].n[s] == mine.sum()
        assert found["effective_users"].value[s] == pytest.approx(effective, nan_ok=True)


def test_who_makes_less_than_a_hundredth_is_not_heavy() -> None:
    users = ["a"] * 30 + ["b"] * 19 + [f"u{i}" for i in range(1951)]
    found = measure(DETECTOR, of_lists([["x"]] * 2000, users=users))
    assert found["heavy_users_share"].value[0] == pytest.approx(30 / 2000)


def test_nine_requests_are_those_of_an_eager_shopper() -> None:
    users = ["a"] * 9 + [f"u{i}" for i in range(21)]
    assert measure(DETECTOR, of_lists([["x"]] * 30, users=users))["heavy_users_share"].value[0] == 0


def test_requests_without_a_user_are_nobody_s() -> None:
    found = measure(DETECTOR, of_lists([["x"]] * 100, users=[None] * 60 + ["a"] * 40))
    assert found["heavy_users_share"].value[0] == pytest.approx(0.4)
    assert found["effective_users"].value[0] == pytest.approx(1)
    nobody = measure(DETECTOR, of_lists([["x"]] * 100))
    assert nobody["heavy_users_share"].value[0] == 0
    assert np.isnan(nobody["effective_users"].value[0])


def test_they_are_told_by_hash_and_where_they_are() -> None:
    users = ["bot"] * 40 + [f"u{i}" for i in range(120)]
    surfaces = ["home"] * 40 + ["home", "email"] * 60
    batch = of_lists([["x"]] * 160, users=users, surfaces=surfaces)
    found = measure(DETECTOR, batch)["heavy_users_share"]
    assert in_slices(batch, found) == {"all": 0.25, "surface=email": 0.0, "surface=home": 0.4}
    assert found.evidence is not None
    at = batch.cells.slices.texts.index("surface=home")
    assert found.evidence(at) == {
        "who": "one user",
        "users": 1,
        "heaviest": [{"hash": f"{int(hash_texts(['bot'])[0]):016x}", "share": 0.4}],
    }
    assert found.evidence(batch.cells.slices.texts.index("surface=email")) == {}


def test_the_share_does_not_follow_from_the_number_of_rows() -> None:
    check_sampling(DETECTOR, Crowd(share=0.3), ["heavy_users_share"], requests=2000, widest=2.5)
    few, many = (sample(DETECTOR, Crowd(share=0.3), n, 10)["heavy_users_share"] for n in (2000, 20_000))
    assert many.value.mean() == pytest.approx(few.value.mean(), abs=0.01)


def test_the_error_of_effective_users_is_that_of_users_who_come_and_go() -> None:
    def mixed(rng: np.random.Generator, requests: int) -> Batch:
        batch = Shop(items=8)(rng, requests)
        users = rng.integers(0, 2**60, requests)
        return replace(batch, user=hash_integers(np.repeat(users, rng.geometric(0.5, requests))[:requests]))

    found = sample(DETECTOR, mixed, 600, 300)["effective_users"]
    assert found.covers(float(found.value.mean())) >= 0.9
    assert 0.7 < found.width < 1.4


def test_few_heavy_users_show_and_not_without_them() -> None:
    rise = DETECTOR.heavy_rise
    with_them, without = (
        sample(DETECTOR, Crowd(share=share), 450, 20)["heavy_users_share"] for share in (0.33, 0.0)
    )
    assert (without.value == 0).all()
    surely = (with_them.value - without.value) / np.hypot(with_them.error, without.error)
    assert (with_them.value - without.value > rise).all()
    assert (surely > 8).all()


def test_a_full_sample_finds_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_sample, "REQUESTS", 1000)
    found = sample(DETECTOR, Crowd(share=0.2), 20_000, 100)
    assert found["heavy_users_share"].value.mean() == pytest.approx(0.2, abs=0.01)
    assert found["heavy_users_share"].covers(0.2) >= 0.9
    # Of a sample the chance that two requests are of one user is that of all of them.
    expected = 1 / (5 * 0.04**2)
    assert found["effective_users"].value.mean() == pytest.approx(expected, rel=0.1)
