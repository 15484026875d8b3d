"""Catalogue files for tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.catalog import CatalogFile, CatalogRead
from monitor.config.models import CatalogConfig
from monitor.errors import LogError

LONG_AGO = 1_700_000_000  # 2023-11-14 22:13:20 UTC


def catalogue(path: Path | str, item: str = "item_id", **columns: str) -> CatalogFile:
    return CatalogFile(CatalogConfig(path=str(path), item=item, columns=columns))


def read(path: Path, item: str = "item_id", **columns: str) -> CatalogRead:
    return catalogue(path, item, **columns).read()


def refusal(path: Path, item: str = "item_id") -> str:
    with pytest.raises(LogError) as error:
        read(path, item)
    return str(error.value).replace(str(path), "FILE")


def parquet(path: Path, *, at: float | None = LONG_AGO, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path if at is None else aged(path, at)


def written(path: Path, content: str | bytes, *, at: float | None = LONG_AGO) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path if at is None else aged(path, at)


def aged(path: Path, at: float) -> Path:
    os.utime(path, (at, at))
    return path
