"""Traffic in which people click, to be drawn again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors import Batch, Cells, Context, Detector, Measurement, Summary
from detectors.core.detector import Earlier
from detectors.core.hashing import hash_integers, hash_texts
from tests.detectors.batches import HOUR, START, measure_summary

CLICK_ROLES = frozenset({"request", "user", "position", "score", "click"})
PLACES = 0.85 ** np.arange(10)


@dataclass(frozen=True)
class Clicking:
    """Lists of ten, of which people click `rate` of the first places and less of those further down.

    Parameters
    ----------
    visits : int
        Requests of a user.
    unlike : float
        How much users differ in how readily they click: the standard deviation of its logarithm.
    bots : int
        Users that click everything they are shown, in `bot_visits` requests each.
    promise : float
        What scores promise, in parts of the true chance.
    """

    rate: float = 0.05
    visits: int = 1
    unlike: float = 0.0
    bots: int = 0
    bot_visits: int = 50
    promise: float = 1.0
    slices: int = 1

    def __call__(self, rng: np.random.Generator, requests: int) -> Batch:
        users = max(requests // self.visits, 1)
        visits = np.concatenate([np.full(users, self.visits), np.full(self.bots, self.bot_visits)])
        who = np.repeat(np.arange(len(visits)), visits)
        n = len(who)
        ready = np.exp(rng.normal(-(self.unlike**2) / 2, self.unlike, len(visits)))
        chance = np.clip(self.rate * ready[who][:, None] * PLACES, 0, 1)
        score = np.clip(chance * self.promise, 0, 1)
        click = (rng.random((n, 10)) < chance) | (who >= users)[:, None]
        cells = Cells.of(("surface",), [(f"s{i}",) for i in range(self.slices)])
        cell = rng.integers(0, self.slices, n).astype(np.int32)
        return Batch(
            cells=cells,
            cell=cell,
            offsets=np.arange(n + 1, dtype=np.int64) * 10,
            item=rng.integers(0, 100, n * 10).astype(np.int32),
            item_hash=hash_texts(str(i) for i in range(100)),
            item_names=[str(i) for i in range(100)],
            position=np.tile(np.arange(1, 11, dtype=np.int32), n),
            user=hash_integers(rng.integers(0, 2**60, len(visits)))[who],
            user_known=np.ones(n, bool),
            request=hash_integers(rng.integers(0, 2**60, n)),
            time=START + rng.integers(0, HOUR, n),
            score=score.ravel(),
            click=click.ravel(),
            has=CLICK_ROLES,
            repeated=np.zeros(len(cells), np.int64),
        )


def day_and_night(hour: int) -> float:
    """Share of the mean traffic that comes in an hour of the day."""
    return 1 + 0.6 * np.sin(2 * np.pi * (hour % 24 - 8) / 24)


def hours(
    detector: Detector, batches: Iterator[Batch], *, troubled: frozenset[int] = frozenset()
) -> Iterator[tuple[int, tuple[str, ...], dict[str, Measurement]]]:
    """Windows in order, each measured with the day before it at hand: number, slices, measurements."""
    kept: list[Earlier] = []
    for hour, batch in enumerate(batches):
        summary = Summary.of(batch, detector.statistics)
        start = START + hour * HOUR
        before = tuple(reversed(kept[-24:]))
        context = Context(window_us=(start, start + HOUR), earlier=lambda before=before: before)
        yield hour, summary.slices.texts, measure_summary(detector, summary, context)
        kept.append(Earlier(start, summary, hour in troubled))


def without_false(batch: Batch) -> Batch:
    """As a log that writes clicks and otherwise nothing."""
    return replace(batch, click_known=batch.click)


def forget(batch: Batch, rng: np.random.Generator, share: float) -> Batch:
    """As a log that does not say of some rows whether they were clicked."""
    known: NDArray[np.bool_] = rng.random(batch.n_rows) >= share
    assert batch.click is not None
    return replace(batch, click_known=known, click=batch.click & known)
