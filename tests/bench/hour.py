"""One hour of a large recommender's prediction log, written row group by row group in constant memory.

plain   integer request ids, lists of ten, rows of a request side by side and scores that fall with the position
hard    long text request ids, lists of 3 to 20, scores in any order, and rows of different requests interleaved, as
        when several servers write: up to two seconds apart
list    as plain, one row a request with list columns
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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
ROW_GROUP = 500_000
ITEMS, USERS = 100_000, 1_000_000
MEAN_LENGTH = {"plain": 10.0, "hard": 11.5, "list": 10.0}
VERSIONS, SURFACES = ("v41", "v42"), ("home", "product_page", "cart", "email")
COUNTRIES = ("US", "GB", "DE", "FR", "ES", "IN", "BR", "JP")
INTERLEAVED_US = 2_000_000
PER_REQUEST = ("timestamp", "request_id", "user_id", "model_version", "surface", "country")


def write_hour(path: Path, variant: Variant, rows: int, *, start: datetime = START, seed: int = 7) -> None:
    """Write the hour that begins at `start`; the file appears when it is complete."""
    half_written = path.with_name(f".{path.name}.tmp")
    writer: pq.ParquetWriter | None = None
    for table in _chunks(variant, rows, start, np.random.default_rng(seed)):
        writer = writer or pq.ParquetWriter(half_written, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=ROW_GROUP)
    if writer is None:
        raise ValueError(f"{rows} rows are too few for one request")
    writer.close()
    half_written.rename(path)


def _chunks(variant: Variant, rows: int, start: datetime, rng: np.random.Generator) -> Iterator[pa.Table]:
    requests = int(rows / MEAN_LENGTH[variant])
    at_once = int(ROW_GROUP / MEAN_LENGTH[variant])
    popularity = 1 / np.arange(1, ITEMS + 1) ** 0.9
    ranks = np.cumsum(popularity / popularity.sum())
    items, users = decimal("sku-", np.arange(ITEMS), 7), decimal("user-", np.arange(USERS), 8)
    begin = int(start.timestamp()) * 1_000_000
    for first in range(0, requests, at_once):
        n = min(at_once, requests - first)
        length = rng.integers(3, 21, n) if variant == "hard" else np.full(n, 10)
        user = np.floor(USERS * rng.random(n) ** 1.3).astype(np.int64)
        offset = HOUR_US * first // requests + np.sort(rng.integers(0, HOUR_US * n // requests, n))
        request = {
            "timestamp": pa.array(begin + offset, pa.timestamp("us", tz="UTC")),
            "request_id": _request_ids(variant, np.arange(first, first + n), rng),
            "user_id": users.take(pa.array(user)),
            "model_version": pa.array(VERSIONS).take(pa.array((rng.random(n) < 0.1).astype(np.int64))),
            "surface": pa.array(SURFACES).take(pa.array(rng.integers(0, len(SURFACES), n))),
            "country": pa.array(COUNTRIES).take(pa.array(rng.integers(0, len(COUNTRIES), n))),
        }
        row = np.repeat(np.arange(n), length)
        rank = np.searchsorted(ranks, rng.random(len(row))).clip(0, ITEMS - 1)
        item = items.take(pa.array((rank + user[row] % 97 * 31) % ITEMS))
        score = rng.beta(2, 5, len(row)).astype(np.float32)
        if variant != "hard":
            score = -np.sort(-score.reshape(n, 10), axis=1).ravel()
        if variant == "list":
            ends = pa.array(np.concatenate([[0], np.cumsum(length)]).astype(np.int32))
            lists = {"items": item, "scores": pa.array(score)}
            yield pa.table({**request, **{k: pa.ListArray.from_arrays(ends, v) for k, v in lists.items()}})
            continue
        position = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length) + 1
        long = pa.table({name: column.take(pa.array(row)) for name, column in request.items()})
        long = long.append_column("item_id", item).append_column("position", pa.array(position, pa.int16()))
        long = long.append_column("score", pa.array(score))
        if variant == "hard":
            written = offset[row] + rng.integers(0, INTERLEAVED_US, len(row))
            long = long.take(pa.array(np.argsort(written, kind="stable")))
        yield long


def _request_ids(variant: Variant, numbers: np.ndarray, rng: np.random.Generator) -> pa.Array:
    if variant != "hard":
        return pa.array(numbers)
    random = hexadecimal(rng.integers(0, 2**63, len(numbers)).astype(np.uint64))
    counted = pc.utf8_slice_codeunits(hexadecimal(numbers.astype(np.uint64)), 4)
    return pc.binary_join_element_wise(random, counted, "-")
