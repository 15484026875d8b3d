"""What people do with their lists, in a log of its own: clicks and purchases, minutes to hours later."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pyarrow as pa

from monitor.simulator.hour import Hour
from monitor.simulator.randomness import Purpose, stream
from monitor.simulator.scenario import LogSpec
from monitor.simulator.tables import Tables, clicked
from monitor.simulator.traffic import HOUR_US

LATEST_HOURS = 24  # nobody clicks on a list that is older
DELIBERATION = 6.0  # a purchase takes so many times as long as a click
KINDS = ("click", "purchase")
PRICE = (3.0, 0.8)  # of an item: mean and standard deviation of its logarithm


class Outcomes:
    """The log of what happened with the lists, by the hour in which it happened.

    Parameters
    ----------
    tables : Tables
    spec : LogSpec
    seed : int
    items : int
        Size of the catalogue.
    hour : callable
        `hour(number)` gives an hour of the simulation.
    """

    def __init__(self, tables: Tables, spec: LogSpec, seed: int, items: int, hour: Callable[[int], Hour]):
        self._tables, self._spec, self._seed, self._hour = tables, spec, seed, hour
        self._price = np.exp(stream(seed, Purpose.CATALOGUE, 1).normal(*PRICE, items)).round(2)
        self._following = lru_cache(maxsize=LATEST_HOURS + 2)(self._what_follows)

    def during(self, number: int) -> pa.Table:
        """What happens in one hour, in order of time: timestamp, request_id, item_id, kind, value."""
        begin = number * HOUR_US
        parts = []
        for earlier in range(max(0, number - LATEST_HOURS), number + 1):
            rows, at = self._following(earlier)
            parts.append(rows.filter(pa.array((at >= begin) & (at < begin + HOUR_US))))
        return pa.concat_tables(parts).sort_by("timestamp")

    def _what_follows(self, number: int) -> tuple[pa.Table, np.ndarray]:
        """All that comes of the lists of one hour, with when, in microseconds since the start of the simulation."""
        hour = self._hour(number)
        rng = stream(self._seed, Purpose.ARRIVAL, number, 1)
        shown = np.arange(hour.slots) < hour.length[:, None]
        row, slot = np.nonzero(clicked(hour) & shown & (hour.written > 0)[:, None])
        at = number * HOUR_US + hour.offset[row] + self._delay(rng, len(row), 1.0)
        bought = np.flatnonzero(rng.random(len(row)) < self._spec.purchase_share)
        later = at[bought] + self._delay(rng, len(bought), DELIBERATION)
        bought_too = np.concatenate([np.arange(len(row)), bought])
        row, slot, at = row[bought_too], slot[bought_too], np.concatenate([at, later])
        items = hour.lists[row, slot]
        is_click = np.arange(len(at)) < len(at) - len(bought)
        rows = pa.table(
            {
                "timestamp": self._tables.timestamps(0, at),
                "request_id": self._tables.requests(hour.request[row]),
                "item_id": self._tables.items(items, hour.odd_items[row]),
                "kind": pa.array(KINDS).take(pa.array(np.where(is_click, 0, 1))),
                "value": pa.array(self._price[items], mask=is_click),
            }
        )
        return rows, at

    def _delay(self, rng: np.random.Generator, n: int, times: float) -> np.ndarray:
        """Microseconds; log-normal, cut off so that click and purchase both come within `LATEST_HOURS`."""
        median = self._spec.click_delay_minutes * 60e6 * times
        delay = median * np.exp(rng.normal(0, self._spec.click_delay_spread, n))
        return np.minimum(delay, LATEST_HOURS * HOUR_US / 2 - 1).astype(np.int64)
