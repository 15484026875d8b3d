"""One hour of a large recommender's prediction log, written row group by row group in constant memory.

plain   integer request ids, lists of ten, rows of a request side by side and scores that fall with the position
hard    long text request ids, lists of 3 to 20, scores in any order, and rows of different requests interleaved, as
        when several servers write: up to two seconds apart
list    as plain, one row a request with list columns
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.simulator.names import decimal, hexadecimal

Variant = Literal["plain", "hard", "list"]

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR_US = 3_600_000_000
MEAN_LENGTH = {"plain": 10.0, "hard": 11.5, "list": 10.0}
VERSIONS, SURFACES = ("v41", "v42"), ("home", "product_page", "cart", "email")
COUNTRIES = ("US", "GB", "DE", "FR", "ES", "IN", "BR", "JP")
INTERLEAVED_US = 2_000_000
PER_REQUEST = ("timestamp", "request_id", "user_id", "model_version", "surface", "country")


@dataclass(frozen=True)
class Shape:
    """How large the shop is whose hour it is.

    Parameters
    ----------
    items, users : int
        Distinct ones that may come.
    surfaces, countries : int
        Values of the two columns, each as frequent as the others.
    files : int
        More than one make a folder of files, one after the other in time.
    row_group : int
        Rows of each row group.
    """

    items: int = 100_000
    users: int = 1_000_000
    surfaces: int = len(SURFACES)
    countries: int = len(COUNTRIES)
    files: int = 1
    row_group: int = 500_000


USUAL = Shape()


def write_hour(
    path: Path,
    variant: Variant,
    rows: int,
    *,
    start: datetime = START,
    seed: int = 7,
    shape: Shape = USUAL,
) -> None:
    """Write the hour that begins at `start`; the file, or the folder of files, appears when it is complete.

    Raises
    ------
    ValueError
        When there are not as many requests as files.
    """
    requests = int(rows / MEAN_LENGTH[variant])
    if requests < shape.files:
        raise ValueError(f"{rows} rows are too few for {shape.files} files with a request each")
    half_written = path.with_name(f".{path.name}.tmp")
    if shape.files > 1:
        half_written.mkdir()
    hour = _Hour(variant, requests, start, np.random.default_rng(seed), shape)
    edges = [requests * i // shape.files for i in range(shape.files + 1)]
    for number, (first, last) in enumerate(pairwise(edges)):
        file = half_written / f"part-{number:05d}.parquet" if shape.files > 1 else half_written
        _write(file, hour.tables(first, last), shape.row_group)
    half_written.rename(path)


def _write(path: Path, tables: Iterator[pa.Table], row_group: int) -> None:
    first = next(tables)
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first, row_group_size=row_group)
        for table in tables:
            writer.write_table(table, row_group_size=row_group)


class _Hour:
    """Draws an hour's requests, a row group at a time."""

    def __init__(
        self, variant: Variant, requests: int, start: datetime, rng: np.random.Generator, shape: Shape
    ) -> None:
        self._variant, self._requests, self._rng, self._shape = variant, requests, rng, shape
        self._begin = int(start.timestamp()) * 1_000_000
        popularity = 1 / np.arange(1, shape.items + 1) ** 0.9
        self._ranks = np.cumsum(popularity / popularity.sum())
        self._items = decimal("sku-", np.arange(shape.items), 7)
        self._users = decimal("user-", np.arange(shape.users), 8)

    def tables(self, first: int, last: int) -> Iterator[pa.Table]:
        """Rows of the requests from `first` to before `last`."""
        at_once = int(self._shape.row_group / MEAN_LENGTH[self._variant])
        for begin in range(first, last, at_once):
            yield self._table(begin, min(at_once, last - begin))

    def _table(self, first: int, n: int) -> pa.Table:
        variant, rng, shape = self._variant, self._rng, self._shape
        length = rng.integers(3, 21, n) if variant == "hard" else np.full(n, 10)
        user = np.floor(shape.users * rng.random(n) ** 1.3).astype(np.int64)
        spread = max(1, HOUR_US * n // self._requests)
        offset = HOUR_US * first // self._requests + np.sort(rng.integers(0, spread, n))
        request = {
            "timestamp": pa.array(self._begin + offset, pa.timestamp("us", tz="UTC")),
            "request_id": _request_ids(variant, np.arange(first, first + n), rng),
            "user_id": self._users.take(pa.array(user)),
            "model_version": pa.array(VERSIONS).take(pa.array((rng.random(n) < 0.1).astype(np.int64))),
            "surface": _any_of(_values(SURFACES, shape.surfaces), n, rng),
            "country": _any_of(_values(COUNTRIES, shape.countries), n, rng),
        }
        row = np.repeat(np.arange(n), length)
        rank = np.searchsorted(self._ranks, rng.random(len(row))).clip(0, shape.items - 1)
        item = self._items.take(pa.array((rank + user[row] % 97 * 31) % shape.items))
        score = rng.beta(2, 5, len(row)).astype(np.float32)
        if variant != "hard":
            score = -np.sort(-score.reshape(n, 10), axis=1).ravel()
        if variant == "list":
            ends = pa.array(np.concatenate([[0], np.cumsum(length)]).astype(np.int32))
            lists = {"items": item, "scores": pa.array(score)}
            return pa.table({**request, **{k: pa.ListArray.from_arrays(ends, v) for k, v in lists.items()}})
        position = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length) + 1
        long = pa.table({name: column.take(pa.array(row)) for name, column in request.items()})
        long = long.append_column("item_id", item).append_column("position", pa.array(position, pa.int16()))
        long = long.append_column("score", pa.array(score))
        if variant == "hard":
            written = offset[row] + rng.integers(0, INTERLEAVED_US, len(row))
            long = long.take(pa.array(np.argsort(written, kind="stable")))
        return long


def _values(names: tuple[str, ...], n: int) -> list[str]:
    """So many values: the names, and numbered ones after them."""
    return [*names[:n], *(f"more-{i}" for i in range(len(names), n))]


def _any_of(values: list[str], n: int, rng: np.random.Generator) -> pa.Array:
    return pa.array(values).take(pa.array(rng.integers(0, len(values), n)))


def _request_ids(variant: Variant, numbers: np.ndarray, rng: np.random.Generator) -> pa.Array:
    if variant != "hard":
        return pa.array(numbers)
    random = hexadecimal(rng.integers(0, 2**63, len(numbers)).astype(np.uint64))
    counted = pc.utf8_slice_codeunits(hexadecimal(numbers.astype(np.uint64)), 4)
    return pc.binary_join_element_wise(random, counted, "-")
