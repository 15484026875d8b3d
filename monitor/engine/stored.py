"""A summary as bytes: what the store keeps of the last windows."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from zlib import crc32

from detectors.core.cells import Cells
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary

HEAD = struct.Struct("<II")  # length and checksum of the header


def summary_to_bytes(summary: Summary) -> bytes:
    """A JSON header, then the bytes of each statistic."""
    blobs = [(kind, statistic.to_bytes()) for kind, statistic in summary.statistics.items()]
    header = json.dumps(
        {
            "columns": summary.cells.columns,
            "cells": summary.cells.values,
            "has": sorted(summary.has),
            "rate": summary.rate,
            "statistics": [(kind.name, kind.version, len(blob)) for kind, blob in blobs],
        }
    ).encode()
    return HEAD.pack(len(header), crc32(header)) + header + b"".join(blob for _, blob in blobs)


def summary_from_bytes(blob: bytes, kinds: Iterable[type[Statistic]]) -> Summary:
    """Read what `summary_to_bytes` wrote; statistics of other kinds or versions are left out.

    Raises
    ------
    ValueError
        When the blob is damaged.
    """
    try:
        length, checksum = HEAD.unpack_from(blob)
    except struct.error as error:
        raise ValueError(f"summary is damaged: {error}") from error
    at = HEAD.size + length
    if crc32(blob[HEAD.size : at]) != checksum:
        raise ValueError("summary is damaged: the checksum of its header differs")
    header = json.loads(blob[HEAD.size : at])
    wanted = {(kind.name, kind.version): kind for kind in kinds}
    made = {}
    for name, version, size in header["statistics"]:
        if (kind := wanted.get((name, version))) is not None:
            made[kind] = kind.from_bytes(blob[at : at + size])
        at += size
    cells = Cells(tuple(header["columns"]), tuple(tuple(v) for v in header["cells"]))
    return Summary(cells, frozenset(header["has"]), made, header["rate"])
