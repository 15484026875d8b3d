"""What goes wrong with the lists themselves."""

from __future__ import annotations

import numpy as np

from monitor.simulator.hour import Hour
from monitor.simulator.incidents.kind import Event, Kind, Scene, Stage, part
from monitor.simulator.incidents.sight import Sight
from monitor.simulator.randomness import uniform

COME_BACK = 0.05  # of a small shop's requests, those of users who were in the same place within the day
BROKEN_APPEAL = 0.6  # people click less on lists that make no sense for them


def put(hour: Hour, rows: np.ndarray, slot: np.ndarray | int, item: np.ndarray | int) -> None:
    """Put an item into a place of some lists; where it stands in another place already, the two change places."""
    lists = hour.lists[rows]
    row = np.arange(len(rows))
    slot, item = np.broadcast_to(slot, len(rows)), np.broadcast_to(item, len(rows))
    before = lists[row, slot]
    there = lists == item[:, None]
    elsewhere = there.any(axis=1)
    lists[row[elsewhere], there.argmax(axis=1)[elsewhere]] = before[elsewhere]
    lists[row, slot] = item
    hour.lists[rows] = lists


def same_item(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """One item in one place for everybody; with `rotate` another one every hour."""
    item = event["item"]
    if event["rotate"]:
        item = int(np.random.default_rng([scene.shop.seed, hour.number]).choice(scene.shop.unpopular()))
    put(hour, np.flatnonzero(hit), event["slot"], item)
    hour.appeal[hit] *= BROKEN_APPEAL


def two_items(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Two items share the top place."""
    rows = np.flatnonzero(hit)
    put(hour, rows, 0, np.where(scene.rng.random(len(rows)) < 0.5, event["item"], event["other_item"]))
    hour.appeal[hit] *= BROKEN_APPEAL


def same_family(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """One product in the top place, under the many ids that it has."""
    shop = scene.shop
    alike = np.flatnonzero((shop.family == shop.family[event["item"]]) & shop.available(hour.number))
    rows = np.flatnonzero(hit)
    put(hour, rows, 0, scene.rng.choice(alike, len(rows)))
    hour.appeal[hit] *= BROKEN_APPEAL


def same_list(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """One list for everybody, as a fallback that was taken for an answer."""
    rng = np.random.default_rng([scene.shop.seed, event.start_hour])
    on_sale = np.flatnonzero(scene.shop.available(event.start_hour))
    others = rng.choice(on_sale[on_sale != event["item"]], hour.slots - 1, replace=False)
    hour.lists[hit] = np.concatenate([[event["item"]], others])
    hour.length[hit] = hour.slots
    if event["degenerate_scores"]:
        hour.scores[hit] = np.linspace(0.9, 0.5, hour.slots)
    hour.appeal[hit] *= BROKEN_APPEAL


def lists_for_nobody(hour: Hour, rows: np.ndarray, categories: int, scene: Scene) -> np.ndarray:
    """Lists that depend on chance only; from the first `categories` of the shop, or all of them if 0."""
    keys = scene.rng.integers(0, 2**64, (len(rows), hour.slots), np.uint64)
    if categories:
        taste = scene.shop.restricted_taste(range(categories), len(rows))
    else:
        taste = scene.shop.taste[scene.rng.integers(0, scene.shop.users, len(rows))]
    return scene.shop.lists(keys, taste, scene.popularity.shelf(hour.number))


def impersonal(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Popular items instead of personal ones."""
    rows = np.flatnonzero(hit)
    hour.lists[rows] = lists_for_nobody(hour, rows, event["categories"], scene)
    hour.appeal[rows] *= BROKEN_APPEAL


def creeping_collapse(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """The same, for more and more of the requests, up to `depth` at its end."""
    reached = uniform(scene.shop.salt, hour.request, event.index, 1) < event["depth"] * event.progress(
        hour.number
    )
    rows = np.flatnonzero(hit & reached)
    hour.lists[rows] = lists_for_nobody(hour, rows, event["categories"], scene)


def permuted(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Everybody gets somebody else's list of the same country and surface: every count stays as it was."""
    stratum = hour.country * 100 + hour.surface
    rows = np.flatnonzero(hit)
    by_stratum = rows[np.argsort(stratum[rows], kind="stable")]
    dealt = rows[np.lexsort((scene.rng.random(len(rows)), stratum[rows]))]
    hour.lists[by_stratum] = hour.lists[dealt]
    hour.appeal[rows] *= BROKEN_APPEAL


def stuck_lists(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Each user keeps the list of the hour in which it began: nothing new is learned or explored."""
    rows = np.flatnonzero(hit)
    keys = scene.shop.personal_keys(hour.who[rows], event.start_hour)
    personal = (hour.context[rows] < 0)[:, None]
    taste = np.where(personal, scene.shop.tastes(hour.user[rows], event.start_hour), hour.taste[rows])
    hour.lists[rows] = scene.shop.lists(keys, taste, scene.popularity.shelf(event.start_hour))


def new_items_blocked(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Items that came in during the last `days` before it began, or since, do not appear."""
    rows = np.flatnonzero(hit)
    newest = max(-1, event.start_hour - 24 * event["days"])
    shelf = scene.popularity.shelf(hour.number, newest)
    hour.lists[rows] = scene.shop.lists(hour.keys[rows], hour.taste[rows], shelf)


def single_category(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Each list from one category only, that which the user likes best."""
    rows = np.flatnonzero(hit)
    taste = np.broadcast_to(hour.taste[rows, :1], hour.taste[rows].shape)
    hour.lists[rows] = scene.shop.lists(hour.keys[rows], taste, scene.popularity.shelf(hour.number))


def item_promotion(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """A cold item is pushed into many lists, never near the top; for `reach` of the requests, or of the users."""
    asked = hour.user if event["through"] == "users" else hour.request
    rows = np.flatnonzero(hit & (uniform(scene.shop.salt, asked, event.index, 2) < event["reach"]))
    lowest = min(3, hour.slots - 1)
    put(hour, rows, scene.rng.integers(lowest, hour.slots, len(rows)), event["item"])


def blocked_items(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Items that may not be shown are shown."""
    rows = np.flatnonzero(hit & (scene.rng.random(len(hour)) < event["rate"]))
    bad = np.flatnonzero(scene.shop.blocked)
    put(hour, rows, scene.rng.integers(0, hour.slots, len(rows)), scene.rng.choice(bad, len(rows)))


def duplicate_items(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """The first item once more in the second place."""
    rows = np.flatnonzero(hit & (scene.rng.random(len(hour)) < event["rate"]))
    hour.lists[rows, 1] = hour.lists[rows, 0]


def short_lists(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Lists of one to three items, and of fewer than half of what they should have."""
    rows = np.flatnonzero(hit & (scene.rng.random(len(hour)) < event["rate"]))
    most = np.clip((hour.length[rows] - 1) // 2, 1, 3)
    hour.length[rows] = np.minimum(hour.length[rows], scene.rng.integers(1, most, endpoint=True))


def empty_lists(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Lists without an item; in the long layout such a request leaves no row."""
    rows = np.flatnonzero(hit & (scene.rng.random(len(hour)) < event["rate"]))
    hour.length[rows] = 0


LIST_KINDS = (
    Kind(
        "same_item",
        Stage.PLACES,
        same_item,
        item="unpopular",
        deadline_hours=1,
        params={"item": None, "slot": 0, "rotate": False},
    ),
    Kind(
        "hidden_part",
        Stage.PLACES,
        same_item,
        item="unpopular",
        params={"item": None, "slot": 0, "rotate": False, "share": 0.3, "by": "user"},
        sight=Sight(above=0.1),
    ),
    Kind(
        "two_items",
        Stage.PLACES,
        two_items,
        item="unpopular",
        named=False,
        deadline_hours=1,
        params={"item": None, "other_item": None},
        sight=Sight(above=0.6),
    ),
    Kind(
        "same_family",
        Stage.PLACES,
        same_family,
        item="family",
        named=False,
        params={"item": None},
        sight=Sight(above=0.6),
    ),
    Kind(
        "same_list",
        Stage.LISTS,
        same_list,
        item="unpopular",
        deadline_hours=1,
        params={"item": None, "degenerate_scores": True},
        sight=Sight(above=0.2),
    ),
    Kind(
        "impersonal",
        Stage.LISTS,
        impersonal,
        params={"categories": 4},
        # Without users only the items tell, by how often lists share one: as the square of the requests it touches.
        sight_without={"users": Sight(above=0.6)},
    ),
    Kind("permuted", Stage.LISTS, permuted, sight=Sight(above=0.5, per_request=COME_BACK)),
    Kind(
        "creeping_collapse",
        Stage.LISTS,
        creeping_collapse,
        gradual=True,
        severity="ticket",
        deadline_hours=48,
        params={"depth": 0.5, "categories": 4},
        size=part("depth"),
    ),
    Kind(
        "stuck_lists", Stage.LISTS, stuck_lists, severity="ticket", deadline_hours=30, sight=Sight(above=0.5)
    ),
    Kind(
        "new_items_blocked",
        Stage.LISTS,
        new_items_blocked,
        severity="ticket",
        deadline_hours=24,
        params={"days": 7},
        sight=Sight(above=0.5),
    ),
    Kind("single_category", Stage.LISTS, single_category, severity="ticket"),
    Kind(
        "item_promotion",
        Stage.PLACES,
        item_promotion,
        item="unpopular",
        severity="ticket",
        deadline_hours=3,
        params={"item": None, "reach": 0.12, "through": "requests"},
        size=part("reach"),
        sight=Sight(above=0.03),
    ),
    Kind(
        "blocked_items",
        Stage.PLACES,
        blocked_items,
        params={"rate": 0.15},
        size=part("rate"),
        sight=Sight(above=0.01),
    ),
    Kind(
        "duplicate_items",
        Stage.PLACES,
        duplicate_items,
        severity="ticket",
        params={"rate": 0.3},
        size=part("rate"),
        sight=Sight(above=0.05),
    ),
    Kind(
        "short_lists",
        Stage.LOG,
        short_lists,
        severity="ticket",
        deadline_hours=1,
        params={"rate": 0.3},
        size=part("rate"),
        sight=Sight(above=0.05),
    ),
    Kind(
        "empty_lists",
        Stage.LOG,
        empty_lists,
        severity="ticket",
        deadline_hours=1,
        params={"rate": 0.3},
        size=part("rate"),
        sight=Sight(noise=0.04),
    ),
)
