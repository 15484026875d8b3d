"""Traffic of several model versions: each user has one, and may get lists of taste or lists for nobody."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from detectors import Batch, Cells
from detectors.core.hashing import hash_integers, hash_texts
from tests.detectors.batches import HOUR, ROLES, START


@dataclass(frozen=True)
class TwoVersions:
    """Lists of `length` items by taste: one of `kinds` kinds of items fills most of a user's list.

    Parameters
    ----------
    share : float
        Of the users that version v2 serves.
    impersonal : bool
        Whether v2 gives everybody the most popular items, whatever they like.
    same_first, same_list, short, empty, nan, constant : float
        Share of v2's requests of which that is so.
    only_on : str
        The surface on which v2 is tried; empty for all.
    alike_on_email : bool
        Whether lists on the surface `email` are for nobody, whichever version makes them.
    narrow : int
        Whatever they like, v2 gives everybody items of so many kinds alone, the better known as often as others.
    visits : int
        Requests of a user.
    """

    share: float = 0.1
    impersonal: bool = False
    same_first: float = 0.0
    same_list: float = 0.0
    short: float = 0.0
    empty: float = 0.0
    nan: float = 0.0
    constant: float = 0.0
    only_on: str = ""
    alike_on_email: bool = False
    narrow: int = 0
    visits: int = 1
    items: int = 1200
    kinds: int = 24
    length: int = 8

    def __call__(self, rng: np.random.Generator, requests: int) -> Batch:
        users = max(requests // self.visits, 1)
        of_user = np.repeat(np.arange(users), self.visits)
        n = len(of_user)
        name = rng.integers(0, 2**60, users)[of_user]
        surface = np.where(rng.random(users)[of_user] < 0.3, "email", "home")
        new = (rng.random(users) < self.share)[of_user]
        if self.only_on:
            new &= surface == self.only_on
        nobody = (new & self.impersonal) | ((surface == "email") & self.alike_on_email)
        lists = np.where(nobody[:, None], self._popular(rng, n), self._by_taste(rng, users)[of_user])
        if self.narrow:
            few = np.argsort(rng.random((n, self.items // self.kinds)), axis=1)[:, : self.length] * self.kinds
            lists = np.where(new[:, None], few + rng.integers(0, self.narrow, lists.shape), lists)
        lists[new & (rng.random(n) < self.same_first), 0] = self.items - 1
        lists[new & (rng.random(n) < self.same_list)] = np.arange(self.length) * 3
        score = np.sort(rng.random((n, self.length)), axis=1)[:, ::-1].copy()
        score[new & (rng.random(n) < self.nan)] = np.nan
        score[new & (rng.random(n) < self.constant)] = 0.5
        length = np.full(n, self.length)
        length[new & (rng.random(n) < self.short)] = 2
        length[new & (rng.random(n) < self.empty)] = 0
        shown = np.arange(self.length) < length[:, None]
        values = list(zip(np.where(new, "v2", "v1").tolist(), surface.tolist(), strict=True))
        cells = Cells.of(("model_version", "surface"), values)
        number = {v: i for i, v in enumerate(cells.values)}
        return Batch(
            cells=cells,
            cell=np.array([number[v] for v in values], np.int32),
            offsets=np.concatenate([[0], np.cumsum(length)]).astype(np.int64),
            item=lists[shown].astype(np.int32),
            item_hash=hash_texts(str(i) for i in range(self.items)),
            item_names=[str(i) for i in range(self.items)],
            position=np.broadcast_to(np.arange(1, self.length + 1), lists.shape)[shown].astype(np.int32),
            user=hash_integers(name),
            user_known=np.ones(n, bool),
            request=hash_integers(rng.integers(0, 2**60, n)),
            time=START + rng.integers(0, HOUR, n),
            score=score[shown],
            has=ROLES | {"empty_lists"},
            repeated=np.zeros(len(cells), np.int64),
        )

    def _by_taste(self, rng: np.random.Generator, users: int) -> np.ndarray:
        """Shape (users, length): items of the kind that a user likes, the better known ones more often."""
        kind = rng.integers(0, self.kinds, (users, 1))
        each = self.items // self.kinds
        appeal = -0.4 * np.log(np.arange(1, each + 1)) + rng.gumbel(size=(users, each))
        return np.argsort(-appeal, axis=1)[:, : self.length] * self.kinds + kind

    def _popular(self, rng: np.random.Generator, n: int) -> np.ndarray:
        appeal = -0.6 * np.log(np.arange(1, 101)) + rng.gumbel(size=(n, 100))
        return np.argsort(-appeal, axis=1)[:, : self.length]


def without_version(batch: Batch) -> Batch:
    """The same traffic, as a log without the version has it."""
    cells = Cells.of(("surface",), [(v[1],) for v in batch.cells.values])
    number = {v: i for i, v in enumerate(cells.values)}
    to = np.array([number[(v[1],)] for v in batch.cells.values], np.int32)
    return replace(batch, cells=cells, cell=to[batch.cell], repeated=np.zeros(len(cells), np.int64))
