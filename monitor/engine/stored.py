"""A summary as bytes: what the store keeps of the last windows."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from zlib import crc32

from detectors.core.cells import Cells
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary

HEAD = struct.Struct("<II")  # length and checksum of the header


@dataclass(frozen=True, eq=False)
class Stored(Mapping[type[Statistic], Statistic]):
    """Statistics that are decoded when they are asked for: of an old window, most never are.

    One that is damaged is as if it had not been stored.
    """

    decode: Mapping[type[Statistic], Callable[[], Statistic]]
    _made: dict[type[Statistic], Statistic] = field(default_factory=dict)

    def __getitem__(self, kind: type[Statistic]) -> Statistic:
        if kind not in self._made:
            try:
                self._made[kind] = self.decode[kind]()
            except ValueError as error:
                raise KeyError(kind) from error
        return self._made[kind]

    def __iter__(self) -> Iterator[type[Statistic]]:
        return iter(self.decode)

    def __len__(self) -> int:
        return len(self.decode)


def summary_to_bytes(summary: Summary) -> bytes:
    """A JSON header, then the bytes of each statistic."""
    blobs = [(kind, statistic.to_bytes()) for kind, statistic in summary.statistics.items()]
    header = json.dumps(
        {
            "columns": summary.cells.columns,
            "cells": summary.cells.values,
            "has": sorted(summary.has),
            "rate": summary.rate,
            "kinds": [*summary.kinds.items()],
            "statistics": [(kind.name, kind.version, len(blob)) for kind, blob in blobs],
        }
    ).encode()
    return HEAD.pack(len(header), crc32(header)) + header + b"".join(blob for _, blob in blobs)


def summary_from_bytes(blob: bytes, kinds: Iterable[type[Statistic]]) -> Summary:
    """Read what `summary_to_bytes` wrote; statistics of other kinds or versions are left out.

    Raises
    ------
    ValueError
        When the blob is damaged or cut short.
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
    made: dict[type[Statistic], Callable[[], Statistic]] = {}
    for name, version, size in header["statistics"]:
        if (kind := wanted.get((name, version))) is not None:
            made[kind] = partial(kind.from_bytes, blob[at : at + size])
        at += size
    if at != len(blob):
        raise ValueError("summary is damaged: it is cut short")
    cells = Cells(tuple(header["columns"]), tuple(tuple(v) for v in header["cells"]))
    depend_on = {tuple(values): what for values, what in header.get("kinds", ())}
    return Summary(cells, frozenset(header["has"]), Stored(made), header["rate"], depend_on)
