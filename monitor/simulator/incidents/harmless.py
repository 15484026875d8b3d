"""What a watcher must sit through: busy days, sales, and how some shops simply are."""

from __future__ import annotations

import numpy as np

from monitor.simulator.hour import GUEST, Hour
from monitor.simulator.incidents.kind import Event, Kind, Scene, Stage
from monitor.simulator.incidents.lists import put
from monitor.simulator.incidents.logs import bots
from monitor.simulator.shop import SURFACES, TASTE
from monitor.simulator.traffic import Demand

CONTEXTS = 0.25  # share of the catalogue that people look at


def flash_sale(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """One item is popular for a while."""
    put(hour, np.flatnonzero(hit & (scene.rng.random(len(hour)) < event["reach"])), 0, event["item"])


def holiday(demand: Demand, event: Event, hour: int) -> None:
    """More people come."""
    demand.requests *= event["factor"]


def nightly_batch(demand: Demand, event: Event, hour: int) -> None:
    """All of a day's e-mails are made in one hour of the night."""
    email = SURFACES.index("email")
    demand.requests[:, email] *= 24 if hour % 24 == event["clock"] else 0


def pinned_slot(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """A sponsored place: one item a day for everybody."""
    items = scene.shop.unpopular()
    put(
        hour,
        np.flatnonzero(hit),
        event["slot"],
        items[(event["item"] + 17 * (hour.number // 24)) % len(items)],
    )


def guests(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Visitors who are not logged in share one user id."""
    hour.known[hit] = GUEST


def contextual(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """ "Similar to what you look at": the list depends on the item looked at, not on who looks; nothing is explored."""
    shop, rows = scene.shop, np.flatnonzero(hit)
    looked_at = np.flatnonzero((shop.created_hour < 0) & ~shop.blocked)[: int(shop.items * CONTEXTS)]
    seen = looked_at[(len(looked_at) * scene.rng.random(len(rows)) ** 3).astype(np.int64)]
    hour.context[rows] = seen
    hour.who[rows] = shop.identity(seen, event.index)
    nearby = np.where(np.arange(TASTE) < TASTE // 2, 0, np.arange(TASTE) % 3)
    hour.taste[rows] = (shop.category[seen][:, None] + nearby) % shop.categories
    hour.keys[rows] = shop.personal_keys(hour.who[rows], hour.number)
    hour.lists[rows] = shop.lists(hour.keys[rows], hour.taste[rows], scene.popularity.shelf(hour.number))


HARMLESS_KINDS = (
    Kind(
        "flash_sale",
        Stage.PLACES,
        flash_sale,
        harmless=True,
        item="unpopular",
        params={"item": None, "reach": 0.12},
    ),
    Kind("holiday", Stage.LOG, demand=holiday, harmless=True, params={"factor": 1.8}),
    Kind("catalog_refresh", Stage.LOG, harmless=True, params={"churn": 0.12}),
    Kind(
        "pinned_slot",
        Stage.PLACES,
        pinned_slot,
        harmless=True,
        item="unpopular",
        params={"item": None, "slot": 2},
    ),
    Kind("guests", Stage.LOG, guests, harmless=True, params={"share": 0.25, "by": "user"}),
    Kind("contextual", Stage.CONTEXT, contextual, harmless=True),
    Kind("crawlers", Stage.ARRIVAL, bots, harmless=True, params={"users": 3, "volume": 0.04}),
    Kind("nightly_batch", Stage.LOG, demand=nightly_batch, harmless=True, params={"clock": 3}),
)
