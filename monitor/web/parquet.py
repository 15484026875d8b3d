"""Measurements as a Parquet file; written in a worker process, for the daemon's own never has Arrow in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.store.store import Store
from monitor.web.measurements import COLUMNS, measurements

TIME, NAME = pa.timestamp("us", "UTC"), pa.dictionary(pa.int32(), pa.string())
TYPES = {
    **dict.fromkeys(("window_start", "window_end"), TIME),
    **dict.fromkeys(("slice", "detector", "measure", "verdict"), NAME),
    "excluded": pa.bool_(),
}
SCHEMA = pa.schema([(name, TYPES.get(name, pa.float64())) for name in COLUMNS])


def write(
    folder: Path, path: Path, recommender: str, since: datetime, until: datetime, chosen: Mapping[str, str]
) -> None:
    """Write what `measurements` finds in the store of a folder to a file; what could not be measured is NaN.

    Raises
    ------
    StoreError
        When the store cannot be read.
    """
    with Store.open(folder, read_only=True) as store, pq.ParquetWriter(path, SCHEMA) as out:
        for rows in measurements(store, recommender, since, until, chosen):
            columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
            arrays = [pa.array(list(c), field.type) for c, field in zip(columns, SCHEMA, strict=True)]
            out.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
