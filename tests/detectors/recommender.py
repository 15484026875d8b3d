"""A recommender whose traffic can be drawn again and again, for laws of sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import Batch, Cells, Context, Detector
from detectors.core.hashing import hash_integers, hash_texts
from tests.detectors.batches import HOUR, ROLES, START, WINDOW, measure

Traffic = Callable[[np.random.Generator, int], Batch]


@dataclass(frozen=True)
class Shop:
    """Lists of `length` items, drawn without replacement by popularity, users with taste.

    Parameters
    ----------
    visits : int
        Requests of a user; `loyal` users get one and the same list each time.
    stuck : float
        Share of users that get item 7 at position 2.
    broken : float
        Share of users whose scores are NaN, lists are cut to one item, and so on.
    """

    items: int = 200
    length: int = 5
    visits: int = 1
    loyal: bool = True
    tilt: float = 0.6
    stuck: float = 0.0
    broken: float = 0.0

    def __call__(self, rng: np.random.Generator, requests: int) -> Batch:
        users = requests // self.visits
        of_user = np.repeat(np.arange(users), self.visits)
        n = len(of_user)
        drawn = users if self.loyal else n
        appeal = -self.tilt * np.log(np.arange(1, self.items + 1)) + rng.gumbel(size=(drawn, self.items))
        lists = np.argsort(-appeal, axis=1)[:, : self.length]
        score = -np.sort(-appeal, axis=1)[:, : self.length] + rng.normal(size=(drawn, 1))
        if self.loyal:
            lists, score = lists[of_user], score[of_user]
        stuck = (rng.random(users) < self.stuck)[of_user]
        lists[stuck, 1] = 7
        broken = (rng.random(users) < self.broken)[of_user]
        score[broken] = np.nan
        length = np.where(broken, 1, self.length)
        shown = np.arange(self.length) < length[:, None]
        return Batch(
            cells=Cells.of((), [()]),
            cell=np.zeros(n, np.int32),
            offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
            item=lists[shown].astype(np.int32),
            item_hash=hash_texts(str(i) for i in range(self.items)),
            item_names=[str(i) for i in range(self.items)],
            position=np.broadcast_to(np.arange(1, self.length + 1), lists.shape)[shown].astype(np.int32),
            user=hash_integers(rng.integers(0, 2**60, users))[of_user],
            user_known=np.ones(n, bool),
            request=hash_integers(rng.integers(0, 2**60, n)),
            time=START + rng.integers(0, HOUR, n),
            score=score[shown],
            has=ROLES,
            repeated=np.zeros(1, np.int64),
        )


@dataclass(frozen=True)
class Sampled:
    """Values and stated errors of one measure over many samples."""

    value: NDArray[np.float64]
    error: NDArray[np.float64]

    def covers(self, truth: float) -> float:
        """Share of the samples whose value is within two stated errors of the truth."""
        return float((np.abs(self.value - truth) <= 2 * self.error).mean())

    @property
    def width(self) -> float:
        """Stated error over the error that there is."""
        return float(np.sqrt((self.error**2).mean()) / self.value.std())


def sample(
    detector: Detector, traffic: Traffic, requests: int, times: int, seed: int = 0, context: Context = WINDOW
) -> dict[str, Sampled]:
    """Measure the same recommender many times."""
    found: dict[str, list[tuple[float, float]]] = {}
    for i in range(times):
        for name, m in measure(
            detector, traffic(np.random.default_rng([seed, i]), requests), context
        ).items():
            found.setdefault(name, []).append((float(m.value[0]), float(m.error[0])))
    return {name: Sampled(*np.array(rows).T) for name, rows in found.items()}


def check_sampling(
    detector: Detector, traffic: Traffic, names: list[str], *, requests: int = 400, widest: float = 2.0,
    context: Context = WINDOW,
) -> None:  # fmt: skip
    """Stated errors are right: two of them cover the truth as often as they should, and they are not too wide.

    The truth is what ten times the traffic shows on average, so values that move with the sample's size fail too.
    """
    few = sample(detector, traffic, requests, 200, context=context)
    many = sample(detector, traffic, 10 * requests, 20, seed=1, context=context)
    for name in names:
        truth = float(many[name].value.mean())
        assert np.isfinite(few[name].value).all(), name
        assert few[name].covers(truth) >= 0.9, (name, few[name].covers(truth), truth)
        assert few[name].width <= widest, (name, few[name].width)
