"""An hour of the simulation as the rows that a recommender would log."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa

from monitor.simulator.hour import GUEST, MISSING, Hour
from monitor.simulator.names import decimal, hexadecimal
from monitor.simulator.scenario import LogSpec
from monitor.simulator.shop import COUNTRIES, SURFACES, Shop

CLICK_RATE = np.array([0.05, 0.07, 0.04, 0.02])  # of the first place, by surface
NEXT_PLACE = 0.85  # each further place is clicked so much less
GUEST_NAME = "guest"


class Tables:
    """Turns hours into Arrow tables in the layout that is asked for.

    Parameters
    ----------
    contextual : bool
        Whether the log has a column for the item looked at.
    """

    def __init__(self, shop: Shop, spec: LogSpec, *, contextual: bool):
        self._shop, self._spec, self._contextual = shop, spec, contextual
        items, users = np.arange(shop.items), np.arange(shop.users)
        if spec.ids == "integer":
            self.item_names = pa.array(1_000_000 + items)
            self._odd_item_names = pa.array(5_000_000_000 + items)
            self._user_names = pa.array(np.append(1_000 + users, 0))
            self._odd_user_names = pa.array(np.append(9_000_000_000 + users, 0))
        else:
            guest = pa.array([GUEST_NAME])
            self.item_names = decimal("sku-", items, 7)
            self._odd_item_names = decimal("SKU/", items, 9)
            self._user_names = pa.concat_arrays([decimal("u", users, 8), guest])
            self._odd_user_names = pa.concat_arrays([decimal("user:", users, 10), guest])

    def catalogue(self) -> pa.Table:
        """item_id, category, family, provider, created_at, blocked; one row an item."""
        shop = self._shop
        created = np.where(shop.created_hour < 0, -365 * 24, shop.created_hour)
        begin = int(shop.spec.start.timestamp())
        return pa.table(
            {
                "item_id": self.item_names,
                "category": decimal("category-", shop.category, 2),
                "family": decimal("family-", shop.family, 8),
                "provider": decimal("provider-", shop.provider, 3),
                "created_at": pa.array((begin + created * 3600) * 1_000_000, pa.timestamp("us", tz="UTC")),
                "blocked": pa.array(shop.blocked),
            }
        )

    def log(self, hour: Hour) -> pa.Table:
        """The rows of an hour in the order in which they are written."""
        hour = hour.take(np.repeat(np.arange(len(hour)), hour.written))
        columns = self._request_columns(hour)
        shown = np.arange(hour.slots) < hour.length[:, None]
        items = hour.lists[shown]
        cells = {"item": self.items(items, np.repeat(hour.odd_items, hour.length))}
        if self._spec.scores:
            cells["score"] = pa.array(hour.scores[shown])
        if self._spec.clicks == "column":
            cells["clicked"] = pa.array(clicked(hour)[shown])
        if self._spec.layout == "list":
            return pa.table({**columns, **self._lists(cells, hour.length)})
        row = pa.array(np.repeat(np.arange(len(hour)), hour.length))
        position = np.broadcast_to(np.arange(1, hour.slots + 1, dtype=np.int16), shown.shape)[shown]
        long = {name: column.take(row) for name, column in columns.items()}
        return pa.table({**long, "item_id": cells.pop("item"), "position": pa.array(position), **cells})

    def _request_columns(self, hour: Hour) -> dict[str, pa.Array]:
        columns = {"timestamp": self.timestamps(hour.number, hour.offset)}
        if self._spec.requests:
            columns["request_id"] = self.requests(hour.request)
        if self._spec.users:
            columns["user_id"] = self._users(hour)
        columns["country"] = pa.array(COUNTRIES).take(pa.array(hour.country))
        columns["surface"] = pa.array(SURFACES).take(pa.array(hour.surface))
        columns["model_version"] = pa.array(hour.versions).take(pa.array(hour.version))
        if self._contextual:
            context = pa.array(hour.context, mask=hour.context < 0)
            columns["context_item_id"] = self.item_names.take(context)
        return columns

    def _lists(self, cells: dict[str, pa.Array], length: np.ndarray) -> dict[str, pa.Array]:
        offsets = pa.array(np.concatenate([[0], np.cumsum(length)]).astype(np.int32))
        if self._spec.structs:
            values = pa.StructArray.from_arrays(list(cells.values()), ["id", *list(cells)[1:]])
            return {"items": pa.ListArray.from_arrays(offsets, values)}
        plural = {"item": "items", "score": "scores", "clicked": "clicked"}
        return {plural[name]: pa.ListArray.from_arrays(offsets, cell) for name, cell in cells.items()}

    def timestamps(self, hour: int, offset: np.ndarray) -> pa.Array:
        """Moments, from microseconds since the start of an hour."""
        begin = self._shop.spec.start + timedelta(hours=hour)
        return pa.array(int(begin.timestamp()) * 1_000_000 + offset, pa.timestamp("us", tz="UTC"))

    def requests(self, number: np.ndarray) -> pa.Array:
        """Ids of requests."""
        return pa.array(number) if self._spec.ids == "integer" else hexadecimal(number)

    def _users(self, hour: Hour) -> pa.Array:
        user = np.where(hour.known == GUEST, self._shop.users, hour.user)
        return _named(self._user_names, self._odd_user_names, user, hour.odd_users, hour.known == MISSING)

    def items(self, items: np.ndarray, odd: np.ndarray) -> pa.Array:
        """Ids of items, those flagged in another format."""
        return _named(self.item_names, self._odd_item_names, items, odd, None)


def clicked(hour: Hour) -> np.ndarray:
    """Which places are clicked; bool, shape (n, k)."""
    rate = CLICK_RATE[hour.surface] * hour.appeal
    return np.asarray(hour.luck < rate[:, None] * NEXT_PLACE ** np.arange(hour.slots))


def _named(
    usual: pa.Array, odd: pa.Array, codes: np.ndarray, is_odd: np.ndarray, missing: np.ndarray | None
) -> pa.Array:
    """Names by code, those flagged in the odd form."""
    if not is_odd.any():
        return usual.take(pa.array(codes, mask=missing))
    both = pa.concat_arrays([usual, odd])
    return both.take(pa.array(codes + is_odd * len(usual), mask=missing))
