"""The catalogue: the items that may be shown."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache

import numpy as np

from monitor.config.models import CatalogConfig
from monitor.engine.codes import codes_of
from monitor.errors import LogError
from monitor.logs import LogFile, Quarantine
from monitor.logs.columns import Column, Kind, is_list, is_nested
from monitor.logs.listing import SUFFIXES, belongs
from monitor.logs.reader import open_reader
from monitor.logs.source import BadFile, LocalSource


def catalog_size(config: CatalogConfig) -> int:
    """Distinct items of a catalogue; null and the empty text are none.

    Raises
    ------
    LogError
        When the file is missing or cannot be read to its end, or when its column of items is missing or empty.
    """
    try:
        found = os.stat(config.path)
    except OSError as error:
        raise LogError(f"catalogue {config.path}: {error.strerror}: check catalog.path") from error
    file = LogFile(config.path, found.st_size, found.st_mtime_ns // 1000)
    try:
        return _size(file, config.item)
    except BadFile as error:
        raise LogError(f"catalogue {config.path}: {error}") from error


@lru_cache(maxsize=32)
def _size(file: LogFile, item: str) -> int:
    """Read once for each version of the file, as a log is read, but to its end: none of it is still to come."""
    file = replace(file, modified_us=0)
    column = Column("item", item, Kind.ID)
    name = os.path.basename(file.path)
    log_format = next((f for f in SUFFIXES if belongs(name, f)), "parquet")
    reader = open_reader(log_format, LocalSource(), [column], "auto")
    kind = reader.facts(file).types.get("item")
    if kind is None:
        raise BadFile(f'has no column "{item}": set catalog.item')
    if is_list(kind) or is_nested(kind):
        raise BadFile(f'column "{item}" holds {"lists" if is_list(kind) else "records"}: set catalog.item')
    quarantine = Quarantine()
    parts = [np.empty(0, np.uint64)]
    for table in reader.read(file, quarantine, None, {}, {"item"}):
        for chunk in table.column("item").chunks:
            codes = codes_of(chunk)
            parts.append(codes.hashes[codes.count() > 0])
    if quarantine.items:
        raise BadFile(f"cannot be read in full: {quarantine.items[0].reason}")
    size = len(np.unique(np.concatenate(parts)))
    if not size:
        raise BadFile(f'holds no item in column "{item}"')
    return size
