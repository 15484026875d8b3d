"""What `check` says of a catalogue: what it holds, what is odd about it, and whether it is that of the log's items."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pyarrow as pa

from detectors.core.hashing import U64
from monitor.catalog import CatalogFile, CatalogRead
from monitor.config.models import RecommenderConfig
from monitor.detector_settings import build
from monitor.engine.codes import codes_of, unify
from monitor.inspect.agreement import OpenedLog
from monitor.logs import Quarantine
from monitor.own.columns import of_catalog
from monitor.windows import EPOCH


def read_configured(recommender: RecommenderConfig) -> CatalogRead | None:
    """The catalogue with the columns that detectors ask for, None where none is configured.

    Raises
    ------
    LogError
        When it cannot be read.
    """
    if recommender.catalog is None:
        return None
    configured = build(recommender.detectors, recommender.detector_files)
    own = of_catalog(c.detector for c in configured.values())
    return CatalogFile(recommender.catalog, recommender.log, own).read()


def catalog_lines(read: CatalogRead, opened: OpenedLog) -> Iterator[str]:
    """Lines of text, the first without indentation."""
    at = EPOCH + timedelta(microseconds=read.modified_us)
    yield f"catalogue: {len(read.catalog):,} items, changed {at:%Y-%m-%d %H:%M} UTC"
    yield from (f"  {remark}" for remark in read.remarks)
    shown, rows, example = _newest_items(opened)
    if not len(shown):
        return
    shares = [
        float(rows[catalog.find(shown) >= 0].sum() / rows.sum())
        for catalog in (read.catalog, read.in_other_form)
    ]
    if not max(shares):
        yield (
            f"  none of the newest rows has an item of it (the log has {example}, the catalogue {read.example}): "
            "is it the catalogue of these items?"
        )
        return
    form = "" if shares[0] else f", as {'texts' if read.integers else 'numbers'}"
    yield f"  {100 * (shares[0] or shares[1]):.4g} % of the newest rows have an item of it{form}"


def _newest_items(opened: OpenedLog) -> tuple[U64, np.ndarray, str]:
    """Hashes of the items in the first part of the newest file, the rows of each, and an id."""
    for file in reversed(opened.files):
        cost = opened.log.cost([file], Quarantine()).per_file
        for table in opened.log.read(file, Quarantine(), [0] if cost and cost[0].row_groups else None):
            chunks = [_flat(chunk) for chunk in table.column("item").chunks]
            items = unify([codes_of(chunk) for chunk in chunks])
            count = items.count()
            there = np.flatnonzero(count)
            if len(there):
                name = str(items.names[int(there[0])])
                return items.hashes[there], count[there], name if _numbers(chunks[0]) else f'"{name}"'
    return np.empty(0, np.uint64), np.empty(0, np.int64), ""


def _flat(items: pa.Array) -> pa.Array:
    return items.flatten() if pa.types.is_list(items.type) else items


def _numbers(items: pa.Array) -> bool:
    return bool(pa.types.is_integer(items.type))
