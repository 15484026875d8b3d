"""A summary as bytes: what the store keeps of the last windows."""

from __future__ import annotations

import json
import struct

from detectors.core.cells import Cells
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary


def summary_to_bytes(summary: Summary) -> bytes:
    """A JSON header, then the bytes of each statistic."""
    blobs = {kind.name: statistic.to_bytes() for kind, statistic in summary.statistics.items()}
    header = json.dumps(
        {
            "columns": summary.cells.columns,
            "cells": summary.cells.values,
            "has": sorted(summary.has),
            "rate": summary.rate,
            "statistics": {name: len(blob) for name, blob in blobs.items()},
        }
    ).encode()
    return struct.pack("<I", len(header)) + header + b"".join(blobs.values())


def summary_from_bytes(blob: bytes, kinds: list[type[Statistic]]) -> Summary:
    """Read what `summary_to_bytes` wrote; statistics of other kinds or versions are left out.

    Raises
    ------
    ValueError
        When the blob is damaged.
    """
    try:
        (length,) = struct.unpack_from("<I", blob)
        header = json.loads(blob[4 : 4 + length])
    except (struct.error, ValueError) as error:
        raise ValueError(f"summary is damaged: {error}") from error
    at, by_name, made = 4 + length, {k.name: k for k in kinds}, {}
    for name, size in header["statistics"].items():
        if name in by_name:
            made[by_name[name]] = by_name[name].from_bytes(blob[at : at + size])
        at += size
    cells = Cells(tuple(header["columns"]), tuple(tuple(v) for v in header["cells"]))
    return Summary(cells, frozenset(header["has"]), made, header["rate"])
