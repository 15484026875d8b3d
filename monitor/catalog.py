"""The catalogue: the items that may be shown."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from monitor.config.models import CatalogConfig
from monitor.errors import LogError


def catalog_size(config: CatalogConfig) -> int:
    """Distinct items of a catalogue.

    Raises
    ------
    LogError
        When the file is missing, cannot be read, or has no column of that name.
    """
    path = Path(config.path)
    try:
        modified = path.stat().st_mtime_ns
    except OSError as error:
        raise LogError(f"catalogue {config.path}: {error.strerror}: check catalog.path") from error
    return _size(str(path), config.item, modified)


@lru_cache(maxsize=32)
def _size(path: str, item: str, modified: int) -> int:
    """Read once for each version of the file."""
    try:
        column = _column(path, item)
    except (pa.ArrowException, OSError) as error:
        raise LogError(f"catalogue {path}: cannot be read: {error}") from error
    except KeyError as error:
        raise LogError(f'catalogue {path}: has no column "{item}": set catalog.item') from error
    return int(pc.count_distinct(column).as_py())


def _column(path: str, item: str) -> pa.ChunkedArray:
    if path.endswith((".csv", ".csv.gz")):
        return pyarrow.csv.read_csv(path).column(item)
    if ".json" in path or ".ndjson" in path:
        return pyarrow.json.read_json(path).column(item)
    if item not in pq.read_schema(path).names:
        raise KeyError(item)
    return pq.read_table(path, columns=[item]).column(item)
