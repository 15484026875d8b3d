"""Lists that are kept for when the model does not answer: now and then, as usual, or for most of the requests."""

from __future__ import annotations

import numpy as np

from monitor.simulator.hour import Hour
from monitor.simulator.incidents.kind import Event, Kind, Scene, Stage
from monitor.simulator.incidents.lists import BROKEN_APPEAL
from monitor.simulator.incidents.sight import Sight
from monitor.simulator.shop import COUNTRIES, SURFACES, Shop

POPULAR = 3  # times as many popular items as a list is long are what fallback lists are made of


def fallback(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Popular lists made long ago: one for each country and surface, or with `one_list` the same for all."""
    rows = np.flatnonzero(hit)
    place = hour.country[rows] * len(SURFACES) + hour.surface[rows]
    hour.lists[rows] = _kept(scene.shop)[np.zeros_like(place) if event["one_list"] else place]
    hour.length[rows] = hour.slots
    if event["flat_scores"]:
        hour.scores[rows] = 0
    hour.appeal[rows] *= BROKEN_APPEAL


def _kept(shop: Shop) -> np.ndarray:
    """Fallback lists of the shop; int32, shape (places, slots)."""
    on_sale = shop.first_order[((shop.created_hour < 0) & ~shop.blocked)[shop.first_order]]
    category = shop.category[on_sale]
    rank = np.arange(len(on_sale)) - np.searchsorted(category, category)
    popular = on_sale[np.argsort(rank, kind="stable")[: POPULAR * shop.slots]]
    rng = np.random.default_rng([shop.seed, shop.slots])
    return np.array(
        [rng.choice(popular, shop.slots, replace=False) for _ in range(len(COUNTRIES) * len(SURFACES))]
    )


PARAMS = {"one_list": False, "flat_scores": False}
FALLBACK_KINDS = (
    Kind("fallback", Stage.LISTS, fallback, params={**PARAMS, "share": 0.6}, sight=Sight(above=0.2)),
    Kind("usual_fallback", Stage.LISTS, fallback, harmless=True, params={**PARAMS, "share": 0.02}),
)
